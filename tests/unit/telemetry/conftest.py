"""Tests of telemetry see what OpenTelemetry's own SDK records."""

from tests.fixtures.telemetry import recorded

__all__ = ["recorded"]
