"""What the server tells of its work: events, logs and meters."""
