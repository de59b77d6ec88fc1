"""Forms of growth that look as if they would do, and lose or park what somebody typed, or tell records that are equal
for different: the law has to find each.

Each is planted into the product's own code for one world, and taken out again with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from offbook.core.cells.validation import parse_cells
from offbook.core.errors import Invalid
from offbook.core.model import Operation, Value
from offbook.core.schema import Map, Schema, Table
from offbook.core.verify import digests
from offbook.database import known_cells
from offbook.database.local_changes import held
from offbook.sync import response, server_tables
from offbook.verify import digest_form, digest_lines


def keep_cursor(patch: pytest.MonkeyPatch) -> None:
    """A file that is opened with more cells goes on from its cursor: what it had passed over is not pulled again."""
    patch.setattr(known_cells, "repulls_up_to", lambda cursor, pulls: [])


def park_unknown(patch: pytest.MonkeyPatch) -> None:
    """The server is taken to know what is known here; what it rejects is parked, and stays so."""
    patch.setattr(held, "server_schema", lambda connection: connection.schema)
    patch.setattr(server_tables, "resend_known", lambda *arguments: None)


def leave_record_out(patch: pytest.MonkeyPatch) -> None:
    """A record with a cell, a choice or a length that is not known here is left out of its page."""
    whole_row = response.page_row

    def known_row(schema: Schema, item: Any) -> response.PageRow | None:
        try:
            parse_cells(schema[item["table"]], item["data"] or {}, Operation.UPDATE)
        except (Invalid, KeyError):
            return None
        return whole_row(schema, item)

    patch.setattr(response, "page_row", known_row)


def digest_by_position(patch: pytest.MonkeyPatch) -> None:
    """A digest is of the values in the order of the declaration, by whoever makes it: the names are left out of it."""
    patch.setattr(digests, "digest", _digest_by_position)
    patch.setattr(digest_form, "digest", _digest_by_position)
    patch.setattr(digest_form, "line_queries", _queries_by_position)


def _digest_by_position(
    table: Table, record_id: str, seq: int, cells: Mapping[str, Value], without: frozenset[str] = frozenset()
) -> int:
    values = [digests._text(cells.get(name)) for name in table.by_name if name not in without]
    total = digests.hash_of([table.name, record_id, str(seq), *values])
    for map_ in (map_ for map_ in table.maps if map_.name not in without):
        fields = [(cell, field) for cell, (field,) in map_.cells.items() if f"{map_.name}.{field.name}" not in without]
        for key in [cell.split("/")[1] for cell, is_there in cells.items() if _is_entry(map_, cell) and is_there]:
            entry = [digests._text(cells.get(f"{map_.name}/{key}/{cell}")) for cell, _ in fields]
            total += digests.hash_of([table.name, map_.name, record_id, key, *entry])
    return total % digests.MODULUS


def _is_entry(map_: Map, cell: str) -> bool:
    return cell.startswith(f"{map_.name}/") and cell.endswith(digests.ENTRY_EXISTS)


def _queries_by_position(table: Table, without: frozenset[str]) -> Iterator[str]:
    fields = [field for field in table.fields if field.name not in without]
    own = [f"coalesce({digest_lines._value(table.name, field)}, '')" for field in fields]
    yield digest_lines._own_query(table, digest_lines._line(table.name, ("id", "seq", *own)))
    for map_ in (map_ for map_ in table.maps if map_.name not in without):
        fields = [field for field in map_.attributes if f"{map_.name}.{field.name}" not in without]
        entry = [f"coalesce({digest_lines._value(map_.rows, field)}, '')" for field in fields]
        line = digest_lines._line(table.name, (f"'{map_.name}'", f'"{map_.owner}"', "entry_id", *entry))
        yield digest_lines._query_of_map(map_.rows, map_.owner, line)


NAIVE_FORMS: Mapping[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the cursor is kept": keep_cursor,
    "the unknown is parked": park_unknown,
    "a record is left out": leave_record_out,
    "a digest goes by position": digest_by_position,
}
