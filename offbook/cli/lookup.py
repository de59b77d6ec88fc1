"""Which record, change or conflict is meant by what was typed: an id, the beginning of one, or a record's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from offbook.cli import messages
from offbook.cli.errors import Ambiguous
from offbook.cli.output import flatten, short_ids
from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core.errors import NotFound
from offbook.core.formatting import format_count
from offbook.core.listing import name_field
from offbook.core.schema import Table
from offbook.database.connection import bindable
from offbook.replica import Replica

PREFIX_LENGTH_MIN = 6
"""Of an id's beginning: `rm ada` or `rm dead` must not find an id that happens to begin so."""

LISTED_MAX = 5
"""How many records are named where several are meant."""

KNOWN_IDS = """SELECT record_id FROM server_rows WHERE table_name = ?1 AND substr(record_id, 1, ?2) = ?3
  UNION SELECT record_id FROM change_log WHERE table_name = ?1 AND substr(record_id, 1, ?2) = ?3"""

Item = TypeVar("Item")


def find_contact(book: Replica, text: str) -> str:
    """The id of the contact that is meant, as find_record() finds it."""
    return find_record(book, CONTACTS, text)


def find_record(book: Replica, table: Table, text: str) -> str:
    """The id of the record that is meant: by its id, by how that begins, or by its whole name.

    Raises NotFound and Ambiguous.
    """
    wanted = bindable(text)
    prefix = wanted.lower() if len(wanted) >= PREFIX_LENGTH_MIN else ""
    rows = book.connection.execute(_by_id_or_name(table), (wanted, wanted, prefix, len(prefix), prefix)).fetchall()
    if len(rows) > 1:
        rows = [row for row in rows if row[0] == wanted] or rows
    if not rows:
        raise NotFound.of(
            messages.NO_RECORD,
            noun=table.singular,
            column=_name_column(table),
            text=text,
            command=list_command(table),
        )
    if len(rows) > 1:
        raise Ambiguous.of(messages.SEVERAL_RECORDS, nouns=plural(table), text=text, records=_listed(rows))
    return str(rows[0][0])


def _by_id_or_name(table: Table) -> str:
    name = _name_column(table)
    return (
        f'SELECT id, "{name}" FROM "{table.name}"'
        f""" WHERE id = ? OR "{name}" = ? OR (? <> '' AND substr(id, 1, ?) = ?) ORDER BY id"""
    )


def _name_column(table: Table) -> str:
    field = name_field(table)
    return "id" if field is None else field.name


def plural(table: Table) -> str:
    """What several records of a table are called."""
    return table.name if table.name in BUILT_IN else f"records of {table.name}"


def list_command(table: Table) -> str:
    """The command that lists a table's records."""
    return "offbook list" if table.name == CONTACTS.name else f"offbook table {table.name} list"


def _listed(rows: list[tuple[str, str]]) -> str:
    ids = short_ids([row[0] for row in rows])
    names = [f"{ids[id]} ({flatten(name)})" for id, name in rows[:LISTED_MAX]]
    if len(rows) > LISTED_MAX:
        names.append(f"and {format_count(len(rows) - LISTED_MAX, 'other')}")
    return ", ".join(names)


def find_contact_or_deleted(book: Replica, text: str) -> str:
    """As find_contact(); also one that is not here any more."""
    return find_record_or_deleted(book, CONTACTS, text)


def find_record_or_deleted(book: Replica, table: Table, text: str) -> str:
    """As find_record(); also one that is not here any more, by its id or the name that it was added with."""
    try:
        return find_record(book, table, text)
    except NotFound:
        prefix = bindable(text).lower()
        parameters = (table.name, len(prefix), prefix)
        rows = book.connection.execute(KNOWN_IDS, parameters) if len(prefix) >= PREFIX_LENGTH_MIN else ()
        ids = {id for (id,) in rows} | {id for id, name in names_of(book, table).items() if name == text}
        if len(ids) > 1:
            raise Ambiguous.of(messages.SEVERAL_RECORDS_EVER, nouns=plural(table), text=text) from None
        if not ids:
            raise
        return str(ids.pop())


def names_of(book: Replica, table: Table) -> dict[str, str | None]:
    """The names of a table's records by their ids: the present ones, else those that they were added with."""
    name = _name_column(table)
    sql = (
        f"SELECT record_id, json_extract(data, '$.{name}') FROM change_log"
        f" WHERE table_name = ? AND operation = 'INSERT' AND json_valid(data)"
        f' UNION ALL SELECT id, "{name}" FROM "{table.name}"'
    )
    return dict(book.connection.execute(sql, (table.name,)).fetchall())


def find_by_prefix(items: Sequence[Item], text: str, id_of: Callable[[Item], str], noun: str, missing: str) -> Item:
    """The item whose id begins with ``text``. Raises NotFound, which says ``missing``, and Ambiguous."""
    matches = [item for item in items if text and id_of(item).startswith(text.lower())]
    if not matches:
        raise NotFound(missing)
    if len(matches) > 1:
        raise Ambiguous.of(messages.SEVERAL_IDS, count=format_count(len(matches), noun), text=text)
    return matches[0]
