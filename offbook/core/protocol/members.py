"""Which records are to name another one from now on, and which no more, as one request says it."""

from __future__ import annotations

from typing import NamedTuple

from offbook.core import messages
from offbook.core.cells.validation import UUID_TEXT, Json
from offbook.core.errors import Malformed

MEMBERS_MAX = 1_000
"""So many ids one request may have: what a push may have changes."""


class Members(NamedTuple):
    """The ids of records, each once: those that are to name it, and those that are not to."""

    add: tuple[str, ...]
    remove: tuple[str, ...]


def parse_members(envelope: Json) -> Members:
    """Read the body. Raises Malformed."""
    if not isinstance(envelope, dict):
        raise Malformed.of(messages.MEMBERS_NOT_AN_OBJECT)
    if unknown := envelope.keys() - {"add", "remove"}:
        raise Malformed.of(messages.UNKNOWN_KEY, key=min(unknown)[:80])
    members = Members(*(_ids(envelope.get(name, [])) for name in ("add", "remove")))
    if not 0 < len(members.add) + len(members.remove) <= MEMBERS_MAX:
        raise Malformed.of(messages.BAD_MEMBERS, limit=MEMBERS_MAX)
    if both := set(members.add) & set(members.remove):
        raise Malformed.of(messages.MEMBER_IN_BOTH, id=min(both))
    return members


def _ids(value: Json) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MEMBERS_MAX:
        raise Malformed.of(messages.BAD_MEMBERS, limit=MEMBERS_MAX)
    if not all(isinstance(record_id, str) and UUID_TEXT.fullmatch(record_id) for record_id in value):
        raise Malformed.of(messages.BAD_ID_OF_MEMBERS)
    return tuple(dict.fromkeys(record_id.lower() for record_id in value))
