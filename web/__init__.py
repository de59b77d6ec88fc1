"""HTTP in, one call of a service, HTTP out. Views run no transactions, build no changes, and know no SQLAlchemy."""
