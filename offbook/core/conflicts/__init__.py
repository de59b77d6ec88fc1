"""Conflicts that wait for a person: their codec, what can be chosen, and the patch that follows."""
