"""conflicts, resolve: what waits for a person, and what the person says."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from offbook.cli import messages
from offbook.cli.errors import UsageError
from offbook.cli.lookup import find_by_prefix
from offbook.cli.output import cell_label, flatten, format_pairs, format_time, short_ids, with_table
from offbook.cli.result import CommandResult
from offbook.core.cells.validation import Json
from offbook.core.formatting import format_count
from offbook.core.history.explain import CompetingWrite, quote_value, who
from offbook.replica import Replica

EFFECT = "It counts here at once, and everywhere with the next sync."

Conflict = Mapping[str, Json]


def conflicts(book: Replica, args: argparse.Namespace) -> CommandResult:
    """All open conflicts, each with both versions and the choices."""
    rows = book.conflicts()
    if not rows:
        return CommandResult([], ["No conflicts: nothing waits for a person to decide."])
    ids = short_ids([conflict["id"] for conflict in rows])
    lines = [line for conflict in rows for line in (*_conflict_lines(book, conflict, ids[conflict["id"]]), "")]
    advice = "`offbook resolve ID ours|theirs|both` decides; --value TEXT says something else; --all decides all alike."
    return CommandResult(rows, [*lines, advice])


def _conflict_lines(book: Replica, conflict: Conflict, short_id: str) -> list[str]:
    """Both versions below each other, with who wrote them, and what both began with."""
    cell = conflict["cell"]
    rows = [
        ("began with", quote_value(cell, conflict["common"])),
        ("ours", _version(cell, conflict["ours"], conflict["ours_by"])),
        ("theirs", _version(cell, conflict["theirs"], conflict["theirs_by"])),
        ("choices", ", ".join(conflict["choices"])),
    ]
    return [f"{short_id}  {_name(conflict)}: {_label(book, conflict)}", *(f"  {line}" for line in format_pairs(rows))]


def _version(cell: str, value: Json, author: Mapping[str, Json]) -> str:
    writer = who(CompetingWrite(value, author["user"], author["device"]))
    at = f", {format_time(author['at'])}" if author["at"] else ""
    return f"{flatten(quote_value(cell, value))} from {writer}{at}"


def _name(conflict: Conflict) -> str:
    return with_table(conflict["table"], flatten(conflict["name"] or conflict["record_id"]))


def _label(book: Replica, conflict: Conflict) -> str:
    return cell_label(conflict["cell"], book.tables.get(conflict["table"]))


def resolve(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Decide one conflict, or all of them alike."""
    if args.all is not None:
        return _resolve_all(book, args)
    if args.id is None or (args.choice is None) == (args.value is None):
        raise UsageError.of(messages.WHICH_CONFLICT)
    missing = f"There is no open conflict with the id “{args.id}”. `offbook conflicts` shows those that wait."
    conflict = find_by_prefix(book.conflicts(), args.id, lambda row: str(row["id"]), "conflict", missing)
    if args.value is not None:
        book.resolve(conflict["id"], value=_custom_value(conflict["cell"], args.value))
    else:
        book.resolve(conflict["id"], args.choice)
    decided = f"Decided: {_name(conflict)}, {_label(book, conflict)}. {EFFECT}"
    return CommandResult({"resolved": [conflict["id"]]}, [decided])


def _custom_value(cell: str, text: str) -> Json:
    """Whether something is there at all is said in words; what is typed empty empties the cell."""
    return {"there": True, "deleted": False}.get(text, text) if cell.endswith("@exists") else text or None


def _resolve_all(book: Replica, args: argparse.Namespace) -> CommandResult:
    if args.id is not None or args.value is not None:
        raise UsageError.of(messages.ALL_ALONE)
    ids = [conflict["id"] for conflict in book.conflicts()]
    resolved = book.resolve_all(args.all)
    line = f"Decided {format_count(resolved, 'conflict')}. {EFFECT}" if resolved else "No conflicts: nothing to decide."
    return CommandResult({"resolved": ids}, [line])
