"""What storage gives to whoever reads it, as values. Times are microseconds since 1970."""
