"""The environment variables that the command reads."""

from __future__ import annotations

BOOK = "OFFBOOK_DB"
"""The book's file."""

TOKEN = "OFFBOOK_TOKEN"
"""The device's token, for `offbook init`."""

HEADERS = "OFFBOOK_HEADERS"
"""Lines of headers, for `offbook ingest`."""

DEBUG = "OFFBOOK_DEBUG"
"""Where it is set, a fault of offbook ends with its traceback."""
