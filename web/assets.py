"""The files that pages load: styles, scripts and pictures. A browser asks for each of them once.

Their URL has a checksum of all of them in it, so that an answer may be kept: what changed has another URL. They name
each other by relative URLs only, and so does every page that was sent with one checksum go on with the same.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

CACHE_SECONDS = 365 * 24 * 3600
"""A year: the longest that HTTP knows to say."""


def url_of(folder: Path) -> str:
    """Under which URL the files in ``folder`` are served, as they are now."""
    digest = sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        digest.update(sha256(path.read_bytes()).digest())
    return f"/static/{digest.hexdigest()[:12]}"
