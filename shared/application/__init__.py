"""The use cases. They talk to ports and know no outside system."""
