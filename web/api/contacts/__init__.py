"""Contacts for plain REST clients: records, labels, files in and out."""
