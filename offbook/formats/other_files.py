"""Files that people take for one of contacts, and what is said of them."""

from __future__ import annotations

from offbook.core.errors import Malformed
from offbook.formats import messages

HEAD = 4096
"""The bytes of a file's beginning that say what it is."""

ARCHIVES = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How a zip begins, which .xlsx is too, and a document of older Microsoft Office."""

WEB_PAGES = (b"<!doctype html", b"<html", b"<?xml", b"<head")
BEFORE_TEXT = b"\xef\xbb\xbf \t\r\n"


def refuse_other_files(head: bytes) -> None:
    """Raise Malformed for a file that begins like a web page, an archive or nothing at all."""
    if head.startswith(ARCHIVES):
        raise Malformed.of(messages.ARCHIVE)
    text = head.lstrip(BEFORE_TEXT)
    if not text:
        raise Malformed.of(messages.NOTHING)
    if text.lower().startswith(WEB_PAGES):
        raise Malformed.of(messages.WEB_PAGE)
