"""What may be the name of a user or a device, and when two names are the same."""

from __future__ import annotations

from unicodedata import normalize

from offbook.core.errors import Invalid

NAME_LENGTH_MAX = 100

FOLDED_LENGTH_MAX = 300
"""Some letters fold to several; a name that takes more can't be told from others by an index of every engine."""


def validate_name(text: str) -> str:
    """``text`` as a name: one space between words, nothing invisible; raises Invalid where nothing good is left."""
    name = " ".join(text.split())
    if not name or len(name) > NAME_LENGTH_MAX or not name.isprintable() or len(folded(name)) > FOLDED_LENGTH_MAX:
        raise Invalid("bad_name", f"A name has 1 to {NAME_LENGTH_MAX} visible characters. Choose another one.")
    return name


def folded(name: str) -> str:
    """``name`` as names are compared: without case, and however a keyboard composed it (NFKC; Unicode 16, D146).

    Folding twice changes nothing. Accents stay, other than in a search (offbook.core.text).
    """
    return " ".join(normalize("NFKC", normalize("NFKC", name).casefold()).split())
