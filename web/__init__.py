"""HTTP in, one call to a store or the core, HTTP out. No models, no SQLAlchemy, no session: a view asks a store."""
