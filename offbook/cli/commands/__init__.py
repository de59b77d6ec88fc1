"""One module for each kind of work that the command does."""
