"""The server's answers about ranges of records and about single ones, as values, checked like all that it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from offbook.core.protocol.validators import cursor_of, object_of, require, uuid_of
from offbook.core.schema import Table
from offbook.core.validation import Json
from offbook.core.verify.digests import MODULUS
from offbook.core.verify.ranges import RECORDS_MAX, Sum
from offbook.sync.http_errors import json_of_answer
from offbook.sync.response import PageRow, page_row
from offbook.sync.transport import Response

COUNT_MAX = 10_000_000
"""Far more records than any book has: what is looked for in more would not be found for years."""


@dataclass(frozen=True, slots=True)
class ComparedRanges:
    """What ranges of records hold, and at which cursor. ``records`` are the digests of those that were told."""

    book: str
    cursor: str
    shape: int
    sums: list[Sum]
    records: list[Mapping[str, int] | None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """The rows that were asked for, by id. None where this replica can't hold one."""

    book: str
    cursor: str
    rows: Mapping[str, PageRow | None]


def parse_compared(response: Response, asked: int) -> ComparedRanges:
    """What the server answered to ``POST /verify`` about so many ranges. Raises what it refused, or ServerFault."""
    item = _good(response)
    found: Json = item.get("ranges")
    require(isinstance(found, list) and len(found) == asked and all(isinstance(one, dict) for one in found), "ranges")
    sums = [Sum(_number(one.get("count"), COUNT_MAX), _number(one.get("digest"), MODULUS - 1)) for one in found]
    records = [_digests(one.get("records"), told.count) for one, told in zip(found, sums, strict=True)]
    shape = _number(item.get("shape"), MODULUS - 1)
    return ComparedRanges(uuid_of(item.get("book"), "book"), cursor_of(item.get("cursor")), shape, sums, records)


def _digests(item: Json, count: int) -> Mapping[str, int] | None:
    if item is None:
        return None
    require(isinstance(item, dict) and len(item) == count <= RECORDS_MAX, "records")
    return {uuid_of(record_id, "records"): _number(one, MODULUS - 1) for record_id, one in item.items()}


def parse_fetched(response: Response, table: Table, ids: Sequence[str]) -> Fetched:
    """What the server answered to ``POST /rows``: each id once and no other. Raises what it refused, or ServerFault."""
    item = _good(response)
    found: Json = item.get("rows")
    require(isinstance(found, list) and len(found) == len(ids), "rows")
    rows: dict[str, PageRow | None] = {}
    for one in found:
        row = page_row(one)
        rows[uuid_of(one["record_id"], "rows")] = row if row is None or row.key[0] == table.name else None
    require(rows.keys() == set(ids), "rows")
    return Fetched(uuid_of(item.get("book"), "book"), cursor_of(item.get("cursor")), rows)


def _good(response: Response) -> dict[str, Json]:
    return object_of(json_of_answer(response))


def _number(value: Json, most: int) -> int:
    require(type(value) is int and 0 <= value <= most, "number")
    return int(value)
