"""Triggers, a module per event source: parse, call one use case, log the outcome."""
