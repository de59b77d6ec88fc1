"""The list of contacts as pages show it: its orders, its headings, and searches of it."""
