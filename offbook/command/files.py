"""import and export: Google Contacts' CSV.

A row's id follows from its content, so the same file twice adds nothing; and what was deleted here stays deleted.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from offbook import log
from offbook.command import FAILED, OK, Answer, UsageError, standard
from offbook.command.words import count
from offbook.command.writing import write_whole
from offbook.contacts import checked
from offbook.core.cells import Json
from offbook.core.changes import Operation
from offbook.core.tables import CONTACTS
from offbook.replica import Replica
from offbook.rows import LAYOUTS

STANDARD = "-"

EVER_HELD = """SELECT id, 1 FROM contacts
  UNION ALL SELECT record_id, 0 FROM server_rows WHERE table_name = 'contacts'
  UNION ALL SELECT record_id, 0 FROM change_log WHERE table_name = 'contacts'"""


def import_(book: Replica, args: argparse.Namespace) -> Answer:
    from offbook import google

    data = standard.read() if args.file == STANDARD else Path(args.file).read_bytes()
    found = google.read(google.decode(data))
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
    return Answer(told, lines, FAILED if found.problems else OK)


def take(book: Replica, contacts: Sequence[Mapping[str, Json]]) -> tuple[int, int, int]:
    """Add those that were never here, in one transaction. Returns how many were added, are here, and were deleted."""
    connection = book.connection
    with log.one_change(connection):
        live: dict[str, int] = {}
        for record_id, is_live in connection.execute(EVER_HELD):
            live[record_id] = live.get(record_id, 0) or is_live
        fresh = [contact for contact in contacts if contact["id"] not in live]
        for contact in fresh:
            data = checked(CONTACTS, contact, Operation.INSERT, {})
            LAYOUTS[CONTACTS.name].add(connection, contact["id"], data)
    here = sum(live.get(contact["id"], 0) for contact in contacts)
    return len(fresh), here, len(contacts) - len(fresh) - here


def export(book: Replica, args: argparse.Namespace) -> Answer:
    from offbook import google

    contacts = book.contacts.list()
    text = google.write(contacts).encode()
    if args.file == STANDARD or standard.is_output(Path(args.file)):
        return Answer(contacts, raw=text)
    _refuse_the_book(book.path, args.file)
    write_whole(Path(args.file), text, book.path.stat().st_mode)
    told = {"exported": len(contacts), "file": args.file}
    return Answer(told, [f"Wrote {count(len(contacts), 'contact')} to {args.file}."])


def _refuse_the_book(book: Path, file: str) -> None:
    """By whatever name: its file, or one of those that SQLite keeps beside it, or may at any time."""
    place = os.path.realpath(file)
    for suffix in ("", "-wal", "-shm", "-journal"):
        own = f"{os.path.realpath(book)}{suffix}"
        if place == own or (os.path.exists(place) and os.path.exists(own) and os.path.samefile(place, own)):
            raise UsageError(f"{file} is the book itself: name another file to export to.")
