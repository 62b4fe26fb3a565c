"""Real images and a real client, so that nothing in the sandbox has to pretend that a pull worked."""
