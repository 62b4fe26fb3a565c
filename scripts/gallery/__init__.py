"""Pictures of every notice as each channel shows it, from the payloads that the channels are sent."""
