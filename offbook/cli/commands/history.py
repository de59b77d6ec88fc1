"""history, restore, explain: what the server knows of how a contact came to be as it is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

from offbook.cli import messages
from offbook.cli.commands.sync import WITH_NEXT_SYNC, require_server
from offbook.cli.errors import UsageError
from offbook.cli.lookup import find_by_prefix, find_contact, find_contact_or_deleted
from offbook.cli.output import cell_label, flatten, format_time, short_ids
from offbook.cli.result import CommandResult
from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import parse_cells
from offbook.core.errors import NotFound
from offbook.core.history.codec import entry_to_json
from offbook.core.history.entry import HistoryEntry, was_deferred, written
from offbook.core.history.explain import CompetingWrite, ExplainedEdit, explain_cell, quote_value, who
from offbook.core.merge.rebase import LineState
from offbook.core.model import Operation, Value
from offbook.core.schema import EXISTS, Table
from offbook.database.connection import bindable
from offbook.database.local_changes import change_log
from offbook.database.server_rows import change_of_line, server_row
from offbook.replica import Replica

DID: Mapping[str | None, str] = {"INSERT": "added", "UPDATE": "changed", "DELETE": "deleted", None: "(forgotten)"}


def history(book: Replica, args: argparse.Namespace) -> CommandResult:
    """All changes of a contact, the newest first; also of one that was deleted."""
    require_server(book)
    entries = book.history(find_contact_or_deleted(book, args.id))
    ids = short_ids([entry.id for entry in entries])
    lines = [line for entry in entries for line in entry_lines(CONTACTS, entry, ids[entry.id])]
    advice = "`offbook restore CHANGE` gives back what a change replaced; `--contact ID --at CHANGE` the whole contact."
    return CommandResult([entry_to_json(CONTACTS, entry) for entry in entries], [*lines, "", advice])


def entry_lines(table: Table, entry: HistoryEntry, short_id: str) -> Iterator[str]:
    """A change in the history, line by line."""
    verdict = "" if entry.verdict == "applied" else f", {entry.verdict}"
    yield f"{format_time(entry.at)}  {short_id}  {who(entry)} {DID[entry.operation]}{verdict}"
    for cell, value in written(entry).items():
        after = flatten(quote_value(cell, value))
        if not entry.created:
            yield f"  {cell_label(cell, table)}: {flatten(quote_value(cell, entry.before[cell]))} -> {after}"
        elif not cell.endswith(EXISTS):
            yield f"  {cell_label(cell, table)}: {after}"
    for lost in entry.beaten:
        text = flatten(quote_value(lost.cell, lost.value))
        yield f"  {cell_label(lost.cell, table)}: {text} lost to {who(lost.winner)} ({lost.rule})"
    for cell, value in entry.data.items():
        if was_deferred(entry, cell):
            yield f"  {cell_label(cell, table)}: {flatten(quote_value(cell, value))} was left to a person"


# --- restore ---------------------------------------------------------------------------------------------------------


def restore(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Give back what a change replaced, or a whole contact as it was right after a change."""
    if (args.change is None) == (args.at is None) or (args.at and (args.contact is None or args.cell)):
        raise UsageError.of(messages.NO_RESTORE)
    require_server(book)
    text = args.change or args.at
    record_id = find_contact_or_deleted(book, args.contact) if args.contact else _record_of_own_change(book, text)
    missing = f"This contact has no change “{text}”. `offbook history ID` shows those that it has."
    change_id = find_by_prefix(book.history(record_id), text, lambda entry: entry.id, "change", missing).id
    if args.at:
        restored = book.restore_version(record_id, change_id)
    else:
        restored = book.restore(change_id, record_id, args.cell, args.to)
    line = (
        "It is so already: nothing was changed." if restored is None else f"Given back. It goes out {WITH_NEXT_SYNC}."
    )
    return CommandResult({"change_id": restored, "record_id": record_id}, [line])


def _record_of_own_change(book: Replica, text: str) -> str:
    """The record of one of this device's changes, by the change's id or how that begins. Raises NotFound."""
    prefix = bindable(text).lower()
    sql = "SELECT DISTINCT record_id FROM change_log WHERE substr(change_id, 1, ?) = ?"
    rows = book.connection.execute(sql, (len(prefix), prefix)).fetchall() if prefix else []
    if len(rows) != 1:
        raise NotFound.of(messages.WHOSE_CHANGE, text=text)
    return str(rows[0][0])


# --- explain ---------------------------------------------------------------------------------------------------------


def explain(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Why a contact has the values that it has: all of them, those of a detail, or that of one cell."""
    require_server(book)
    record_id = find_contact(book, args.id)
    cells = parse_cells(CONTACTS, book.contacts.get(record_id), Operation.INSERT)
    try:
        entries = book.history(record_id)
    except NotFound:  # a contact that only this device has
        entries = []
    reasons = {cell: _reasons(book, record_id, cell, entries) for cell in _explained_cells(cells, args.cell)}
    lines: list[str] = []
    for cell, sentences in reasons.items():
        lines.append(f"{cell_label(cell)}: {flatten(quote_value(cell, cells.get(cell)))}")
        lines += [f"  {sentence}" for sentence in sentences]
    return CommandResult(reasons, lines)


def _explained_cells(cells: Mapping[str, Value], name: str | None) -> list[str]:
    """Every cell that holds something; or the one of this name, or those of the detail of this name."""
    if name is None:
        return [cell for cell, value in cells.items() if value is not None and not cell.endswith(EXISTS)]
    if CONTACTS.has_cell(name):
        return [name]
    inside = [cell for cell, value in cells.items() if cell.startswith(f"{name}/") and value is not None]
    if not inside:
        raise NotFound.of(messages.NO_CELL, name=name)
    return inside


def _reasons(book: Replica, record_id: str, cell: str, entries: Sequence[HistoryEntry]) -> list[str]:
    competing = [
        CompetingWrite(conflict["theirs"], conflict["theirs_by"]["user"], conflict["theirs_by"]["device"])
        for conflict in book.conflicts()
        if (conflict["record_id"], conflict["cell"]) == (record_id, cell)
    ]
    edits = _pending_edits(book, record_id, cell)
    return explain_cell(cell, entries, edits, competing, format_time, CONTACTS.singular)


def _pending_edits(book: Replica, record_id: str, cell: str) -> list[ExplainedEdit]:
    """What this device did to the cell and has not sent, the newest first."""
    row = server_row(book.connection, (CONTACTS.name, record_id))
    edits = []
    for line in change_log.unsettled_lines(book.connection, CONTACTS.name, record_id):
        change = change_of_line(book.connection.schema, line, row) if line.state is LineState.PENDING else None
        if change and cell in change.cells:
            edits.append(ExplainedEdit(line.timestamp, change.cells[cell]))
    return edits[::-1]
