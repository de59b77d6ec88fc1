"""Which changes a server can't take yet: they name what its declaration lacks, and wait on the device until it has it.

An app may be upgraded before its server. What such an app writes into a new field is no fault of its writer, so it is
neither sent, to be rejected, nor put before a person: it is *held* (docs/sync.md). Whether a device's own declaration
allows a value is decided before, so that what the server's declaration still refuses is too new for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from offbook.core.errors import Invalid
from offbook.core.model import Operation
from offbook.core.schema import Field, Map, Schema, Table
from offbook.core.validation import MADE_BY_SERVER, STRICT, Json, check

LIFTED = frozenset({"bad_choice", "missing", "out_of_range", "too_long"})
"""The codes of refusals that a later declaration may lift: of a further choice, of an empty field, of a longer text."""


def unknown_to(server: Schema, table: str, operation: str, data: Mapping[str, Json] | None) -> tuple[str, ...]:
    """What a change writes that a server of this schema does not know, or does not take yet.

    Named as in the answer of ``GET /tables``: ``notes``, ``notes.color``, ``notes.tags``, ``notes.tags.tag``. Empty
    where the server can be given the change. What no declaration would ever allow, a number for a text for instance,
    is not among it: the server is to reject that. Nor is it that a new record or entry has nothing in a cell, which
    says no more than its absence: that is not sent (known_part).
    """
    if table not in server:
        return (table,)
    if data is None:
        return ()
    return tuple(dict.fromkeys(f"{table}.{name}" for name in _unknown_names(server[table], operation, data)))


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


def _unknown_names(table: Table, operation: str, data: Mapping[str, Json]) -> Iterator[str]:
    is_new = operation == Operation.INSERT
    for name, value in data.items():
        if (field := table.by_name.get(name)) is not None:
            if not _is_taken(field, value):
                yield name
        elif (map_ := table.maps_by_name.get(name)) is not None:
            yield from _unknown_in_map(map_, value)
        elif name not in MADE_BY_SERVER and not (is_new and _is_nothing(value)):
            yield name
    if is_new:
        yield from (name for name in table.required if name not in data)


def _unknown_in_map(map_: Map, entries: Json) -> Iterator[str]:
    if not isinstance(entries, dict):
        return
    written = [entry for entry in entries.values() if isinstance(entry, dict)]
    if len(written) > map_.entries_max:
        yield map_.name
    for entry in written:
        says_more = not entry.keys().isdisjoint(map_.by_name)
        for name, value in entry.items():
            attribute = map_.by_name.get(name)
            is_taken = says_more and _is_nothing(value) if attribute is None else _is_taken(attribute, value)
            if not is_taken:
                yield f"{map_.name}.{name}"


def _is_nothing(value: Json) -> bool:
    return value is None or value is False or value in ("", {})


def _is_taken(field: Field, value: Json) -> bool:
    """Whether the server's declaration has nothing against a value, or nothing that a later one would not have too."""
    if _is_nothing(value):
        return not field.is_needed
    try:
        check(field, field.name, value, STRICT)
    except Invalid as refusal:
        return refusal.code not in LIFTED
    return True
