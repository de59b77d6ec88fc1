"""What can be seen of the server's work: events, logs and meters."""
