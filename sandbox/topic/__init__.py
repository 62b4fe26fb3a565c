"""Event Grid: the custom topic that takes the product's events, and the delivery of system topics' events to it."""
