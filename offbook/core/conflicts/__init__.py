"""Conflicts that wait for a person: how a decision is read, and how many are decided at once."""
