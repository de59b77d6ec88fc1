"""The databases that offbook runs on: what differs between them, migrations and maintenance."""
