"""Comparing this device's book with the server's, and mending what differs: ``Replica.verify()``.

First a sync, so that both sides are at the same cursor. Then sums of digests over ranges of ids: the whole, and of what
differs the sixteenths, until so few records are left that each can be compared; only rows that differ are fetched. Each
answer names the cursor at which it is so. When the server moved on meanwhile, all begins anew.

Nothing of a pending edit is touched, nothing here is sent as a change, and no answer is believed that another denies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from offbook.core.errors import Refused, ServerFault, SyncError
from offbook.core.protocol.json import dumps
from offbook.core.protocol.requests import PAGE_MAX, PROTOCOL, UUID_TEXT
from offbook.core.schema import TABLES, Table
from offbook.core.verify.digests import MODULUS, digest, shape_of
from offbook.core.verify.ranges import PARTS, RANGES_MAX, RECORDS_MAX, WHOLE, Range, Sum, split
from offbook.database import change_log, sync_state
from offbook.database.batched_writes import RECORD_SIZE, write_in_batches
from offbook.database.connection import reading
from offbook.database.lease import take_lease
from offbook.database.server_rows import ServerRow
from offbook.sync.apply import check_book
from offbook.sync.http_errors import problem_of
from offbook.sync.response import PageRow
from offbook.sync.session import SyncSession
from offbook.sync.transport import Response, Transport
from offbook.verify.local_digests import LocalDigests, local_digests
from offbook.verify.repair import Repair, repair
from offbook.verify.response import ComparedRanges, parse_compared, parse_fetched

if TYPE_CHECKING:
    import sqlite3

STARTS_MAX = 5
"""How often a book that changes meanwhile is compared anew, before a person is told."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a comparison found. ``compared`` counts the server's records.

    ``left_out`` are ids of records of which this device can't hold all that the server has. Bytes are those of bodies,
    not packed, and not of the sync that goes before.
    """

    compared: int
    repaired: tuple[Repair, ...]
    left_out: tuple[str, ...]
    requests: int
    sent_bytes: int
    received_bytes: int


class BookChanged(Exception):
    """The server is not where this device is any more."""


class VerifySession:
    """One comparison of one replica, over one connection, by whoever holds the lease."""

    def __init__(
        self, connection: sqlite3.Connection, transport: Transport, clock: Callable[[], int], holder: str
    ) -> None:
        self._connection = connection
        self._transport = transport
        self._clock = clock
        self._holder = holder
        self._cursor: str | None = None
        self._repaired: list[Repair] = []
        self._left_out: dict[str, None] = {}
        self._requests = self._sent = self._received = 0

    def run(self) -> VerifyReport:
        """Sync, compare and mend. Raises SyncError."""
        for _ in range(STARTS_MAX):
            SyncSession(self._connection, self._transport, self._clock, self._holder).run()
            try:
                compared = sum([self._verify(table) for table in TABLES.values()])
            except BookChanged:
                continue
            found = tuple(self._repaired), tuple(self._left_out)
            return VerifyReport(compared, *found, self._requests, self._sent, self._received)
        raise SyncError("Others change the book faster than it can be compared. Try again in a moment.")

    def _verify(self, table: Table) -> int:
        """Compare one table, and mend it. Returns how many records the server has."""
        with reading(self._connection):
            self._cursor = sync_state.read(self._connection).cursor
            here = local_digests(self._connection, table)
        (whole,) = self._sums(table, [WHOLE])
        if whole != here.sum_of(WHOLE):
            self._mend(table, self._differing(table, here, whole))
        return whole.count

    # --- finding what differs ---

    def _differing(self, table: Table, here: LocalDigests, whole: Sum) -> dict[bytes, int | None]:
        """The ids of the records that differ, with the server's digests; None where it has no such record."""
        few: list[Range] = []
        many = [(WHOLE, whole)]
        while many:
            few += [one for one, there in many if there.count <= RECORDS_MAX]
            split_now = [(one, there) for one, there in many if there.count > RECORDS_MAX]
            many = [part for some in _by(RANGES_MAX // PARTS, split_now) for part in self._unequal(table, here, some)]
        found: dict[bytes, int | None] = {}
        for ranges in _by(RANGES_MAX, sorted(few, key=lambda one: one.start)):
            for one, records in zip(ranges, self._records(table, ranges), strict=True):
                mine, theirs = here.records_in(one), {key.encode(): value for key, value in records.items()}
                found |= {
                    key: theirs.get(key) for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)
                }
        return found

    def _unequal(
        self, table: Table, here: LocalDigests, wholes: Sequence[tuple[Range, Sum]]
    ) -> list[tuple[Range, Sum]]:
        """The parts of these ranges that differ."""
        parts = [part for one, _ in wholes for part in split(one)]
        if len(parts) != PARTS * len(wholes):
            raise ServerFault("The server says that it has many records of one id.")
        sums = self._sums(table, parts)
        for (_, whole), told in zip(wholes, _by(PARTS, sums), strict=True):
            if whole != Sum(sum(one.count for one in told), sum(one.digest for one in told) % MODULUS):
                raise ServerFault("The server's sums don't add up: what it says of a range is not what its parts hold.")
        return [(part, there) for part, there in zip(parts, sums, strict=True) if there != here.sum_of(part)]

    # --- mending ---

    def _mend(self, table: Table, differing: Mapping[bytes, int | None]) -> None:
        for some in _by(PAGE_MAX, sorted(differing)):
            digests = {record_id.decode("utf-8", "surrogateescape"): differing[record_id] for record_id in some}
            rows = self._rows(table, digests)
            turns = write_in_batches(
                self._connection, rows, self._mend_some, block=change_log.without_logging, size_of=lambda _: RECORD_SIZE
            )
            for repaired in turns:
                self._repaired += repaired

    def _mend_some(self, rows: Sequence[PageRow]) -> list[Repair]:
        if sync_state.read(self._connection).cursor != self._cursor:
            raise BookChanged
        return [repair(self._connection, row) for row in rows]

    def _rows(self, table: Table, digests: Mapping[str, int | None]) -> list[PageRow]:
        """The rows of these records, as they were compared. Of an id that is no UUID the server can have none."""
        asked = [one for one in digests if UUID_TEXT.fullmatch(one) and one == one.lower()]
        rows = [PageRow((table.name, one), ServerRow(0, True, {}), None) for one in digests.keys() - set(asked)]
        if not asked:
            return rows
        answer = parse_fetched(self._ask("/rows", {"table": table.name, "ids": asked}), table, asked)
        self._check(answer.book, answer.cursor)
        for record_id, row in answer.rows.items():
            if row is None or row.left_out:
                self._left_out[record_id] = None
            elif _digest_of(row) != digests[record_id]:
                raise ServerFault("The server's digest of a record is not that of its row: its data needs a look.")
            else:
                rows.append(row)
        return rows

    # --- requests ---

    def _sums(self, table: Table, ranges: Sequence[Range]) -> list[Sum]:
        return [told for some in _by(RANGES_MAX, ranges) for told in self._compare(table, some, records=False).sums]

    def _records(self, table: Table, ranges: Sequence[Range]) -> list[Mapping[str, int]]:
        answer = self._compare(table, ranges, records=True)
        found = [records or {} for records in answer.records]
        for one, whole, records in zip(ranges, answer.sums, found, strict=True):
            told = Sum(len(records), sum(records.values()) % MODULUS)
            if told != whole or not all(record_id in one for record_id in records):
                raise ServerFault(
                    "The server's sums don't add up: what it says of a range is not what its records are."
                )
        return found

    def _compare(self, table: Table, ranges: Sequence[Range], records: bool) -> ComparedRanges:
        question = {"table": table.name, "ranges": [one[:2] for one in ranges]} | ({"records": True} if records else {})
        answer = parse_compared(self._ask("/verify", question), len(ranges))
        self._check(answer.book, answer.cursor)
        if answer.shape != shape_of(table):
            raise SyncError(
                "The server's records have other fields than those of this device, so they can't be compared: "
                "update offbook where it is older."
            )
        return answer

    def _check(self, book: str, cursor: str) -> None:
        check_book(self._connection, book)
        if cursor != self._cursor:
            raise BookChanged

    def _ask(self, path: str, question: Mapping[str, Any]) -> Response:
        take_lease(self._connection, self._holder, self._clock())
        body = dumps(question)
        headers = {"Content-Type": "application/json", "Offbook-Protocol": PROTOCOL}
        response = self._transport.send("POST", path, body, headers)
        self._requests += 1
        self._sent += len(body)
        self._received += len(response.body)
        if response.status in (404, 405) and problem_of(response) is not None:
            raise Refused(
                "This server can't compare its records with a device's: it is too old for that.", response.status
            )
        return response


def _digest_of(row: PageRow) -> int | None:
    return None if row.server.deleted else digest(*row.key, row.server.seq, row.server.cells)


def _by(size: int, items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
