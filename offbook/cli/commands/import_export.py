"""import and export: Google Contacts' CSV.

A row's id follows from its content, so the same file twice adds nothing; and what was deleted here stays deleted.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from offbook.bulk_import import BulkImport, Counts
from offbook.cli import FAILED, OK, CommandResult, CutShort, UsageError, standard_streams
from offbook.cli.atomic_file import write_whole
from offbook.cli.output import count
from offbook.core.errors import OffbookError
from offbook.core.validation import Json
from offbook.database.connection import Error
from offbook.replica import Replica

STANDARD = "-"


def import_(book: Replica, args: argparse.Namespace) -> CommandResult:
    from offbook.formats import google_csv

    data = standard_streams.read() if args.file == STANDARD else Path(args.file).read_bytes()
    found = google_csv.read(google_csv.decode(data))
    added, here, deleted = take(book, found.contacts)
    told = {
        "added": added,
        "already_here": here,
        "deleted_before": deleted,
        "problems": [{"row": problem.row, "detail": problem.detail} for problem in found.problems],
    }
    lines = [f"Added {count(added, 'contact')}."]
    if here:
        lines.append(f"{count(here, 'is', 'are')} here already.")
    if deleted:
        lines.append(f"{count(deleted, 'was', 'were')} deleted here and left so.")
    lines += [f"Row {problem.row} was left out: {problem.detail}" for problem in found.problems]
    return CommandResult(told, lines, FAILED if found.problems else OK)


def take(book: Replica, contacts: Sequence[Mapping[str, Json]]) -> Counts:
    """Add those that were never here. What cuts it short is told with what was added until then."""
    importing = BulkImport(book.connection)
    try:
        importing.add(contacts)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_so_far("The import was interrupted.", importing.counts)) from None
    except Error as error:
        if not importing.counts.added:
            raise
        why = str(error) if isinstance(error, OffbookError) else f"{book.path} can't be used any more: {error}."
        raise CutShort(_so_far(why, importing.counts)) from error
    return importing.counts


def _so_far(why: str, counts: Counts) -> str:
    added = count(counts.added, "contact was added", "contacts were added")
    return f"{why} {added} before: import the file again, and the rest is added."


def export(book: Replica, args: argparse.Namespace) -> CommandResult:
    from offbook.formats import google_csv

    contacts = book.contacts.list()
    text = google_csv.write(contacts).encode()
    if args.file == STANDARD or standard_streams.is_output(Path(args.file)):
        return CommandResult(contacts, raw=text)
    _refuse_the_book(book.path, args.file)
    write_whole(Path(args.file), text, book.path.stat().st_mode)
    told = {"exported": len(contacts), "file": args.file}
    return CommandResult(told, [f"Wrote {count(len(contacts), 'contact')} to {args.file}."])


def _refuse_the_book(book: Path, file: str) -> None:
    """By whatever name: its file, or one of those that SQLite keeps beside it, or may at any time."""
    place = os.path.realpath(file)
    for suffix in ("", "-wal", "-shm", "-journal"):
        own = f"{os.path.realpath(book)}{suffix}"
        if place == own or (os.path.exists(place) and os.path.exists(own) and os.path.samefile(place, own)):
            raise UsageError(f"{file} is the book itself: name another file to export to.")
