"""The last part of a card's path: a client's own where it made the card, and else made of the contact's UID."""

from __future__ import annotations

import re

SEGMENT_MAX = 255
SUFFIX = ".vcf"
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+=~-]*", re.ASCII)
"""A UID that needs no escapes in a path."""


def is_segment(text: str) -> bool:
    """Whether a text can be the last part of a path, and every database can hold it."""
    return 0 < len(text) <= SEGMENT_MAX and text not in (".", "..") and text.isprintable() and "/" not in text


def segments_for(record_id: str, uid: str | None) -> tuple[str, ...]:
    """What a contact that no client named may be called, the best first: another one may be called so already."""
    by_id = (f"{record_id}{SUFFIX}", f"{record_id}-offbook{SUFFIX}")
    is_plain = uid is not None and len(uid) + len(SUFFIX) <= SEGMENT_MAX and PLAIN.fullmatch(uid) is not None
    return (f"{uid}{SUFFIX}", *by_id) if is_plain else by_id


def stem_of(segment: str) -> str:
    """The UID, or the id, of a contact that is called so by us; empty where it is no such name."""
    return segment.removesuffix(SUFFIX) if segment.endswith(SUFFIX) else ""
