"""Cachewarden: what the triggers call. Layers: application and adapters on top of a pure domain."""
