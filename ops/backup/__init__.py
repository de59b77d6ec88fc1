"""Backups of a database: made, checked and restored, for every engine."""
