"""How two sides find out whether they hold the same: digests, and ranges of ids."""
