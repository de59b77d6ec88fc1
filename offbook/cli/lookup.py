"""Which contact, change or conflict is meant by what was typed: an id, the beginning of one, or a contact's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from offbook.cli.errors import Ambiguous
from offbook.cli.output import flatten, short_ids
from offbook.core.errors import NotFound
from offbook.core.formatting import format_count
from offbook.database.connection import bindable
from offbook.replica import Replica

PREFIX_LENGTH_MIN = 6
"""Of an id's beginning: `rm ada` or `rm dead` must not find an id that happens to begin so."""

LISTED_MAX = 5
"""How many contacts are named where several are meant."""

BY_ID_OR_NAME = """SELECT id, name FROM contacts
  WHERE id = ? OR name = ? OR (? <> '' AND substr(id, 1, ?) = ?) ORDER BY id"""

NAMES = """SELECT record_id, json_extract(data, '$.name') FROM change_log
  WHERE operation = 'INSERT' AND json_valid(data) UNION ALL SELECT id, name FROM contacts"""
"""The present names last, so that they count more than those that records were added with."""

KNOWN_IDS = """SELECT record_id FROM server_rows WHERE substr(record_id, 1, ?) = ?
  UNION SELECT record_id FROM change_log WHERE substr(record_id, 1, ?) = ?"""

Item = TypeVar("Item")


def find_contact(book: Replica, text: str) -> str:
    """The id of the contact that is meant: by its id, by how that begins, or by its whole name.

    Raises NotFound and Ambiguous.
    """
    wanted = bindable(text)
    prefix = wanted.lower() if len(wanted) >= PREFIX_LENGTH_MIN else ""
    rows = book.connection.execute(BY_ID_OR_NAME, (wanted, wanted, prefix, len(prefix), prefix)).fetchall()
    if len(rows) > 1:
        rows = [row for row in rows if row[0] == wanted] or rows
    if not rows:
        raise NotFound(f"There is no contact with the id or name “{text}”. `offbook list` shows those that are there.")
    if len(rows) > 1:
        raise Ambiguous(f"Several contacts are “{text}”: {_listed(rows)}. Say which by its id.")
    return str(rows[0][0])


def _listed(rows: list[tuple[str, str]]) -> str:
    ids = short_ids([row[0] for row in rows])
    names = [f"{ids[id]} ({flatten(name)})" for id, name in rows[:LISTED_MAX]]
    if len(rows) > LISTED_MAX:
        names.append(f"and {format_count(len(rows) - LISTED_MAX, 'other')}")
    return ", ".join(names)


def find_contact_or_deleted(book: Replica, text: str) -> str:
    """As find_contact(); also one that is not here any more, by its id or the name that it was added with."""
    try:
        return find_contact(book, text)
    except NotFound:
        prefix = bindable(text).lower()
        parameters = (len(prefix), prefix) * 2
        rows = book.connection.execute(KNOWN_IDS, parameters) if len(prefix) >= PREFIX_LENGTH_MIN else ()
        ids = {id for (id,) in rows} | {id for id, name in book.connection.execute(NAMES) if name == text}
        if len(ids) > 1:
            raise Ambiguous(f"Several contacts are, or were, “{text}”. Say which by its id.") from None
        if not ids:
            raise
        return str(ids.pop())


def find_by_prefix(items: Sequence[Item], text: str, id_of: Callable[[Item], str], noun: str, missing: str) -> Item:
    """The item whose id begins with ``text``. Raises NotFound, which says ``missing``, and Ambiguous."""
    matches = [item for item in items if text and id_of(item).startswith(text.lower())]
    if not matches:
        raise NotFound(missing)
    if len(matches) > 1:
        raise Ambiguous(f"{format_count(len(matches), noun)} have an id that begins with “{text}”: give more of it.")
    return matches[0]
