"""Records that others name by a text: they are there, and whoever renames one does so for all who name it."""
