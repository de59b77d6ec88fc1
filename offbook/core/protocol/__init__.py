"""Requests and answers of the sync protocol, as JSON and as values."""
