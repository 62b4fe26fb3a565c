"""The control API of a world: seed its state, read it, and do to it what people and outages do to the real one."""
