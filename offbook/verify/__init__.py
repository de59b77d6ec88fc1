"""Comparing a replica with its server, and repairing what differs."""
