"""The console: pages for people, rendered here, from what the use cases answer. No script, no outside resource."""
