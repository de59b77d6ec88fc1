"""verify: whether this device and its server hold the same, and what was mended where they did not."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict

from offbook.cli.commands.sync import report_unreachable, require_server
from offbook.cli.output import flatten, heading, with_table
from offbook.cli.record_text import entry_text
from offbook.cli.result import OK, PARKED, CommandResult
from offbook.core.cells.validation import Json, is_empty
from offbook.core.errors import NotAuthorized, Offline
from offbook.core.formatting import format_count
from offbook.core.listing import name_of
from offbook.core.schema import Schema, Table
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
    dangling = book.dangling_references()
    lines = [*_report_lines(book.tables, report), *_dangling_lines(dangling)]
    return CommandResult({**asdict(report), "dangling": dangling}, lines, PARKED if book.status().parked else OK)


def _dangling_lines(dangling: Mapping[str, int]) -> Iterator[str]:
    for column, count in dangling.items():
        references = format_count(count, "reference leads", "references lead")
        yield f"{references} to nothing that is here, in {column}."


def _report_lines(schema: Schema, report: VerifyReport) -> Iterator[str]:
    compared = format_count(report.compared, "record")
    if not report.repaired and not report.left_out:
        yield f"{compared} {'agrees' if report.compared == 1 else 'agree'} with the server."
    if report.repaired:
        yield f"Mended {len(report.repaired):,} of {compared}:"
        for repair in report.repaired:
            yield from _repair_lines(schema[repair.table], repair)
    if report.left_out:
        left_out = format_count(len(report.left_out), "record")
        yield f"{left_out} of the server can't be held on this device: update offbook."
    if report.not_compared:
        yield f"Not compared, since only one side knows it: {', '.join(report.not_compared)}."
    if any(repair.parked for repair in report.repaired):
        yield "What no edit on this device accounts for is not lost: see `offbook parked`."


def _repair_lines(table: Table, repair: Repair) -> Iterator[str]:
    name = with_table(table.name, flatten(name_of(table, repair.now or repair.was or {})) or repair.record_id)
    if repair.was is None:
        yield f"  {name}: was missing here"
        return
    yield f"  {name}" if repair.now is not None else f"  {name}: is not on the server"
    for name, before, after in _changed_values(table, repair.was, repair.now or {}):
        yield f"    {name}: {before} -> {after}"


def _changed_values(table: Table, before: Row, after: Row) -> Iterator[tuple[str, str, str]]:
    """What each value that differs is called, as it was and as it is."""
    for name in table.by_name:
        was, now = (None if is_empty(row.get(name)) else row.get(name) for row in (before, after))
        if was != now:
            yield heading(table, name), flatten(EMPTY if was is None else was), flatten(EMPTY if now is None else now)
    for name, map_ in table.maps_by_name.items():
        old, new = before.get(name) or {}, after.get(name) or {}
        for key in dict.fromkeys((*old, *new)):
            if old.get(key) != new.get(key):
                texts = [entry_text(entry, map_) if entry else EMPTY for entry in (old.get(key), new.get(key))]
                yield f"{heading(table, name)} [{key}]", texts[0], texts[1]
