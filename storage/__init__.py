"""Where books are kept: the stores, the engines under them, and what is asked of them. Persistence only."""
