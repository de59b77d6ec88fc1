"""The replica's SQLite file: its tables and triggers, and what is read from them and written to them."""
