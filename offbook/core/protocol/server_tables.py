"""What a server says of its tables (``GET /tables``), and what a device that learnt of them has to pull again.

``since`` names what the server learnt by growing, each with the book's seq at that time: no value of it is older. What
is not named there the server has always known. Names are those of the wire: ``notes``, ``notes.color``,
``notes.tags``, ``notes.tags.tag``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import NamedTuple

from offbook.core import messages
from offbook.core.cells.validation import Json
from offbook.core.declaration.codec import schema_from_json
from offbook.core.errors import Invalid, ServerFault
from offbook.core.protocol.validators import object_of, require, seq_of
from offbook.core.schema import Schema

SHAPE = re.compile("[0-9a-f]{16}")


class ServerTables(NamedTuple):
    """The tables of a server, what it has learnt of them and when, and the shape by which it names all that."""

    schema: Schema
    since: Mapping[str, int]
    shape: str


class Pull(NamedTuple):
    """Tables of which all that was written after a seq is to be pulled again."""

    after: int
    tables: tuple[str, ...]


def parse_server_tables(body: Json) -> ServerTables:
    """Check the answer of ``GET /tables``. Raises ServerFault.

    What a newer version's declaration says that this one does not know is left out of it.
    """
    item = object_of(body)
    shape, since = item.get("shape"), item.get("since", {})
    require(isinstance(shape, str) and SHAPE.fullmatch(shape) is not None, "shape")
    require(isinstance(since, dict), "since")
    try:
        schema = schema_from_json(item.get("tables"), is_received=True)
    except Invalid as fault:
        raise ServerFault.of(messages.BAD_SERVER_TABLE, reason=str(fault)) from None
    return ServerTables(schema, {name: seq_of(seq) for name, seq in since.items()}, str(shape))


def names_of_tables(declarations: Iterable[Mapping[str, Json]]) -> dict[str, frozenset[str]]:
    """What each table has by its declaration in an answer that was checked: ``color``, ``tags`` and ``tags.tag``.

    Whether this version can read it, makes no difference.
    """
    names: dict[str, frozenset[str]] = {}
    for table in declarations:
        maps = {map_["name"]: map_.get("attributes", []) for map_ in table.get("maps", [])}
        attributes = [f"{name}.{attribute['name']}" for name in maps for attribute in maps[name]]
        names[table["name"]] = frozenset([*(field["name"] for field in table.get("fields", [])), *maps, *attributes])
    return names


def cell_names(schema: Schema) -> Iterator[str]:
    """The tables, their fields and their maps' attributes, as they are named on the wire."""
    for table in schema.values():
        yield table.name
        yield from (f"{table.name}.{field.name}" for field in table.fields)
        for map_ in table.maps:
            yield from (f"{table.name}.{map_.name}.{attribute.name}" for attribute in map_.attributes)


def pulls_of(learnt: Iterable[str], server: ServerTables) -> list[Pull]:
    """What a device that has pulled without these cells, and knows them now, has to pull again.

    Of what the server does not know either, no value was passed over.
    """
    known = frozenset(cell_names(server.schema))
    after: dict[str, int] = {}
    for name in learnt:
        if name in known:
            table = name.partition(".")[0]
            seq = _learnt_at(name, server.since)
            after[table] = min(seq, after.get(table, seq))
    return [
        Pull(seq, tuple(sorted(table for table in after if after[table] == seq))) for seq in sorted(set(after.values()))
    ]


def _learnt_at(name: str, since: Mapping[str, int]) -> int:
    """When the server learnt of a cell: with its map, or with its table, where nothing is said of the cell itself."""
    wholes = accumulate(name.split("."), "{}.{}".format)
    return max(since.get(whole, 0) for whole in wholes)
