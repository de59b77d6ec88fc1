"""plan: what a sync would do, in lines for people."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from offbook.cli.commands.sync import require_server
from offbook.cli.output import flatten, format_pairs, with_table
from offbook.cli.record_text import VERBS, value_rows
from offbook.cli.result import OFFLINE, CommandResult
from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import Json
from offbook.core.errors import Offline
from offbook.core.formatting import format_count
from offbook.core.schema import Schema, Table
from offbook.replica import Replica
from offbook.sync.dry_run import DryRunReport, PlannedChange, PlannedRow

LISTED_MAX = 10

OUTCOMES: Mapping[str, str] = {
    "merged": "meets an edit that it had not seen: some of it counts",
    "superseded": "meets an edit that it had not seen, which stays",
    "conflict": "waits for a person to decide",
}
"""What becomes of a change, by the verdict that the server would give."""


def plan(book: Replica, args: argparse.Namespace) -> CommandResult:
    """What a sync would send, merge, fetch and park; nothing is changed."""
    require_server(book)
    try:
        report = book.plan()
    except Offline as error:
        return CommandResult({"error": error.code, "detail": str(error)}, [f"Offline: {error}"], OFFLINE)
    lines = list(_report_lines(book.connection.schema, report)) or [
        "A sync would do nothing: nothing is new on either side."
    ]
    return CommandResult(asdict(report), lines)


def _report_lines(schema: Schema, report: DryRunReport) -> Iterator[str]:
    if report.snapshot:
        yield "The whole book is fetched anew."
    if report.push:
        yield f"Sends {format_count(len(report.push), 'change')}:"
        yield from _shortened([f"  {_change_text(change)}" for change in report.push])
    for change in report.merge:
        yield f"Merges: {_change_text(change)} {OUTCOMES[change.verdict]}"
        yield from (f"  {line}" for line in format_pairs(_outcome(schema.get(change.table), change)))
    yield from _row_lines("Adds", report.added)
    yield from _row_lines("Changes", report.changed)
    yield from _row_lines("Deletes", report.deleted)
    for change in report.park:
        yield f"Parks: {_change_text(change)}: {change.detail}"
    if report.held:
        yield f"Holds until the server is upgraded {format_count(len(report.held), 'change')}:"
        yield from _shortened([f"  {_held_text(change)}" for change in report.held])
    if not report.is_whole:
        yield "There is more to fetch than was looked at."


def _change_text(change: PlannedChange) -> str:
    name = with_table(change.table, flatten(change.name or change.record_id))
    return f"{VERBS.get(change.operation, change.operation)} {name}"


def _held_text(change: PlannedChange) -> str:
    """What is held, and what of it the server does not know: nothing, where an earlier change is held."""
    return _change_text(change) + (f" ({change.detail})" if change.detail else "")


def _outcome(table: Table | None, change: PlannedChange) -> list[tuple[str, str]]:
    """What each value that the change writes would be in the end."""
    if change.record is None and change.operation != "DELETE":
        return [((table.singular if table else "record").capitalize(), "stays deleted")]
    maps = table.maps_by_name if table else {}
    written = {name: value for name, value in (change.data or {}).items() if name not in maps}
    record: Mapping[str, Json] = change.record or {}
    then = dict(value_rows(table, {name: record.get(name) for name in written}))
    return [(name, f"{value} here, {then[name]} then") for name, value in value_rows(table, written)]


def _row_lines(verb: str, rows: Sequence[PlannedRow]) -> Iterator[str]:
    if rows:
        noun = "contact" if all(row.table == CONTACTS.name for row in rows) else "record"
        yield f"{verb} {format_count(len(rows), noun)} here:"
        yield from _shortened([f"  {with_table(row.table, flatten(row.name or row.record_id))}" for row in rows])


def _shortened(lines: Sequence[str]) -> Iterator[str]:
    yield from lines[:LISTED_MAX]
    if len(lines) > LISTED_MAX:
        yield f"  and {format_count(len(lines) - LISTED_MAX, 'other')}"
