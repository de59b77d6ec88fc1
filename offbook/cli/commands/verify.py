"""verify: whether this device and its server hold the same, and what was mended where they did not."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from offbook.cli.commands.sync import report_unreachable, require_server
from offbook.cli.output import flatten, label
from offbook.cli.record_text import entry_text
from offbook.cli.result import OK, PARKED, CommandResult
from offbook.core.errors import NotAuthorized, Offline
from offbook.core.formatting import format_count
from offbook.core.schema import Schema, Table
from offbook.core.validation import Json
from offbook.replica import Replica
from offbook.verify.repair import Repair
from offbook.verify.session import VerifyReport

Row = Mapping[str, Json]
EMPTY = "(empty)"


def verify(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Compare every record with the server's, and mend what differs."""
    require_server(book)
    try:
        report = book.verify()
    except (Offline, NotAuthorized) as error:
        return report_unreachable(book, error)
    lines = list(_report_lines(book.connection.schema, report))
    return CommandResult(asdict(report), lines, PARKED if book.status().parked else OK)


def _report_lines(schema: Schema, report: VerifyReport) -> Iterator[str]:
    compared = format_count(report.compared, "contact")
    if not report.repaired and not report.left_out:
        yield f"{compared} {'agrees' if report.compared == 1 else 'agree'} with the server."
    if report.repaired:
        yield f"Mended {len(report.repaired):,} of {compared}:"
        for repair in report.repaired:
            yield from _repair_lines(schema[repair.table], repair)
    if report.left_out:
        left_out = format_count(len(report.left_out), "record")
        yield f"{left_out} of the server can't be held on this device: update offbook."
    if any(repair.parked for repair in report.repaired):
        yield "What no edit on this device accounts for is not lost: see `offbook parked`."


def _repair_lines(table: Table, repair: Repair) -> Iterator[str]:
    name = flatten((repair.now or repair.was or {}).get("name")) or repair.record_id
    if repair.was is None:
        yield f"  {name}: was missing here"
        return
    yield f"  {name}" if repair.now is not None else f"  {name}: is not on the server"
    for name, before, after in _changed_values(table, repair.was, repair.now or {}):
        yield f"    {name}: {before} -> {after}"


def _changed_values(table: Table, before: Row, after: Row) -> Iterator[tuple[str, str, str]]:
    """What each value that differs is called, as it was and as it is."""
    for name in table.by_name:
        if (before.get(name) or None) != (after.get(name) or None):
            yield label(name), flatten(before.get(name) or EMPTY), flatten(after.get(name) or EMPTY)
    for name in table.maps_by_name:
        old, new = before.get(name) or {}, after.get(name) or {}
        for key in dict.fromkeys((*old, *new)):
            if old.get(key) != new.get(key):
                texts = [entry_text(entry) if entry else EMPTY for entry in (old.get(key), new.get(key))]
                yield f"{label(name)} [{key}]", texts[0], texts[1]
