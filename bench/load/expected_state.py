"""What a server has acknowledged in one book, and what must therefore be there at the end. Pure.

Every edit writes a value that was never written before, so that a cell tells which change it is of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

Json = dict[str, Any]
Rows = dict[tuple[str, str], Json]
"""The rows of a book as pages have them, by table and id, without tombstones."""

History = Mapping[str, tuple[str, int | None]]
"""Verdict and seq of each change that the database holds."""

WHOLE = "applied"
NOTHING = ("superseded", "rejected")


class Write(NamedTuple):
    """A change that took effect: all of it (``whole``), or some."""

    seq: int
    whole: bool
    operation: str
    data: Mapping[str, Any]


class ExpectedState:
    """What the server of a book has acknowledged. ``plain`` has what was written by REST, with the seq of its ETag."""

    def __init__(self) -> None:
        self.verdicts: dict[str, str] = {}
        self.changes: dict[str, Json] = {}
        self.plain: list[tuple[str, Write]] = []

    def acknowledge(self, change: Json, result: Json) -> Iterator[str]:
        """Record a verdict. Yields what is wrong with it."""
        first = self.verdicts.setdefault(change["id"], result["verdict"])
        self.changes[change["id"]] = change
        if result["id"] != change["id"]:
            yield "A result is not of the change that was sent at its place."
        if first != result["verdict"]:
            yield "The same change again got another verdict."

    def missing(self, history: History, rows: Rows) -> Iterator[str]:
        """What was acknowledged and is not in the history, or not in these rows."""
        writes: dict[str, list[Write]] = defaultdict(list)
        for change_id, verdict in self.verdicts.items():
            stored, seq = history.get(change_id, ("", None))
            if stored != verdict:
                yield "A change is not in the history with the verdict that it was given."
            if verdict not in NOTHING and seq is not None:
                change = self.changes[change_id]
                write = Write(seq, verdict == WHOLE, change["operation"], change.get("data") or {})
                writes[change["record_id"]].append(write)
        seqs = {seq for _, seq in history.values()}
        for record_id, write in self.plain:
            if write.seq not in seqs:
                yield "A write by REST is not in the history."
            writes[record_id].append(write)
        for record_id, of_record in writes.items():
            yield from find_faults(sorted(of_record), rows.get(("contacts", record_id)))


def find_faults(writes: list[Write], row: Json | None) -> Iterator[str]:
    """What is wrong with a record after these writes, oldest first: the last that took effect must show."""
    if row is None:
        if not any(write.operation == "DELETE" for write in writes):
            yield "A contact is gone that nobody deleted."
    elif writes[-1].operation == "DELETE" and writes[-1].whole:
        yield "A contact is there that was deleted last."
    else:
        data = row["data"]
        yield from (
            "A cell does not hold what was acknowledged last."
            for cell, values in possible_values(writes).items()
            if values is not None and data.get(cell) not in values
        )


def possible_values(writes: Iterable[Write]) -> dict[str, list[Any] | None]:
    """What each cell may hold; None where it can be anything, since nothing is known of it from before."""
    values: dict[str, list[Any] | None] = {}
    for write in writes:
        for cell, value in write.data.items():
            before = values.get(cell)
            if write.whole:
                values[cell] = [value]
            else:
                values[cell] = None if before is None else [*before, value]
    return values
