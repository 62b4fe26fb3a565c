"""The pure heart: no I/O, no SDK, no clock."""
