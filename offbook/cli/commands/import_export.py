"""import and export: Google Contacts' CSV.

A row's id follows from its content, so the same file twice adds nothing; and what was deleted here stays deleted.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from offbook.bulk_import import BulkImport, Counts
from offbook.cli import standard_streams
from offbook.cli.atomic_file import write_whole
from offbook.cli.errors import CutShort, UsageError
from offbook.cli.result import FAILED, OK, CommandResult
from offbook.core.errors import OffbookError
from offbook.core.formatting import format_count
from offbook.core.validation import Json
from offbook.database.connection import SqliteError
from offbook.replica import Replica, random_id

OWN_SUFFIXES = ("", "-wal", "-shm", "-journal")
"""The book's file, and those that SQLite keeps beside it, or may at any time."""


def import_(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Add the contacts of a CSV. The exit code is FAILED where a row was left out."""
    from offbook.formats import google_csv

    data = standard_streams.read() if args.file == standard_streams.STANDARD else Path(args.file).read_bytes()
    parsed = google_csv.read(google_csv.decode(data))
    batch = random_id()
    added, present, deleted = add_contacts(book, parsed.contacts, batch)
    answer = {
        "batch": batch if added else None,
        "added": added,
        "already_here": present,
        "deleted_before": deleted,
        "problems": [{"row": problem.row, "detail": problem.detail} for problem in parsed.problems],
    }
    lines = [f"Added {format_count(added, 'contact')}."]
    if present:
        lines.append(f"{format_count(present, 'is', 'are')} here already.")
    if deleted:
        lines.append(f"{format_count(deleted, 'was', 'were')} deleted here and left so.")
    lines += [f"Row {problem.row} was left out: {problem.detail}" for problem in parsed.problems]
    return CommandResult(answer, lines, FAILED if parsed.problems else OK)


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
    """Write all contacts as a CSV. Raises UsageError where that would replace the book itself."""
    from offbook.formats import google_csv

    contacts = book.contacts.list()
    text = google_csv.write(contacts).encode()
    if args.file == standard_streams.STANDARD or standard_streams.is_output(Path(args.file)):
        return CommandResult(contacts, raw=text)
    if _is_the_book(book.path, args.file):
        raise UsageError(f"{args.file} is the book itself: name another file to export to.")
    write_whole(Path(args.file), text, book.path.stat().st_mode)
    line = f"Wrote {format_count(len(contacts), 'contact')} to {args.file}."
    return CommandResult({"exported": len(contacts), "file": args.file}, [line])


def _is_the_book(book: Path, file: str) -> bool:
    """Whether the file is one of the book's, by whatever name."""
    path = os.path.realpath(file)
    own_files = [f"{os.path.realpath(book)}{suffix}" for suffix in OWN_SUFFIXES]
    return any(
        path == own or (os.path.exists(path) and os.path.exists(own) and os.path.samefile(path, own))
        for own in own_files
    )
