"""What may be the name of a user or a device."""

from __future__ import annotations

from offbook.core.errors import Invalid

NAME_LENGTH_MAX = 100


def a_name(text: str) -> str:
    """``text`` as a name: one space between words, nothing invisible; raises Invalid where nothing good is left."""
    name = " ".join(text.split())
    if not name or len(name) > NAME_LENGTH_MAX or not name.isprintable():
        raise Invalid("bad_name", f"A name has 1 to {NAME_LENGTH_MAX} visible characters. Choose another one.")
    return name
