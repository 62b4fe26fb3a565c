"""The local world: emulators of the outside systems and an embedded Functions host. Never deployed."""
