"""conflicts, resolve: what waits for a person, and what the person says."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from offbook.cli import Ambiguous, CommandResult, UsageError
from offbook.cli.output import cell_label, count, flat, moment, pairs, short_ids
from offbook.core.errors import NotFound
from offbook.core.history.explain import CompetingWrite, quote_value, who
from offbook.core.validation import Json
from offbook.replica import Replica

EVERYWHERE = "It counts here at once, and everywhere with the next sync."


def conflicts(book: Replica, args: argparse.Namespace) -> CommandResult:
    found = book.conflicts()
    if not found:
        return CommandResult([], ["No conflicts: nothing waits for a person to decide."])
    ids = short_ids([one["id"] for one in found])
    lines = [line for one in found for line in (*_conflict_lines(one, ids[one["id"]]), "")]
    advice = "`offbook resolve ID ours|theirs|both` decides; --value TEXT says something else; --all decides all alike."
    return CommandResult(found, [*lines, advice])


def _conflict_lines(one: Mapping[str, Json], short: str) -> list[str]:
    """Both versions below each other, with who wrote them, and what both began with."""
    cell = one["cell"]
    rows = [
        ("began with", quote_value(cell, one["common"])),
        ("ours", _version(cell, one["ours"], one["ours_by"])),
        ("theirs", _version(cell, one["theirs"], one["theirs_by"])),
        ("choices", ", ".join(one["choices"])),
    ]
    name = flat(one["name"] or one["record_id"])
    return [f"{short}  {name}: {cell_label(cell)}", *(f"  {line}" for line in pairs(rows))]


def _version(cell: str, value: Json, by: Mapping[str, Json]) -> str:
    at = f", {moment(by['at'])}" if by["at"] else ""
    return f"{flat(quote_value(cell, value))} from {who(CompetingWrite(value, by['user'], by['device']))}{at}"


def resolve(book: Replica, args: argparse.Namespace) -> CommandResult:
    if args.all is not None:
        return _resolve_all(book, args)
    if args.id is None or (args.choice is None) == (args.value is None):
        raise UsageError("Say which conflict and what is to stand: `offbook resolve ID ours`, or ID --value TEXT.")
    one = _find(book, args.id)
    if args.value is not None:
        book.resolve(one["id"], value=_typed(one["cell"], args.value))
    else:
        book.resolve(one["id"], args.choice)
    name = flat(one["name"] or one["record_id"])
    return CommandResult({"resolved": [one["id"]]}, [f"Decided: {name}, {cell_label(one['cell'])}. {EVERYWHERE}"])


def _typed(cell: str, text: str) -> Json:
    """Whether something is there at all is said in words; what is typed empty empties the cell."""
    return {"there": True, "deleted": False}.get(text, text) if cell.endswith("@exists") else text or None


def _resolve_all(book: Replica, args: argparse.Namespace) -> CommandResult:
    if args.id is not None or args.value is not None:
        raise UsageError("--all decides all conflicts alike: leave the id and the value out.")
    ids = [one["id"] for one in book.conflicts()]
    settled = book.resolve_all(args.all)
    told = f"Decided {count(settled, 'conflict')}. {EVERYWHERE}" if settled else "No conflicts: nothing to decide."
    return CommandResult({"resolved": ids}, [told])


def _find(book: Replica, text: str) -> dict[str, Json]:
    found = [one for one in book.conflicts() if text and one["id"].startswith(text.lower())]
    if not found:
        raise NotFound(f"There is no open conflict with the id “{text}”. `offbook conflicts` shows those that wait.")
    if len(found) > 1:
        raise Ambiguous(f"{count(len(found), 'conflict')} have an id that begins with “{text}”: give more of it.")
    return found[0]
