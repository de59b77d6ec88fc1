"""Moving a server to another database, and making sure that nothing was lost."""
