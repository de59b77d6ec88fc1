"""The server's answers about ranges of records and about single ones, as values, checked like all that it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from offbook.core.cells.validation import Json
from offbook.core.protocol.validators import cursor_of, object_of, require, uuid_of
from offbook.core.schema import Schema, Table
from offbook.core.verify.digests import MODULUS
from offbook.core.verify.ranges import RECORDS_MAX, Sum
from offbook.sync.http.errors import json_of_answer
from offbook.sync.http.transport import Response
from offbook.sync.response import PageRow, page_row

COUNT_MAX = 10_000_000
"""Far more records than any book has: what is looked for in more would not be found for years."""


@dataclass(frozen=True, slots=True)
class ComparedRanges:
    """What ranges of records hold, and at which cursor.

    ``shape`` is that of the fields that digest 1 is made of, None with digest 2. ``records`` are the digests of their
    records, where the server sent them.
    """

    book: str
    cursor: str
    shape: int | None
    sums: list[Sum]
    records: list[Mapping[str, int] | None]


@dataclass(frozen=True, slots=True)
class FetchedRows:
    """The rows that were requested, by id. None where this replica can't hold one."""

    book: str
    cursor: str
    rows: Mapping[str, PageRow | None]


def parse_compared(response: Response, range_count: int, version: int) -> ComparedRanges:
    """What the server answered to ``POST /verify`` about so many ranges, by this version of digests.

    Raises what it refused, or ServerFault.
    """
    item = _object_of(response)
    ranges: Json = item.get("ranges")
    require(
        isinstance(ranges, list) and len(ranges) == range_count and all(isinstance(item, dict) for item in ranges),
        "ranges",
    )
    sums = [Sum(_number(item.get("count"), COUNT_MAX), _number(item.get("digest"), MODULUS - 1)) for item in ranges]
    records = [_digests(item.get("records"), sum_.count) for item, sum_ in zip(ranges, sums, strict=True)]
    require(item.get("digest", 1) == version, "digest")
    shape = _number(item.get("shape"), MODULUS - 1) if version == 1 else None
    return ComparedRanges(uuid_of(item.get("book"), "book"), cursor_of(item.get("cursor")), shape, sums, records)


def _digests(item: Json, count: int) -> Mapping[str, int] | None:
    if item is None:
        return None
    require(isinstance(item, dict) and len(item) == count <= RECORDS_MAX, "records")
    return {uuid_of(record_id, "records"): _number(digest, MODULUS - 1) for record_id, digest in item.items()}


def parse_fetched(schema: Schema, response: Response, table: Table, ids: Sequence[str]) -> FetchedRows:
    """What the server answered to ``POST /rows``: each id once and no other. Raises what it refused, or ServerFault."""
    item = _object_of(response)
    items: Json = item.get("rows")
    require(isinstance(items, list) and len(items) == len(ids), "rows")
    rows: dict[str, PageRow | None] = {}
    for row_item in items:
        row = page_row(schema, row_item)
        rows[uuid_of(row_item["record_id"], "rows")] = row if row is None or row.key[0] == table.name else None
    require(rows.keys() == set(ids), "rows")
    return FetchedRows(uuid_of(item.get("book"), "book"), cursor_of(item.get("cursor")), rows)


def _object_of(response: Response) -> dict[str, Json]:
    return object_of(json_of_answer(response))


def _number(value: Json, number_max: int) -> int:
    require(type(value) is int and 0 <= value <= number_max, "number")
    return int(value)
