"""import and export: cards (vCard) and CSV.

A row's id follows from its content, so the same file twice adds nothing; and what was deleted here stays deleted.
"""

from __future__ import annotations

import argparse
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from offbook.bulk_import import BulkImport, Counts, deleted_ids
from offbook.cli import standard_streams
from offbook.cli.atomic_file import write_whole
from offbook.cli.errors import CutShort, UsageError
from offbook.cli.result import FAILED, OK, CommandResult
from offbook.contacts.importing import ImportReport, ImportStep, OnDuplicate, labelled, steps_of
from offbook.contacts.matching import Likeness
from offbook.core.errors import Malformed, OffbookError
from offbook.core.formatting import format_count
from offbook.core.model import Operation
from offbook.core.validation import Json
from offbook.database import change_log
from offbook.database.connection import SqliteError
from offbook.replica import Replica, random_id

Named = TypeVar("Named")

MAPPINGS = "csv_mappings"
"""The setting that holds the mappings of CSVs."""

UPDATES_AT_ONCE = 50
"""How many contacts get what is new in one transaction."""

OWN_SUFFIXES = ("", "-wal", "-shm", "-journal")
"""The book's file, and those that SQLite keeps beside it, or may at any time."""


def import_(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Add the contacts of files. The exit code is FAILED where something of a file could not be taken as it stood."""
    reports: list[Json] = []
    lines: list[str] = []
    for file in args.files:
        report = _import_file(book, file, args)
        reports.append(report.to_json())
        lines += _lines_of(report, args.dry_run)
    has_problems = any(report["problems"] for report in reports)
    return CommandResult(reports[0] if len(reports) == 1 else reports, lines, FAILED if has_problems else OK)


def _import_file(book: Replica, name: str, args: argparse.Namespace) -> ImportReport:
    from offbook.formats.contents import read_contents, unread
    from offbook.formats.registry import FORMATS
    from offbook.formats.table_mapping import Origin, choose_mapping, parse_given, with_remembered

    file = io.BytesIO(_bytes_of(name))
    format_ = _named(args.format, FORMATS) if args.format else None
    given = None if args.map is None else parse_given(_bytes_of(args.map).decode(errors="replace"))
    kept = _kept_mappings(book)
    table = choose_mapping(file, args.format or "", given, kept.get)
    try:
        contents = read_contents(file, format_, table)
    except Malformed as error:
        if not args.dry_run or table is None or given is not None:
            raise
        return unread(table, error)
    report = contents.new_report()
    existing = {contact["id"]: contact for contact in book.contacts.list()}
    deleted = deleted_ids(book.connection, [str(contact["id"]) for contact in contents.contacts])
    matches = contents.match(existing.values(), deleted)
    steps = list(steps_of(contents.contacts, matches, existing, OnDuplicate(args.on_duplicate), args.label))
    if args.dry_run:
        for step in steps:
            report.count(step)
    else:
        if table is not None and table.origin is not Origin.PROPOSED:
            book.settings[MAPPINGS] = dict(with_remembered(kept, table))
        _carry_out(book, steps, report)
    return report


def _kept_mappings(book: Replica) -> dict[str, str]:
    """The mappings that were given on this device, as texts, by the headers of their files."""
    kept = book.settings.get(MAPPINGS)
    return {key: text for key, text in kept.items() if isinstance(text, str)} if isinstance(kept, dict) else {}


def _bytes_of(name: str) -> bytes:
    return standard_streams.read() if name == standard_streams.STANDARD else Path(name).read_bytes()


def _named(name: str, formats: Mapping[str, Named]) -> Named:
    """What these formats have under this name. Raises UsageError."""
    if name not in formats:
        raise UsageError(f"--format must be one of {', '.join(formats)}.")
    return formats[name]


def _carry_out(book: Replica, steps: Sequence[ImportStep], report: ImportReport) -> None:
    """Write what is new and what has changed, as one batch; others get their turns in between."""
    batch = random_id()
    for step in steps:
        if step.operation is None:
            report.count(step)
    added = [step for step in steps if step.operation is Operation.INSERT]
    counts = add_contacts(book, [{**step.data, "id": step.record_id} for step in added], batch)
    report.added, report.already_here = counts.added, report.already_here + counts.present
    report.deleted_before += counts.deleted
    report.doubtful += sum(step.match.likeness is Likeness.DOUBTFUL for step in added)
    changed = [step for step in steps if step.operation is Operation.UPDATE]
    for start in range(0, len(changed), UPDATES_AT_ONCE):
        with change_log.in_batch(book.connection, batch):
            for step in changed[start : start + UPDATES_AT_ONCE]:
                book.contacts.update(step.record_id, **step.data)
                report.count(step)
    report.batch = batch if report.added or report.changed else None


def _lines_of(report: ImportReport, is_dry: bool) -> Iterator[str]:
    if is_dry and report.mapping is not None:
        yield "The columns are (change it by --map):"
        for column, cell in report.mapping.items():
            yield f"  {column}: {cell or 'left out'}"
    yield f"{'Would add' if is_dry else 'Added'} {format_count(report.added, 'contact')}."
    if report.changed:
        yield f"{format_count(report.changed, 'contact')} {'would get' if is_dry else 'got'} what is new."
    if report.already_here:
        yield f"{format_count(report.already_here, 'is', 'are')} here already."
    if report.deleted_before:
        yield f"{format_count(report.deleted_before, 'was', 'were')} deleted here and left so."
    if report.doubtful:
        yield f"{format_count(report.doubtful, 'may be one that is', 'may be some that are')} here: see --on-duplicate."
    for problem in report.problems:
        place = ", ".join(filter(None, [f"Row {problem.row}" if problem.row else "", problem.column, problem.name]))
        yield f"{place}: {problem.detail}" if place else problem.detail


def add_contacts(book: Replica, contacts: Sequence[Mapping[str, Json]], batch: str) -> Counts:
    """Add those that were never here, as this batch. What cuts it short is raised with what was added until then."""
    importing = BulkImport(book.connection, batch)
    try:
        importing.add(contacts)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_cut_short("The import was interrupted.", importing.counts)) from None
    except SqliteError as error:
        if not importing.counts.added:
            raise
        reason = str(error) if isinstance(error, OffbookError) else f"{book.path} can't be used any more: {error}."
        raise CutShort(_cut_short(reason, importing.counts)) from error
    return importing.counts


def _cut_short(reason: str, counts: Counts) -> str:
    added = format_count(counts.added, "contact was added", "contacts were added")
    return f"{reason} {added} before: import the file again, and the rest is added."


def export(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Write all contacts as a file, or those of a label. Raises UsageError where that would replace the book itself."""
    from offbook.formats.csv.damage import may_be_executed
    from offbook.formats.registry import FORMATS, WRITERS, writer_of

    format_ = FORMATS[_named(args.format, {name: name for name in WRITERS})]
    if args.spreadsheet and format_.media_type != "text/csv":
        raise UsageError("--spreadsheet is for a CSV: leave out --format.")
    contacts = labelled(book.contacts.list(), args.label)
    written = writer_of(format_.name, args.spreadsheet)(contacts, lambda _: None)
    text = written.text.encode()
    if args.file == standard_streams.STANDARD or standard_streams.is_output(Path(args.file)):
        return CommandResult(contacts, raw=text)
    if _is_the_book(book.path, args.file):
        raise UsageError(f"{args.file} is the book itself: name another file to export to.")
    write_whole(Path(args.file), text, book.path.stat().st_mode)
    lines = [f"Wrote {format_count(len(contacts), 'contact')} to {args.file}."]
    if written.left_out:
        count = format_count(len(written.left_out), "value")
        lines.append(f"{count} of them stayed out: {args.format} has no place for such.")
    if format_.media_type == "text/csv" and not args.spreadsheet and may_be_executed(written.text):
        lines.append("Some cells begin as formulas do, and are as they stand in the book: see --spreadsheet.")
    return CommandResult({"exported": len(contacts), "file": args.file, "left_out": len(written.left_out)}, lines)


def _is_the_book(book: Path, file: str) -> bool:
    """Whether the file is one of the book's, by whatever name."""
    path = os.path.realpath(file)
    own_files = [f"{os.path.realpath(book)}{suffix}" for suffix in OWN_SUFFIXES]
    return any(
        path == own or (os.path.exists(path) and os.path.exists(own) and os.path.samefile(path, own))
        for own in own_files
    )
