"""How fast offbook is beside others that do the same: other programs, plain SQLite, and its own last version."""
