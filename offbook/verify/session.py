"""Comparing this device's book with the server's, and repairing what differs: ``Replica.verify()``.

First a sync, so that both sides are at the same cursor. Then table by table sums of digests over ranges of ids: the
whole, and of what
differs the sixteenths, until so few records are left that each can be compared; only rows that differ are fetched. Each
answer names the cursor at which it is so. When the server moved on meanwhile, all begins anew.

Nothing of a pending edit is touched, nothing here is sent as a change, and no answer is believed that another denies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from offbook.core import messages
from offbook.core.cells.validation import UUID_TEXT
from offbook.core.errors import Refused, ServerFault, SyncError
from offbook.core.protocol.json import dumps
from offbook.core.protocol.requests import PAGE_MAX
from offbook.core.verify.digests import MODULUS, known_to_one, names_in
from offbook.core.verify.first_digests import shape_of
from offbook.core.verify.ranges import PARTS, RANGES_MAX, RECORDS_MAX, WHOLE, Range, Sum, split
from offbook.database import sync_state
from offbook.database.batched_writes import RECORD_SIZE, write_in_batches
from offbook.database.connection import Connection, reading
from offbook.database.lease import take_lease
from offbook.database.local_changes import change_log, held
from offbook.database.server_rows import ServerRow
from offbook.messages import (
    CANT_COMPARE,
    CHANGES_TOO_FAST,
    DIGEST_OF_OTHER_ROW,
    MANY_OF_ONE_ID,
    OTHER_FIELDS,
    PARTS_DIFFER,
    RECORDS_DIFFER,
)
from offbook.sync.http.errors import problem_of
from offbook.sync.http.transport import Response, Transport
from offbook.sync.request import headers_of
from offbook.sync.response import PageRow, check_book
from offbook.sync.session import SyncSession
from offbook.verify.digest_form import DigestForm
from offbook.verify.local_digests import LocalDigests, local_digests
from offbook.verify.repair import Repair, repair
from offbook.verify.response import ComparedRanges, parse_compared, parse_fetched

STARTS_MAX = 5
"""How often a book that changes meanwhile is compared anew, before that is given up."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a comparison found. ``compared`` counts the server's records.

    ``left_out`` are ids of records of which this device can't hold all that the server has. ``not_compared`` names the
    tables, fields and attributes that only one side knows (``notes``, ``notes.color``). Bytes are those of bodies, not
    packed, and not of the sync that goes before.
    """

    compared: int
    repaired: tuple[Repair, ...]
    left_out: tuple[str, ...]
    requests: int
    sent_bytes: int
    received_bytes: int
    not_compared: tuple[str, ...] = ()


class BookChanged(Exception):
    """The server is not where this device is any more."""


class DigestUnknown(Exception):
    """The server is of a version that knows digest 1 alone."""


class VerifySession:
    """One comparison of one replica, over one connection, by whoever holds the lease."""

    def __init__(self, connection: Connection, transport: Transport, clock: Callable[[], int], holder: str) -> None:
        self._connection = connection
        self._transport = transport
        self._clock = clock
        self._holder = holder
        self._cursor: str | None = None
        self._version = 2
        self._repaired: list[Repair] = []
        self._left_out: dict[str, None] = {}
        self._requests = self._sent_bytes = self._received_bytes = 0

    def run(self) -> VerifyReport:
        """Sync, compare and repair. Raises SyncError."""
        for _ in range(STARTS_MAX):
            SyncSession(self._connection, self._transport, self._clock, self._holder).run()
            forms, not_compared = self._forms()
            try:
                compared = sum([self._verify_table(form) for form in forms])
            except BookChanged:
                continue
            except DigestUnknown:
                self._version = 1
                continue
            results = tuple(self._repaired), tuple(self._left_out)
            counts = self._requests, self._sent_bytes, self._received_bytes
            return VerifyReport(compared, *results, *counts, not_compared)
        raise SyncError.of(CHANGES_TOO_FAST)

    def _forms(self) -> tuple[list[DigestForm], tuple[str, ...]]:
        """How each table is compared, and the names of what is not."""
        connection = self._connection
        server = held.server_names(connection) if self._version > 1 else None
        if server is None:
            first = connection.first_schema
            return [DigestForm(table, 1) for table in first.values()], tuple(sorted(connection.schema.keys() - first))
        forms = [
            DigestForm(table, 2, known_to_one(names_in(table), server[name]))
            for name, table in connection.schema.items()
            if name in server
        ]
        parts = [f"{form.table.name}.{name}" for form in forms for name in form.without]
        return forms, tuple(sorted([*parts, *(connection.schema.keys() - server)]))

    def _verify_table(self, form: DigestForm) -> int:
        """Compare one table, and repair it. Returns how many records the server has."""
        with reading(self._connection):
            self._cursor = sync_state.read(self._connection).cursor
            local = local_digests(self._connection, form)
        (whole,) = self._fetch_sums(form, [WHOLE])
        if whole != local.sum_of(WHOLE):
            self._repair_records(form, self._find_differing(form, local, whole))
        return whole.count

    # --- finding what differs ---

    def _find_differing(self, form: DigestForm, local: LocalDigests, whole: Sum) -> dict[bytes, int | None]:
        """The ids of the records that differ, with the server's digests; None where it has no such record."""
        few: list[Range] = []
        many = [(WHOLE, whole)]
        while many:
            few += [range_ for range_, total in many if total.count <= RECORDS_MAX]
            split_now = [(range_, total) for range_, total in many if total.count > RECORDS_MAX]
            many = [
                part
                for batch in _chunks(RANGES_MAX // PARTS, split_now)
                for part in self._find_unequal_parts(form, local, batch)
            ]
        differing: dict[bytes, int | None] = {}
        for ranges in _chunks(RANGES_MAX, sorted(few, key=lambda range_: range_.start)):
            for range_, records in zip(ranges, self._fetch_records(form, ranges), strict=True):
                mine, theirs = local.records_in(range_), {key.encode(): value for key, value in records.items()}
                differing |= {
                    key: theirs.get(key) for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)
                }
        return differing

    def _find_unequal_parts(
        self, form: DigestForm, local: LocalDigests, wholes: Sequence[tuple[Range, Sum]]
    ) -> list[tuple[Range, Sum]]:
        """The parts of these ranges that differ."""
        parts = [part for range_, _ in wholes for part in split(range_)]
        if len(parts) != PARTS * len(wholes):
            raise ServerFault.of(MANY_OF_ONE_ID)
        sums = self._fetch_sums(form, parts)
        for (_, whole), part_sums in zip(wholes, _chunks(PARTS, sums), strict=True):
            if whole != Sum(sum(part.count for part in part_sums), sum(part.digest for part in part_sums) % MODULUS):
                raise ServerFault.of(PARTS_DIFFER)
        return [(part, total) for part, total in zip(parts, sums, strict=True) if total != local.sum_of(part)]

    # --- repairing ---

    def _repair_records(self, form: DigestForm, differing: Mapping[bytes, int | None]) -> None:
        for batch in _chunks(PAGE_MAX, sorted(differing)):
            digests = {record_id.decode("utf-8", "surrogateescape"): differing[record_id] for record_id in batch}
            rows = self._fetch_rows(form, digests)
            repairs = write_in_batches(
                self._connection,
                rows,
                self._repair_rows,
                block=change_log.without_logging,
                size_of=lambda _: RECORD_SIZE,
            )
            for repaired in repairs:
                self._repaired += repaired

    def _repair_rows(self, rows: Sequence[PageRow]) -> list[Repair]:
        if sync_state.read(self._connection).cursor != self._cursor:
            raise BookChanged
        return [repair(self._connection, row) for row in rows]

    def _fetch_rows(self, form: DigestForm, digests: Mapping[str, int | None]) -> list[PageRow]:
        """The rows of these records, as they were compared. Of an id that is no UUID the server can have none."""
        ids = [record_id for record_id in digests if UUID_TEXT.fullmatch(record_id) and record_id == record_id.lower()]
        table = form.table
        rows = [
            PageRow((table.name, record_id), ServerRow(0, True, {}), None) for record_id in digests.keys() - set(ids)
        ]
        if not ids:
            return rows
        response = self._ask("/rows", {"table": table.name, "ids": ids})
        fetched = parse_fetched(self._connection.schema, response, table, ids)
        self._check_cursor(fetched.book, fetched.cursor)
        for record_id, row in fetched.rows.items():
            if row is None or row.left_out:
                self._left_out[record_id] = None
            elif _digest_of(form, row) != digests[record_id]:
                raise ServerFault.of(DIGEST_OF_OTHER_ROW)
            else:
                rows.append(row)
        return rows

    # --- requests ---

    def _fetch_sums(self, form: DigestForm, ranges: Sequence[Range]) -> list[Sum]:
        return [
            total for batch in _chunks(RANGES_MAX, ranges) for total in self._compare(form, batch, records=False).sums
        ]

    def _fetch_records(self, form: DigestForm, ranges: Sequence[Range]) -> list[Mapping[str, int]]:
        compared = self._compare(form, ranges, records=True)
        records_of_ranges = [records or {} for records in compared.records]
        for range_, whole, records in zip(ranges, compared.sums, records_of_ranges, strict=True):
            total = Sum(len(records), sum(records.values()) % MODULUS)
            if total != whole or not all(record_id in range_ for record_id in records):
                raise ServerFault.of(RECORDS_DIFFER)
        return records_of_ranges

    def _compare(self, form: DigestForm, ranges: Sequence[Range], records: bool) -> ComparedRanges:
        question: dict[str, Any] = {**form.question, "ranges": [range_[:2] for range_ in ranges]}
        if records:
            question["records"] = True
        response = self._ask("/verify", question)
        if form.version > 1 and _is_refused_as_unknown(response):
            raise DigestUnknown
        compared = parse_compared(response, len(ranges), form.version)
        self._check_cursor(compared.book, compared.cursor)
        if form.version == 1 and compared.shape != shape_of(form.table):
            raise SyncError.of(OTHER_FIELDS)
        return compared

    def _check_cursor(self, book: str, cursor: str) -> None:
        check_book(sync_state.read(self._connection).book, book)
        if cursor != self._cursor:
            raise BookChanged

    def _ask(self, path: str, question: Mapping[str, Any]) -> Response:
        take_lease(self._connection, self._holder, self._clock())
        body = dumps(question)
        response = self._transport.send("POST", path, body, headers_of(self._connection))
        self._requests += 1
        self._sent_bytes += len(body)
        self._received_bytes += len(response.body)
        if response.status in (404, 405) and problem_of(response) is not None:
            raise Refused(CANT_COMPARE.fault(), response.status)
        return response


def _is_refused_as_unknown(response: Response) -> bool:
    """Whether something of the question is not known to the server, which is too old for it."""
    problem = problem_of(response) if response.status == 400 else None
    return problem is not None and problem["code"] == messages.UNKNOWN_KEY.code


def _digest_of(form: DigestForm, row: PageRow) -> int | None:
    return None if row.server.deleted else form.digest(row.key[1], row.server.seq, row.server.cells)


def _chunks(size: int, items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
