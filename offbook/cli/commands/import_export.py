"""import and export: cards (vCard), CSV, and the zip of all that is here.

A row's id follows from its content, so the same file twice adds nothing; and what was deleted here stays deleted,
unless the undo of an import did that.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from offbook.cli import messages, standard_streams
from offbook.cli.atomic_file import write_whole, write_with
from offbook.cli.errors import CutShort, UsageError
from offbook.cli.result import FAILED, OK, CommandResult
from offbook.contacts.importing import (
    ImportProblem,
    ImportReport,
    ImportStep,
    OnDuplicate,
    label_steps,
    labelled,
)
from offbook.contacts.matching import Contact, Likeness
from offbook.contacts.table import CONTACTS, LABELS
from offbook.core.cells.validation import Json
from offbook.core.errors import Invalid, Malformed, OffbookError
from offbook.core.formatting import format_count
from offbook.core.messages import TABLE_LEFT_OUT
from offbook.core.model import Operation, Record
from offbook.database.connection import SqliteError
from offbook.database.deletions import taken_back
from offbook.database.local_changes import change_log
from offbook.database.records import record_table
from offbook.replica import Replica, now_ms, random_id
from offbook.transfer.bulk_import import NOTHING, BulkImport, Counts
from offbook.transfer.labels import known_labels

if TYPE_CHECKING:
    from offbook.formats.registry import Format

Named = TypeVar("Named")

MAPPINGS = "csv_mappings"
"""The setting that holds the mappings of CSVs."""

PART_BYTES = 1024**2
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
    from offbook.formats.registry import FORMATS

    format_ = _named(args.format, FORMATS) if args.format else None
    with _opened(name) as file:
        return _import(book, file, format_, args)


def _import(book: Replica, file: BinaryIO, format_: Format | None, args: argparse.Namespace) -> ImportReport:
    from offbook.formats.contents import OpenFile, unread
    from offbook.formats.table_mapping import Origin, choose_mapping, parse_given, with_remembered
    from offbook.transfer.photos import keep_photo
    from offbook.transfer.reading import match_file, portions_of

    chosen = None if args.map is None else parse_given(_bytes_of(args.map).decode(errors="replace"))
    kept = _kept_mappings(book)
    table = choose_mapping(file, args.format or "", chosen, kept.get)
    try:
        matched = match_file(book, OpenFile(file, format_, table))
    except Malformed as error:
        if not args.dry_run or table is None or chosen is not None:
            raise
        return unread(table, error)
    report, batch = matched.contents.new_report(), random_id()
    portions = portions_of(book, matched, OnDuplicate(args.on_duplicate), args.label)
    labels = list(_label_steps(book, matched.labels, report))
    if args.dry_run:
        for step in chain(chain.from_iterable(portion.steps for portion in portions), labels):
            report.count(step)
        return report
    if table is not None and table.origin is not Origin.PROPOSED:
        book.settings[MAPPINGS] = dict(with_remembered(kept, table))
    for steps, photos in portions:
        steps = [keep_photo(book.connection, book.blobs, photos, step, report.problems.append) for step in steps]
        _carry_out(book, steps, report, batch, matched.taken_back)
    _add_labels(book, labels, report, batch)
    report.batch = batch if report.added or report.changed or report.trashed or report.labels else None
    return report


def _label_steps(book: Replica, labels: Sequence[Contact], report: ImportReport) -> Iterator[ImportStep]:
    """What is to be done about the labels of a zip; where the file of this device has none, the report says so."""
    if labels and book.connection.schema.get(LABELS.name) is None:
        left_out = TABLE_LEFT_OUT.fault(name=LABELS.name)
        report.problems.append(ImportProblem(0, LABELS.name, left_out.code, left_out.detail))
        return iter(())
    known, names = known_labels(book.connection)
    back = taken_back(book.connection, LABELS, [str(label["id"]) for label in labels])
    return label_steps(labels, known, names, back)


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """A file that can be read anywhere; a pipe is read whole."""
    if name == standard_streams.STANDARD:
        yield io.BytesIO(standard_streams.read())
        return
    with Path(name).open("rb") as file:
        yield file if file.seekable() else io.BytesIO(file.read())


def _kept_mappings(book: Replica) -> dict[str, str]:
    """The mappings that were given on this device, as texts, by the headers of their files."""
    kept = book.settings.get(MAPPINGS)
    return {key: text for key, text in kept.items() if isinstance(text, str)} if isinstance(kept, dict) else {}


def _bytes_of(name: str) -> bytes:
    return standard_streams.read() if name == standard_streams.STANDARD else Path(name).read_bytes()


def _named(name: str, formats: Mapping[str, Named]) -> Named:
    """What these formats have under this name. Raises UsageError."""
    if name not in formats:
        raise UsageError.of(messages.BAD_FORMAT, formats=", ".join(formats))
    return formats[name]


def _carry_out(
    book: Replica, steps: Sequence[ImportStep], report: ImportReport, batch: str, back: Mapping[str, Record]
) -> None:
    """Write what is new and what has changed, as of this batch; others get their turns in between."""
    for step in steps:
        if step.operation is None:
            report.count(step)
    added = [step for step in steps if step.operation is Operation.INSERT]
    counts = add_contacts(book, [{**step.data, "id": step.record_id} for step in added], batch, back, report.added)
    report.added += counts.added
    report.already_here += counts.present
    report.deleted_before += counts.deleted
    report.doubtful += sum(step.match.likeness is Likeness.DOUBTFUL for step in added)
    _add_to_trash(book, [step for step in steps if step.operation is Operation.DELETE], report, batch)
    changed = [step for step in steps if step.operation is Operation.UPDATE]
    for start in range(0, len(changed), UPDATES_AT_ONCE):
        with change_log.in_batch(book.connection, batch):
            for step in changed[start : start + UPDATES_AT_ONCE]:
                try:
                    book.contacts.update(step.record_id, **step.data)
                    report.count(step)
                except Invalid as error:
                    name = str(step.contact["name"] or "")
                    report.problems.append(ImportProblem(0, "", error.code, str(error), name))


def _add_labels(book: Replica, steps: Sequence[ImportStep], report: ImportReport, batch: str) -> None:
    with change_log.in_batch(book.connection, batch):
        for step in steps:
            if step.operation is not None:
                book.labels.put(step.record_id, **step.data)
            report.count(step)


def _add_to_trash(book: Replica, steps: Sequence[ImportStep], report: ImportReport, batch: str) -> None:
    """Add contacts and delete them again, so that they are in the trash of whoever is sent both."""
    for start in range(0, len(steps), UPDATES_AT_ONCE):
        some = steps[start : start + UPDATES_AT_ONCE]
        add_contacts(book, [{**step.data, "id": step.record_id} for step in some], batch)
        with change_log.in_batch(book.connection, batch):
            record_table(CONTACTS).remove(book.connection, [step.record_id for step in some])
        for step in some:
            report.count(step)


def _lines_of(report: ImportReport, is_dry: bool) -> Iterator[str]:
    if is_dry and report.mapping is not None:
        yield "The columns are (change it by --map):"
        for column, cell in report.mapping.items():
            yield f"  {column}: {cell or 'left out'}"
    yield f"{'Would add' if is_dry else 'Added'} {format_count(report.added, 'contact')}."
    if report.changed:
        yield f"{format_count(report.changed, 'contact')} {'would get' if is_dry else 'got'} what is new."
    if report.trashed:
        yield f"{format_count(report.trashed, 'contact')} {'would be' if is_dry else 'added'} in the trash."
    if report.labels:
        yield f"{format_count(report.labels, 'label')} {'would be ' if is_dry else ''}added."
    if report.already_here:
        yield f"{format_count(report.already_here, 'is', 'are')} here already."
    if report.deleted_before:
        yield f"{format_count(report.deleted_before, 'was', 'were')} deleted here and left so."
    if report.doubtful:
        yield f"{format_count(report.doubtful, 'may be one that is', 'may be some that are')} here: see --on-duplicate."
    for problem in report.problems:
        place = ", ".join(filter(None, [f"Row {problem.row}" if problem.row else "", problem.column, problem.name]))
        yield f"{place}: {problem.detail}" if place else problem.detail


def add_contacts(
    book: Replica,
    contacts: Sequence[Mapping[str, Json]],
    batch: str,
    taken_back: Mapping[str, Record] = NOTHING,
    before: int = 0,
) -> Counts:
    """Add those that were never here, or that an undo has ``taken_back``, as this batch. What cuts it short is raised
    with what was added until then, and ``before``."""
    importing = BulkImport(book.connection, batch, taken_back)
    try:
        importing.add(contacts)
    except KeyboardInterrupt:
        added = _added(before + importing.counts.added)
        raise KeyboardInterrupt(messages.IMPORT_INTERRUPTED.sentence(added=added)) from None
    except SqliteError as error:
        if not before + importing.counts.added:
            raise
        unusable = messages.BOOK_UNUSABLE.fault(path=book.path, reason=str(error))
        reason = error.fault if isinstance(error, OffbookError) else unusable
        added = _added(before + importing.counts.added)
        raise CutShort.of(messages.IMPORT_CUT_SHORT, reason=reason.detail, added=added) from error
    return importing.counts


def _added(count: int) -> str:
    return format_count(count, "contact was added", "contacts were added")


def export(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Write all contacts as a file, or those of a label. Raises UsageError where that would replace the book itself."""
    from offbook.formats.csv.damage import may_be_executed
    from offbook.formats.registry import ARCHIVE, FORMATS, WRITERS, writer_of
    from offbook.transfer.photos import held_photo

    if args.format == ARCHIVE:
        return _export_archive(book, args)
    format_ = FORMATS[_named(args.format, {name: name for name in WRITERS})]
    if args.spreadsheet and format_.media_type != "text/csv":
        raise UsageError.of(messages.SPREADSHEET_IS_CSV)
    contacts = labelled(book.contacts.list(), args.label)
    written = writer_of(format_.name, args.spreadsheet)(contacts, partial(held_photo, book.connection))
    text = written.text.encode()
    if args.file == standard_streams.STANDARD or standard_streams.is_output(Path(args.file)):
        return CommandResult(contacts, raw=text)
    _check_target(book, args.file)
    write_whole(Path(args.file), text, book.path.stat().st_mode)
    lines = [f"Wrote {format_count(len(contacts), 'contact')} to {args.file}."]
    is_card = format_.media_type == "text/vcard"
    photos = sum(is_card and place.field == "photo" for place in written.left_out)
    if photos:
        lines.append(f"{format_count(photos, 'photo')} stayed out, not being on this device: the server has such.")
    if len(written.left_out) > photos:
        count = format_count(len(written.left_out) - photos, "value")
        lines.append(f"{count} of them stayed out: {args.format} has no place for such.")
    if format_.media_type == "text/csv" and not args.spreadsheet and may_be_executed(written.text):
        lines.append("Some cells begin as formulas do, and are as they stand in the book: see --spreadsheet.")
    return CommandResult({"exported": len(contacts), "file": args.file, "left_out": len(written.left_out)}, lines)


