"""What this device holds of a synced table, as digests: to be compared with the server's.

What counts is what shows, under the seq that the server's row has here. Of a record with unsettled changes it is the
server's row itself, since an edit that waits is no difference.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate

from offbook.core.verify.digests import MODULUS, hash_of_line
from offbook.core.verify.ranges import Range, Sum
from offbook.database.connection import Connection
from offbook.database.server_rows import server_row
from offbook.verify.digest_form import DigestForm

UNSETTLED = (
    "SELECT DISTINCT record_id FROM change_log INDEXED BY change_log_unsettled WHERE synced <> 1 AND table_name = ?"
)


class LocalDigests:
    """The digests of one table's records by their ids, which are bytes: what a tool wrote need be no text."""

    def __init__(self, digests: Mapping[bytes, int]) -> None:
        self._digests = digests

    @cached_property
    def _ids(self) -> list[bytes]:
        return sorted(self._digests)

    @cached_property
    def _totals(self) -> list[int]:
        """What the first so many records add up to."""
        return list(accumulate((self._digests[record_id] for record_id in self._ids), initial=0))

    def sum_of(self, range_: Range) -> Sum:
        """Count and sum of the records in this range. The whole, which is all that is compared where nothing differs,
        takes no order."""
        if range_.start == "" and range_.end is None:
            return Sum(len(self._digests), sum(self._digests.values()) % MODULUS)
        start, end = self._bounds_of(range_)
        return Sum(end - start, (self._totals[end] - self._totals[start]) % MODULUS)

    def records_in(self, range_: Range) -> dict[bytes, int]:
        """The digests of the records in this range, by id."""
        start, end = self._bounds_of(range_)
        return {record_id: self._digests[record_id] % MODULUS for record_id in self._ids[start:end]}

    def _bounds_of(self, range_: Range) -> tuple[int, int]:
        end = len(self._ids) if range_.end is None else bisect_left(self._ids, range_.end.encode())
        return bisect_left(self._ids, range_.start.encode()), end


def local_digests(connection: Connection, form: DigestForm) -> LocalDigests:
    """The digests of what is here now."""
    own, *of_maps = form.line_queries(connection)
    digests = {record_id: hash_of_line(line) for record_id, line in connection.execute(own)}
    for query in of_maps:
        for owner, line in connection.execute(query):
            if owner in digests:
                digests[owner] += hash_of_line(line)
    for (record_id,) in connection.execute(UNSETTLED, (form.table.name,)).fetchall():
        digests.pop(record_id.encode("utf-8", "surrogateescape"), None)
        digests.update(_digest_of_server_row(connection, form, record_id))
    return LocalDigests(digests)


def _digest_of_server_row(connection: Connection, form: DigestForm, record_id: str) -> dict[bytes, int]:
    row = server_row(connection, (form.table.name, record_id)) if record_id.isascii() else None
    if row is None or row.deleted:
        return {}
    return {record_id.encode(): form.digest(record_id, row.seq, row.cells)}
