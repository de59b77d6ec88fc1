"""Options that name fields and values of a record."""
