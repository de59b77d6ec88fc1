"""Measurements, to be read and not tested: `make bench`. A real server on loopback, SQLite with FULL, one client."""
