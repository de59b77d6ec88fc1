"""What an app declares its tables with: plain data, written once, which travels as JSON to files and servers.

::

    from offbook.tables import Choice, Date, Flag, Map, Ref, Table, Text

    notebooks = Table("notebooks", Text("name", required=True), key="name")
    notes = Table(
        "notes",
        Text("title", required=True, limit=300),
        Text("body", limit=100_000, both="join"),
        Flag("done"),
        Date("due"),
        Choice("priority", ("low", "normal", "high")),
        Ref("notebook", "notebooks", gone="clear"),
        Map("tags", Text("tag", required=True)),
        shows=("title", "due"),
        order=("done", "due", "title"),
    )
    TABLES = (notebooks, notes)

Each of these returns a value of offbook.core.schema, and raises Invalid (``bad_declaration``) with a sentence for what
can't be declared. Names are for ever: ``heading`` renames for people, and what is ``retired`` stays in sync but is
shown nowhere. A ``required`` field may not be empty; a ``default`` is shown of one that is, and never written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from types import UnionType
from typing import Literal

from offbook.contacts.table import BUILT_IN
from offbook.core import messages
from offbook.core import schema as core
from offbook.core.declaration.rules import LIMITS, TEXT_LIMIT, app_schema, make_field, make_map, make_table, names_of
from offbook.core.errors import Invalid
from offbook.core.schema import Type

__all__ = ["Choice", "Date", "Flag", "Integer", "Json", "Map", "Number", "Ref", "Table", "Text", "Time"]

ENTRIES = 200


def Text(
    name: str,
    *,
    limit: int = TEXT_LIMIT,
    required: bool = False,
    default: str | None = None,
    both: Literal["", "join"] = "",
    heading: str = "",
    retired: bool = False,
) -> core.Field:
    """Text of at most ``limit`` characters; empty text is no text. Whoever resolves a conflict may keep both texts, one
    below the other, where ``both`` is "join"."""
    said = {"limit": limit, "required": required, "default": default, "both": both}
    return make_field(Type.TEXT, name, {**said, "heading": heading, "retired": retired})


def Integer(
    name: str, *, required: bool = False, default: int | None = None, heading: str = "", retired: bool = False
) -> core.Field:
    """A whole number of at most 53 bits and a sign, which browsers hold exactly."""
    said = {"required": required, "default": default, "heading": heading, "retired": retired}
    return make_field(Type.INTEGER, name, said)


def Number(
    name: str, *, required: bool = False, default: float | None = None, heading: str = "", retired: bool = False
) -> core.Field:
    """A finite number of 64 bits: a float."""
    said = {"required": required, "default": default, "heading": heading, "retired": retired}
    return make_field(Type.NUMBER, name, said)


def Flag(name: str, *, heading: str = "", retired: bool = False) -> core.Field:
    """True or false; false is the empty value."""
    return make_field(Type.FLAG, name, {"heading": heading, "retired": retired})


def Date(
    name: str, *, required: bool = False, default: str | None = None, heading: str = "", retired: bool = False
) -> core.Field:
    """A date as ISO text, with or without the year: 1815-12-10, --12-10."""
    said = {"required": required, "default": default, "heading": heading, "retired": retired}
    return make_field(Type.DATE, name, said)


def Time(
    name: str, *, required: bool = False, default: str | None = None, heading: str = "", retired: bool = False
) -> core.Field:
    """A moment: ISO text with any offset comes in, and is held in UTC with milliseconds, 2026-11-20T17:00:00.000Z."""
    said = {"required": required, "default": default, "heading": heading, "retired": retired}
    return make_field(Type.TIME, name, said)


def Choice(
    name: str,
    choices: Sequence[str],
    *,
    required: bool = False,
    default: str | None = None,
    heading: str = "",
    retired: bool = False,
) -> core.Field:
    """One of these texts. One that a newer app added is kept and shown."""
    said = {"choices": choices, "required": required, "default": default, "heading": heading, "retired": retired}
    return make_field(Type.CHOICE, name, said)


def Json(
    name: str, *, limit: int = LIMITS[Type.JSON], required: bool = False, heading: str = "", retired: bool = False
) -> core.Field:
    """Any JSON value of at most ``limit`` characters, as one cell: it is replaced whole."""
    return make_field(Type.JSON, name, {"limit": limit, "required": required, "heading": heading, "retired": retired})


def Ref(
    name: str,
    to: str,
    *,
    gone: Literal["keep", "clear"] = "keep",
    required: bool = False,
    heading: str = "",
    retired: bool = False,
) -> core.Field:
    """The id of a record of the table ``to``. Whoever deletes that record clears what refers to it, where ``gone`` is
    "clear"; else the reference stays, to a record that can be restored."""
    said = {"to": to, "gone": gone, "required": required, "heading": heading, "retired": retired}
    return make_field(Type.REF, name, said)


def Map(name: str, *attributes: core.Field, limit: int = ENTRIES, heading: str = "", retired: bool = False) -> core.Map:
    """At most ``limit`` entries of these attributes, each under a key of its own: what two devices add, both keep."""
    _check_columns(name, attributes, core.Field)
    return make_map(name, attributes, {"limit": limit, "heading": heading, "retired": retired})


def Table(
    name: str,
    *columns: core.Field | core.Map,
    key: str = "",
    shows: Sequence[str] = (),
    order: Sequence[str] = (),
    policy: str = "",
    heading: str = "",
    singular: str = "record",
) -> core.Table:
    """A table of these fields and maps.

    The id of a new record follows from its ``key`` field, so that two devices that add the same key add one record.
    ``shows`` are the fields of a list, sorted by those of ``order``; ``policy`` is said where it is not the book's;
    people read ``heading`` for the table and ``singular`` for one of its records.
    """
    _check_columns(name, columns, core.Field | core.Map)
    fields = [column for column in columns if isinstance(column, core.Field)]
    maps = [column for column in columns if isinstance(column, core.Map)]
    said = {"key": key, "shows": shows, "order": order, "policy": policy, "heading": heading, "singular": singular}
    return make_table(name, fields, maps, said, names_of(BUILT_IN.values()))


def _check_columns(place: str, columns: Sequence[object], kinds: type | UnionType) -> None:
    for column in columns:
        if not isinstance(column, kinds):
            raise Invalid.of(messages.NOT_A_COLUMN, place=str(place), thing=str(column)[:80])


# --- for a replica and a server ------------------------------------------------------------------------------------


def app_tables(tables: Iterable[core.Table] | core.Schema | None) -> core.Schema | None:
    """The tables of an app as a schema, without those that everybody has; None for none. Raises Invalid."""
    if tables is None:
        return None
    declared = tables.values() if isinstance(tables, core.Schema) else tables
    return _own_tables(tuple(table for table in declared if BUILT_IN.get(table.name) is not table))


@lru_cache(maxsize=64)
def _own_tables(tables: tuple[core.Table, ...]) -> core.Schema:
    app_schema(tables, BUILT_IN)
    return core.Schema(tables)
