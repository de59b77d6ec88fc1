"""Which changes a server can't take yet: they name what its declaration lacks, and wait on the device until it has it.

An app may be upgraded before its server. What such an app writes into a new field is no fault of its writer, so it is
neither sent, to be rejected, nor put before a person: it is *held* (docs/sync.md). A value waits where this device's
own declaration takes it and the server's does not; one that neither of them takes is for the server to reject.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from offbook.core.cells.validation import MADE_BY_SERVER, STRICT, Json, check
from offbook.core.errors import Invalid
from offbook.core.model import Operation
from offbook.core.schema import Field, Map, Schema, Table, Type

LIFTED = frozenset({"bad_choice", "missing", "out_of_range", "too_long"})
"""The codes of refusals that a later declaration may lift: of a further choice, of an empty field, of a longer text."""


def _anything(cell: str) -> bool:
    return True


def unknown_to(
    server: Schema,
    known: Schema,
    table: str,
    operation: str,
    data: Mapping[str, Json] | None,
    has: Callable[[str], bool] = _anything,
) -> tuple[str, ...]:
    """What a change writes that a server of this schema does not know, or does not take yet; ``known`` is the device's.

    Named as in the answer of ``GET /tables``: ``notes``, ``notes.color``, ``notes.tags``, ``notes.tags.tag``. Empty
    where the server can be given the change. That a new record or entry has nothing in a cell says no more than the
    cell's absence, and is not among it: it is not sent (known_part). Nor is a cell that is emptied, if the record, as
    the server last gave it, does not have (``has``) anything in it.
    """
    if table not in server or table not in known:
        return (table,)
    if data is None:
        return ()
    names = _unknown_names(server[table], known[table], operation, data, has)
    return tuple(dict.fromkeys(f"{table}.{name}" for name in names))


def is_ahead(known: Schema, server: Schema) -> bool:
    """Whether something can be typed by the first declarations that a server of the second ones can't take yet."""
    return any(name not in server or _is_wider_table(table, server[name]) for name, table in known.items())


def _is_wider_table(table: Table, server: Table) -> bool:
    return _are_wider(table.by_name, server.by_name) or any(
        (of_server := server.maps_by_name.get(map_.name)) is None
        or map_.entries_max > of_server.entries_max
        or _are_wider(map_.by_name, of_server.by_name)
        for map_ in table.maps
    )


def _are_wider(fields: Mapping[str, Field], of_server: Mapping[str, Field]) -> bool:
    return any(name not in of_server or _is_wider(field, of_server[name]) for name, field in fields.items())


def _is_wider(field: Field, of_server: Field) -> bool:
    return (
        field.limit > of_server.limit
        or not set(field.choices) <= set(of_server.choices)
        or field.least < of_server.least
        or field.most > of_server.most
        or (of_server.is_needed and not field.is_needed)
    )


def _unknown_names(
    server: Table, known: Table, operation: str, data: Mapping[str, Json], has: Callable[[str], bool]
) -> Iterator[str]:
    is_new = operation == Operation.INSERT
    for name, value in data.items():
        if (field := server.by_name.get(name)) is not None:
            if _waits(field, known.by_name.get(name), value):
                yield name
        elif (map_ := server.maps_by_name.get(name)) is not None:
            yield from _unknown_in_map(map_, known.maps_by_name.get(name, map_), value, has)
        elif name not in MADE_BY_SERVER:
            is_empty = _says_nothing(known.by_name.get(name), value)
            if not is_empty or not is_new and has(name):
                yield name
    if is_new:
        yield from (name for name in server.required if name not in data and name not in known.required)


def _unknown_in_map(server: Map, known: Map, entries: Json, has: Callable[[str], bool]) -> Iterator[str]:
    if not isinstance(entries, dict):
        return
    written = {key: entry for key, entry in entries.items() if isinstance(entry, dict)}
    if server.entries_max < len(written) <= known.entries_max:
        yield server.name
    for key, entry in written.items():
        says_more = not entry.keys().isdisjoint(server.by_name)
        for name, value in entry.items():
            attribute = server.by_name.get(name)
            if attribute is None:
                is_empty = _says_nothing(known.by_name.get(name), value)
                waits = not is_empty or not says_more and has(f"{server.name}/{key}/{name}")
            else:
                waits = _waits(attribute, known.by_name.get(name), value)
            if waits:
                yield f"{server.name}.{name}"


def _says_nothing(known: Field | None, value: Json) -> bool:
    """Whether a value is what a cell has that nobody has filled in."""
    return value is None or (known is not None and known.type is Type.FLAG and value in (False, 0))


def _waits(server: Field, known: Field | None, value: Json) -> bool:
    return _is_too_new(server, value) and known is not None and not _is_too_new(known, value)


def _is_too_new(field: Field, value: Json) -> bool:
    """Whether a declaration refuses a value that a later one may take."""
    if value is None:
        return field.is_needed
    try:
        check(field, field.name, value, STRICT)
    except Invalid as refusal:
        return refusal.code in LIFTED
    return False
