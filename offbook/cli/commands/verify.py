"""verify: whether this device and its server hold the same, and what was mended where they did not."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from offbook.cli import OK, PARKED, CommandResult
from offbook.cli.commands.changes import entry_words
from offbook.cli.commands.sync import need_server, not_now
from offbook.cli.output import count, flat, label
from offbook.core.errors import NotAuthorized, Offline
from offbook.core.schema import TABLES
from offbook.core.validation import Json
from offbook.replica import Replica
from offbook.verify.repair import Repair
from offbook.verify.session import VerifyReport

Shown = Mapping[str, Json]
EMPTY = "(empty)"


def verify(book: Replica, args: argparse.Namespace) -> CommandResult:
    need_server(book)
    try:
        report = book.verify()
    except (Offline, NotAuthorized) as error:
        return not_now(book, error)
    return CommandResult(asdict(report), list(_described(report)), PARKED if book.status().parked else OK)


def _described(report: VerifyReport) -> Iterator[str]:
    all_of_them = count(report.compared, "contact")
    if not report.repaired and not report.left_out:
        agree = "agrees" if report.compared == 1 else "agree"
        yield f"{all_of_them} {agree} with the server."
    if report.repaired:
        yield f"Mended {len(report.repaired):,} of {all_of_them}:"
        for one in report.repaired:
            yield from _repaired(one)
    if report.left_out:
        yield f"{count(len(report.left_out), 'record')} of the server can't be held on this device: update offbook."
    if any(one.parked for one in report.repaired):
        yield "What no edit on this device accounts for is not lost: see `offbook parked`."


def _repaired(one: Repair) -> Iterator[str]:
    name = flat((one.now or one.was or {}).get("name")) or one.record_id
    if one.was is None:
        yield f"  {name}: was missing here"
    elif one.now is None:
        yield f"  {name}: is not on the server"
    else:
        yield f"  {name}"
    cells = list(_cells(one.table, one.was or {}, one.now or {}))
    yield from (f"    {name}: {was} -> {now}" for name, was, now in cells if one.was is not None)


def _cells(table: str, was: Shown, now: Shown) -> Iterator[tuple[str, str, str]]:
    """Each value that is not what it was, as it was and as it is."""
    for name in TABLES[table].by_name:
        if (was.get(name) or None) != (now.get(name) or None):
            yield label(name), _text(was.get(name)), _text(now.get(name))
    for name in TABLES[table].maps_by_name:
        had, has = was.get(name) or {}, now.get(name) or {}
        for key in dict.fromkeys((*had, *has)):
            if had.get(key) != has.get(key):
                yield f"{label(name)} [{key}]", _entry(had.get(key)), _entry(has.get(key))


def _text(value: Json) -> str:
    return flat(value) if value else EMPTY


def _entry(entry: Any) -> str:
    return entry_words(entry) if entry else EMPTY
