"""The store over a relational database: statements, and how rows and values become each other."""
