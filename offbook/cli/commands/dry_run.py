"""plan: what a sync would do, told for people."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from offbook.cli import OFFLINE, CommandResult
from offbook.cli.commands.changes import DID, values_of
from offbook.cli.commands.sync import need_server
from offbook.cli.output import count, flat, label, pairs
from offbook.core.errors import Offline
from offbook.core.validation import Json
from offbook.replica import Replica
from offbook.sync.dry_run import DryRunReport, PlannedChange, PlannedRow

NAMED_MAX = 10

BECOMES: Mapping[str, str] = {
    "merged": "meets an edit that it had not seen: some of it counts",
    "superseded": "meets an edit that it had not seen, which stays",
    "conflict": "waits for a person to decide",
}


def plan(book: Replica, args: argparse.Namespace) -> CommandResult:
    need_server(book)
    try:
        report = book.plan()
    except Offline as error:
        return CommandResult({"error": error.code, "detail": str(error)}, [f"Offline: {error}"], OFFLINE)
    lines = list(_lines(report)) or ["A sync would do nothing: nothing is new on either side."]
    return CommandResult(asdict(report), lines)


def _lines(report: DryRunReport) -> Iterator[str]:
    if report.snapshot:
        yield "The whole book is fetched anew."
    if report.push:
        yield f"Sends {count(len(report.push), 'change')}:"
        yield from _some([f"  {_named(one)}" for one in report.push])
    for one in report.merge:
        yield f"Merges: {_named(one)} {BECOMES[one.verdict]}"
        yield from (f"  {line}" for line in pairs(_outcome(one)))
    yield from _rows("Adds", report.added)
    yield from _rows("Changes", report.changed)
    yield from _rows("Deletes", report.deleted)
    for one in report.park:
        yield f"Parks: {_named(one)}: {one.detail}"
    if not report.is_whole:
        yield "There is more to fetch than was looked at."


def _named(one: PlannedChange) -> str:
    return f"{DID.get(one.operation, one.operation)} {flat(one.name or one.record_id)}"


def _outcome(one: PlannedChange) -> list[tuple[str, str]]:
    """What each value that the change writes would be in the end."""
    written = values_of(one.table, {name: value for name, value in (one.data or {}).items() if name != "details"})
    record: Mapping[str, Json] = one.record or {}
    then = dict(values_of(one.table, {name: record.get(name) for name in one.data or {} if name != "details"}))
    gone = [(label("contact"), "stays deleted")] if one.record is None and one.operation != "DELETE" else []
    return gone or [(name, f"{value} here, {then[name]} then") for name, value in written]


def _rows(what: str, rows: Sequence[PlannedRow]) -> Iterator[str]:
    if rows:
        yield f"{what} {count(len(rows), 'contact')} here:"
        yield from _some([f"  {flat(one.name or one.record_id)}" for one in rows])


def _some(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:NAMED_MAX]
    if len(lines) > NAMED_MAX:
        yield f"  and {count(len(lines) - NAMED_MAX, 'other')}"
