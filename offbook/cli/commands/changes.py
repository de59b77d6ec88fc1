"""log, parked: changes of this device, and what became of them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict

from offbook.cli.lookup import find_by_prefix, find_contact, names_of
from offbook.cli.options.field_options import details_in, fields_in
from offbook.cli.options.table_options import set_values
from offbook.cli.output import flatten, format_pairs, format_table, format_time, short_ids, terminal_columns, with_table
from offbook.cli.record_text import VERBS, value_rows
from offbook.cli.result import CommandResult
from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import Json
from offbook.core.listing import name_of
from offbook.core.merge.rebase import LineState
from offbook.core.schema import Table
from offbook.database.local_changes import change_log
from offbook.database.local_changes.change_log import LogLine
from offbook.database.local_changes.parked import Parked
from offbook.replica import Replica

STATES: Mapping[LineState, str] = {
    LineState.PENDING: "waits",
    LineState.ACKNOWLEDGED: "sent",
    LineState.PARKED: "parked",
}
HELD = "held"
HEAD = ("WHEN", "STATE", "DID", "CONTACT", "CELLS")
HEAD_OF_TABLES = ("WHEN", "STATE", "DID", "RECORD", "CELLS")


def log_(book: Replica, args: argparse.Namespace) -> CommandResult:
    """The last changes, oldest first."""
    key = (CONTACTS.name, find_contact(book, args.id)) if args.id else ()
    where = "WHERE table_name = ? AND record_id = ?" if key else ""
    sql = f"SELECT {change_log.columns(book.connection)} FROM change_log {where} ORDER BY id DESC LIMIT ?"
    rows = book.connection.execute(sql, [*key, args.last]).fetchall()
    lines = [change_log.line_of(book.connection.schema, row) for row in reversed(rows)]
    if not lines:
        return CommandResult([], ["Nothing was changed on this device yet."])
    tables = {line.table: book.tables.get(line.table) for line in lines}
    names = {name: names_of(book, table) for name, table in tables.items() if table is not None}
    log_rows = [_log_row(line, names.get(line.table, {}).get(line.record_id)) for line in lines]
    head = HEAD if tables.keys() == {CONTACTS.name} else HEAD_OF_TABLES
    return CommandResult([asdict(line) for line in lines], format_table(head, log_rows, terminal_columns()))


def _log_row(line: LogLine, name: str | None) -> tuple[str, ...]:
    state = HELD if line.state is LineState.PENDING and line.held is not None else STATES[line.state]
    if line.verdict and line.state is LineState.ACKNOWLEDGED and line.verdict != "applied":
        state = f"{state}, {line.verdict}"
    verb = VERBS.get(line.operation, line.operation)
    record = with_table(line.table, flatten(name or line.record_id[:8]))
    return format_time(line.timestamp), state, verb, record, ", ".join(line.data or ())


# --- parked ----------------------------------------------------------------------------------------------------------


def parked(book: Replica, args: argparse.Namespace) -> CommandResult:
    """The changes that can't be sent, each with the reason and what it would write."""
    changes, schema = book.parked(), book.connection.schema
    if not changes:
        return CommandResult([], ["Nothing is parked: every change could be sent."])
    ids = short_ids([change.change_id for change in changes])
    lines: list[str] = []
    for change in changes:
        lines += [*_parked_lines(schema.get(change.table), change, ids[change.change_id]), ""]
    advice = "`offbook parked retry ID --field value` sends one again, corrected; `offbook parked drop ID` gives it up."
    return CommandResult([asdict(change) for change in changes], [*lines, advice])


def _parked_lines(table: Table | None, change: Parked, short_id: str) -> list[str]:
    name = name_of(table or CONTACTS, change.record or change.data or {}) or change.record_id
    verb = VERBS.get(change.operation, change.operation)
    lines = [f"{short_id}  {verb} {with_table(change.table, flatten(name))}, {format_time(change.timestamp)}"]
    return lines + [f"  {line}" for line in [change.detail, *format_pairs(value_rows(table, change.data or {}))]]


def resend(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Send a parked change again, corrected."""
    change = _find_parked(book, args.id)
    corrections = _corrections_of_contact(change, args) if change.table == CONTACTS.name else {}
    if args.set and (table := book.tables.get(change.table)):
        corrections |= set_values(table, args.set)
    change_id = book.retry(change.change_id, **corrections)
    return CommandResult({"change_id": change_id}, ["It goes out again with the next sync."])


def _corrections_of_contact(change: Parked, args: argparse.Namespace) -> dict[str, Json]:
    corrections = fields_in(args)
    details_before = (change.record or {}).get("details") or {}
    details_written = (change.data or {}).get("details") or {}
    entries = {key: entry for key, entry in {**details_before, **details_written}.items() if isinstance(entry, dict)}
    if details := details_in(args, entries):
        corrections["details"] = details
    return corrections


def drop(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Give a parked change up."""
    change = _find_parked(book, args.id)
    book.drop(change.change_id)
    return CommandResult({"dropped": change.change_id}, ["Dropped: this device shows what the server has."])


def _find_parked(book: Replica, text: str) -> Parked:
    missing = f"There is no parked change with the id “{text}”. `offbook parked` shows those that are there."
    return find_by_prefix(book.parked(), text, lambda change: change.change_id, "parked change", missing)
