"""The digests of records in ranges of ids, and their sums: as they are stored, or made from the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from sqlalchemy import Connection

from offbook.core.model import Key, Record
from offbook.core.verify.digests import MODULUS, digest_of
from offbook.core.verify.ranges import Range, Sum
from storage.base import DigestMaker
from storage.sql.mapping.stored_digests import is_current
from storage.sql.queries import TableQueries

RECORDS_AT_ONCE = 500

AFTER_ALL = "g"
"""Comes after every id in every collation: ids begin with a hexadecimal digit."""

ReadRecords = Callable[[Sequence[str]], Mapping[Key, Record]]
"""Reads the records of these ids."""


def stored_sums(
    connection: Connection, book_id: int, queries: TableQueries, ranges: Sequence[Range]
) -> list[Sum] | None:
    """What each of these ranges holds by what is stored; None where not all of that is digest 2."""
    rows = connection.execute(queries.sums(ranges), _bounds(book_id, ranges)).all()
    if not all(least is None or is_current(least) for *_, least in rows):
        return None
    sums = {place: Sum(count, int(total or 0) % MODULUS) for place, count, total, _ in rows}
    return [sums[place] for place in range(len(ranges))]


def digests_in(
    connection: Connection,
    book_id: int,
    queries: TableQueries,
    ranges: Sequence[Range],
    read: ReadRecords,
    made_by: DigestMaker | None,
) -> list[dict[str, int]]:
    """Per range, each record's digest by its id: by ``made_by``, else what is stored where that is digest 2."""
    rows = connection.execute(queries.digests(ranges), _bounds(book_id, ranges)).all()
    stored = {record_id: digest % MODULUS for _, record_id, digest in rows if made_by is None and is_current(digest)}
    ids = sorted({record_id for _, record_id, _ in rows} - stored.keys())
    made = {record.id: (made_by or digest_of)(record) for record in _in_turn(read, ids)}
    digests: list[dict[str, int]] = [{} for _ in ranges]
    for place, record_id, _ in rows:
        digests[place][record_id] = stored[record_id] if record_id in stored else made[record_id]
    return digests


def _in_turn(read: ReadRecords, ids: Sequence[str]) -> Iterator[Record]:
    """Many records, a few at a time."""
    for start in range(0, len(ids), RECORDS_AT_ONCE):
        yield from read(ids[start : start + RECORDS_AT_ONCE]).values()


def _bounds(book_id: int, ranges: Sequence[Range]) -> dict[str, int | str]:
    starts = {f"start{place}": range_.start for place, range_ in enumerate(ranges)}
    ends = {f"end{place}": range_.end or AFTER_ALL for place, range_ in enumerate(ranges)}
    return {"book": book_id, **starts, **ends}