def _export_archive(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Write all that is here as a zip."""
    from offbook.transfer.archive import export_archive

    if args.label.strip() or args.spreadsheet:
        raise UsageError.of(messages.ZIP_IS_WHOLE)
    write = partial(export_archive, book, now_ms=now_ms())
    if args.file == standard_streams.STANDARD or standard_streams.is_output(Path(args.file)):
        out = tempfile.TemporaryFile()  # noqa: SIM115  it is read when the command has ended
        return CommandResult({"exported": write(out.write)[0]}, raw=_parts(out))
    _check_target(book, args.file)
    count, is_importable = write_with(Path(args.file), lambda file: write(file.write), book.path.stat().st_mode)
    lines = [f"Wrote {format_count(count, 'contact')} to {args.file}, with all else that is on this device."]
    if not is_importable:
        lines.append("No import takes so many at once: its cards (contacts.vcf) can be imported in parts.")
    return CommandResult({"exported": count, "file": args.file}, lines)


def _parts(file: BinaryIO) -> Iterator[bytes]:
    """What is in a file, which is closed then."""
    with file:
        file.seek(0)
        while part := file.read(PART_BYTES):
            yield part


def _check_target(book: Replica, file: str) -> None:
    if _is_the_book(book.path, file):
        raise UsageError.of(messages.FILE_IS_BOOK, file=file)


def _is_the_book(book: Path, file: str) -> bool:
    """Whether the file is one of the book's, by whatever name."""
    path = os.path.realpath(file)
    own_files = [f"{os.path.realpath(book)}{suffix}" for suffix in OWN_SUFFIXES]
    return any(
        path == own or (os.path.exists(path) and os.path.exists(own) and os.path.samefile(path, own))
        for own in own_files
    )
