"""log, parked: changes of this device, and what became of them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from offbook.cli import Ambiguous, CommandResult
from offbook.cli.commands.contacts import find, room, value_of
from offbook.cli.field_options import details_in, fields_in
from offbook.cli.output import count, flat, label, moment, pairs, short_ids, table
from offbook.core.errors import NotFound
from offbook.core.merge.rebase import LineState
from offbook.core.schema import TABLES
from offbook.core.validation import Json
from offbook.database import change_log
from offbook.database.change_log import LogLine
from offbook.database.parked import Parked
from offbook.replica import Replica

STATES: Mapping[LineState, str] = {
    LineState.PENDING: "waits",
    LineState.ACKNOWLEDGED: "sent",
    LineState.PARKED: "parked",
}
DID: Mapping[str, str] = {"INSERT": "add", "UPDATE": "change", "DELETE": "delete"}

NAMES = """SELECT record_id, json_extract(data, '$.name') FROM change_log
  WHERE operation = 'INSERT' AND json_valid(data) UNION ALL SELECT id, name FROM contacts"""
"""The present names last, so that they count more than those that records were added with."""


def log_(book: Replica, args: argparse.Namespace) -> CommandResult:
    """The last changes, oldest first."""
    where, values = ("WHERE record_id = ?", [find(book, args.id)]) if args.id else ("", [])
    sql = f"SELECT {change_log.COLUMNS} FROM change_log {where} ORDER BY id DESC LIMIT ?"
    lines = [change_log.line_of(row) for row in book.connection.execute(sql, [*values, args.last])][::-1]
    if not lines:
        return CommandResult([], ["Nothing was changed on this device yet."])
    names = dict(book.connection.execute(NAMES).fetchall())
    rows = [_log_row(line, names.get(line.record_id)) for line in lines]
    return CommandResult(
        [asdict(line) for line in lines], table(("WHEN", "STATE", "DID", "CONTACT", "CELLS"), rows, room())
    )


def _log_row(line: LogLine, name: str | None) -> tuple[str, ...]:
    state = STATES[line.state]
    if line.verdict and line.state is LineState.ACKNOWLEDGED and line.verdict != "applied":
        state = f"{state}, {line.verdict}"
    did = DID.get(line.operation, line.operation)
    return (moment(line.timestamp), state, did, flat(name or line.record_id[:8]), ", ".join(line.data or ()))


# --- parked ----------------------------------------------------------------------------------------------------------


def parked(book: Replica, args: argparse.Namespace) -> CommandResult:
    found = book.parked()
    if not found:
        return CommandResult([], ["Nothing is parked: every change could be sent."])
    ids = short_ids([one.change_id for one in found])
    lines: list[str] = []
    for one in found:
        lines += [*_parked_lines(one, ids[one.change_id]), ""]
    advice = "`offbook parked retry ID --field value` sends one again, corrected; `offbook parked drop ID` gives it up."
    return CommandResult([asdict(one) for one in found], [*lines, advice])


def _parked_lines(one: Parked, short: str) -> list[str]:
    name = (one.record or one.data or {}).get("name") or one.record_id
    lines = [f"{short}{'':2}{DID.get(one.operation, one.operation)} {flat(name)}, {moment(one.timestamp)}"]
    return lines + [f"  {line}" for line in [one.detail, *pairs(values_of(one.table, one.data or {}))]]


def values_of(table: str, data: Mapping[str, Json]) -> list[tuple[str, str]]:
    """What a change would write, value by value."""
    maps = TABLES[table].maps_by_name if table in TABLES else {}
    rows = []
    for name, value in data.items():
        if name in maps and isinstance(value, dict):
            rows += [(f"{label(name)} [{key}]", entry_words(entry)) for key, entry in value.items()]
        else:
            rows.append((label(name), "(empty)" if value in (None, "") else str(value)))
    return rows


def entry_words(entry: Any) -> str:
    if not isinstance(entry, dict):
        return "(removed)"
    kind = entry.get("kind")
    return f"{label(kind)}: {value_of(entry)}" if isinstance(kind, str) else value_of(entry)


def retry(book: Replica, args: argparse.Namespace) -> CommandResult:
    one = _parked(book, args.id)
    corrections = fields_in(args)
    before = (one.record or {}).get("details") or {}
    written = (one.data or {}).get("details") or {}
    entries = {key: entry for key, entry in {**before, **written}.items() if isinstance(entry, dict)}
    if details := details_in(args, entries):
        corrections["details"] = details
    change_id = book.retry(one.change_id, **corrections)
    return CommandResult({"change_id": change_id}, ["It goes out again with the next sync."])


def drop(book: Replica, args: argparse.Namespace) -> CommandResult:
    one = _parked(book, args.id)
    book.drop(one.change_id)
    return CommandResult({"dropped": one.change_id}, ["Dropped: this device shows what the server has."])


def _parked(book: Replica, text: str) -> Parked:
    """The parked change that is meant: by its id, or by how that begins."""
    found = [one for one in book.parked() if text and one.change_id.startswith(text.lower())]
    if not found:
        raise NotFound(f"There is no parked change with the id “{text}”. `offbook parked` shows those that are there.")
    if len(found) > 1:
        raise Ambiguous(f"{count(len(found), 'parked change')} have an id that begins with “{text}”: give more of it.")
    return found[0]
