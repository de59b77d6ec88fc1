"""Persistence: the store of books, the database engines under it, and the queries beside it."""
