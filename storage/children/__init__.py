"""Processes of the server's own for what may be hostile: each within its limits, and ended with the server's."""
