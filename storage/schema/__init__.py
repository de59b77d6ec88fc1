"""Which synced tables a database has, and how those that apps brought lie in it."""
