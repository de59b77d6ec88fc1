"""history, restore, explain: what the server knows of how a contact came to be as it is."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

from offbook.cli import Ambiguous, CommandResult, UsageError
from offbook.cli.commands.changes import NAMES
from offbook.cli.commands.contacts import PREFIX_LENGTH_MIN, find
from offbook.cli.commands.sync import NEXT, need_server
from offbook.cli.output import cell_label, count, flat, moment, short_ids
from offbook.core.errors import NotFound
from offbook.core.history.codec import entry_to_json
from offbook.core.history.entry import HistoryEntry, was_deferred, written
from offbook.core.history.explain import CompetingWrite, ExplainedEdit, quote_value, who
from offbook.core.history.explain import explain as sentences
from offbook.core.merge.rebase import LineState
from offbook.core.model import Operation, Value
from offbook.core.schema import CONTACTS, EXISTS
from offbook.core.validation import cells_of
from offbook.database import change_log
from offbook.database.connection import bindable
from offbook.database.server_rows import change_of_line, server_row
from offbook.replica import Replica

GONE = "SELECT record_id FROM server_rows WHERE substr(record_id, 1, ?) = ? UNION SELECT record_id FROM change_log"
GONE += " WHERE substr(record_id, 1, ?) = ?"

DID: Mapping[str | None, str] = {"INSERT": "added", "UPDATE": "changed", "DELETE": "deleted", None: "(forgotten)"}


def history(book: Replica, args: argparse.Namespace) -> CommandResult:
    need_server(book)
    told = book.history(find_any(book, args.id))
    ids = short_ids([past.id for past in told])
    lines = [line for past in told for line in _past_lines(past, ids[past.id])]
    advice = "`offbook restore CHANGE` gives back what a change replaced; `--contact ID --at CHANGE` the whole contact."
    return CommandResult([entry_to_json(past) for past in told], [*lines, "", advice])


def _past_lines(past: HistoryEntry, short: str) -> Iterator[str]:
    verdict = "" if past.verdict == "applied" else f", {past.verdict}"
    yield f"{moment(past.at)}  {short}  {who(past)} {DID[past.operation]}{verdict}"
    for cell, value in written(past).items():
        if past.created:
            yield from [] if cell.endswith(EXISTS) else [f"  {cell_label(cell)}: {flat(quote_value(cell, value))}"]
        else:
            before, after = quote_value(cell, past.before[cell]), quote_value(cell, value)
            yield f"  {cell_label(cell)}: {flat(before)} -> {flat(after)}"
    for lost in past.beaten:
        text = flat(quote_value(lost.cell, lost.value))
        yield f"  {cell_label(lost.cell)}: {text} lost to {who(lost.winner)} ({lost.rule})"
    for cell, value in past.data.items():
        if was_deferred(past, cell):
            yield f"  {cell_label(cell)}: {flat(quote_value(cell, value))} was left to a person"


def find_any(book: Replica, text: str) -> str:
    """The contact that is meant, as find(); also one that is not here any more, by its id or the name it had."""
    try:
        return find(book, text)
    except NotFound:
        wanted = bindable(text).lower()
        names = [id for id, name in book.connection.execute(NAMES).fetchall() if name == text]
        begins = (len(wanted), wanted) * 2
        ids = [id for (id,) in book.connection.execute(GONE, begins)] if len(wanted) >= PREFIX_LENGTH_MIN else []
        found = set(names) | set(ids)
        if len(found) > 1:
            raise Ambiguous(f"Several contacts are, or were, “{text}”. Say which by its id.") from None
        if not found:
            raise
        return str(found.pop())


# --- giving back -----------------------------------------------------------------------------------------------------


def restore(book: Replica, args: argparse.Namespace) -> CommandResult:
    if (args.change is None) == (args.at is None) or (args.at and (args.contact is None or args.cell)):
        raise UsageError(
            "Say what to give back: CHANGE for what a change replaced, or --contact ID --at CHANGE for a whole contact."
        )
    need_server(book)
    wanted = args.change or args.at
    record_id = find_any(book, args.contact) if args.contact else _record_of(book, wanted)
    change_id = _change(book.history(record_id), wanted).id
    if args.at:
        made = book.restore_version(record_id, change_id)
    else:
        made = book.restore(change_id, record_id, args.cell, args.to)
    said_ = "It is so already: nothing was changed." if made is None else f"Given back. It goes out {NEXT}."
    return CommandResult({"change_id": made, "record_id": record_id}, [said_])


def _record_of(book: Replica, text: str) -> str:
    """The record of one of this device's own changes, by the change's id or how that begins."""
    wanted = bindable(text).lower()
    sql = "SELECT DISTINCT record_id FROM change_log WHERE substr(change_id, 1, ?) = ?"
    found = book.connection.execute(sql, (len(wanted), wanted)).fetchall() if wanted else []
    if len(found) != 1:
        raise NotFound(f"Which contact's change is “{text}”? Say it with --contact ID.")
    return str(found[0][0])


def _change(told: Sequence[HistoryEntry], text: str) -> HistoryEntry:
    found = [past for past in told if text and past.id.startswith(text.lower())]
    if not found:
        raise NotFound(f"This contact has no change “{text}”. `offbook history ID` shows those that it has.")
    if len(found) > 1:
        raise Ambiguous(f"{count(len(found), 'change')} have an id that begins with “{text}”: give more of it.")
    return found[0]


# --- why -------------------------------------------------------------------------------------------------------------


def explain(book: Replica, args: argparse.Namespace) -> CommandResult:
    need_server(book)
    record_id = find(book, args.id)
    contact = book.contacts.get(record_id)
    have = cells_of(CONTACTS, contact, Operation.INSERT)
    past = _described(book, record_id)
    told = {cell: _why(book, record_id, cell, past) for cell in _cells(have, args.cell)}
    lines: list[str] = []
    for cell, why in told.items():
        lines += [f"{cell_label(cell)}: {flat(quote_value(cell, have.get(cell)))}", *(f"  {line}" for line in why)]
    return CommandResult(told, lines)


def _described(book: Replica, record_id: str) -> list[HistoryEntry]:
    """The history; of a contact that only this device has there is none."""
    try:
        return book.history(record_id)
    except NotFound:
        return []


def _cells(have: Mapping[str, Value], wanted: str | None) -> list[str]:
    """Every cell that holds something; or the one that is meant, or those of the detail that is meant."""
    if wanted is None:
        return [cell for cell, value in have.items() if value is not None and not cell.endswith(EXISTS)]
    if CONTACTS.has_cell(wanted):
        return [wanted]
    inside = [cell for cell, value in have.items() if cell.startswith(f"{wanted}/") and value is not None]
    if not inside:
        raise NotFound(f"A contact has no “{wanted}”: name a field, like phone, or a detail, like details/KEY.")
    return inside


def _why(book: Replica, record_id: str, cell: str, past: Sequence[HistoryEntry]) -> list[str]:
    return sentences(cell, past, _edits(book, record_id, cell), _rivals(book, record_id, cell), moment)


def _edits(book: Replica, record_id: str, cell: str) -> list[ExplainedEdit]:
    """What this device did to the cell and has not sent, the newest first."""
    lines = change_log.unsettled_lines(book.connection, CONTACTS.name, record_id)
    row = server_row(book.connection, (CONTACTS.name, record_id))
    pending = [(line, change_of_line(line, row)) for line in lines if line.state is LineState.PENDING]
    edits = [
        ExplainedEdit(line.timestamp, change.cells[cell]) for line, change in pending if change and cell in change.cells
    ]
    return edits[::-1]


def _rivals(book: Replica, record_id: str, cell: str) -> list[CompetingWrite]:
    return [
        CompetingWrite(one["theirs"], one["theirs_by"]["user"], one["theirs_by"]["device"])
        for one in book.conflicts()
        if (one["record_id"], one["cell"]) == (record_id, cell)
    ]
