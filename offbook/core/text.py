"""Text as search and sorting see it, without case and accents; and as it may be shown, without what would be obeyed.

What is folded is compared and never shown. Nothing here depends on a language or on the machine's locale, so that a
server and all its devices fold alike.
"""

from __future__ import annotations

import re
from unicodedata import combining, normalize

UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves a cursor, colours or reorders text, or is no text at all."""


def normalize_for_search(text: str) -> str:
    """``text`` without case and accents: ``Ångström`` and ``ANGSTROM`` fold to the same. Folding twice changes nothing.

    Decomposed again after the case is gone, since some small letters (``ΐ``) come with accents of their own.
    """
    if text.isascii():
        return text.lower()
    folded = normalize("NFKD", normalize("NFKD", text).casefold())
    return "".join(letter for letter in folded if not combining(letter))


def without_control_characters(line: str) -> str:
    """One line, with nothing in it that a terminal would obey, or that would reorder the text around it on a page."""
    return UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), line)
