"""How records and their history lie in rows, and what columns are made of them. Pure but for the tables' metadata."""
