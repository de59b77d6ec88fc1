"""Parts of pages, which scripts ask for by ``X-Fragment``. Without it, and so without scripts, all pages are whole.

``page`` is the page that somebody looks at, once more, since others changed the book. Nobody visits anything by that.
"""

from __future__ import annotations

from flask import request


def requested_fragment() -> str:
    """The part that a script requests: empty for a visit."""
    return request.headers.get("X-Fragment", "")


def is_refresh() -> bool:
    """It takes no flash, which is for a visit, and writes no cookie: it could bring back one that signing out took."""
    return requested_fragment() == "page"
