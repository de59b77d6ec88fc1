"""Text as search and sorting see it: without case and without accents.

What is folded is compared and never shown. Nothing here depends on a language or on the machine's locale, so that a
server and all its devices fold alike.
"""

from __future__ import annotations

from unicodedata import combining, normalize


def fold(text: str) -> str:
    """``text`` without case and accents: ``Ångström`` and ``ANGSTROM`` fold to the same. Folding twice changes nothing.

    Decomposed again after the case is gone, since some small letters (``ΐ``) come with accents of their own.
    """
    if text.isascii():
        return text.lower()
    folded = normalize("NFKD", normalize("NFKD", text).casefold())
    return "".join(letter for letter in folded if not combining(letter))
