"""A file of contacts that is imported on a device: matched with who is there, and gone through a portion at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from offbook.contacts.importing import (
    ImportStep,
    OnDuplicate,
    ProblemList,
    needs_record,
    parse_label,
    steps_of,
    trash_steps,
)
from offbook.contacts.matching import Match, Matcher
from offbook.contacts.table import CONTACTS
from offbook.core.errors import Malformed
from offbook.core.model import Record
from offbook.database.deletions import taken_back
from offbook.formats.contents import FileContents, OpenFile
from offbook.formats.messages import NO_CONTACTS
from offbook.formats.values import ContactRead, problems_of
from offbook.replica import Replica
from offbook.transfer.bulk_import import IDS_PER_QUERY, deleted_ids, present_ids

ITEMS_KEPT_MAX = 10_000
PHOTO_BYTES_KEPT_MAX = 16 * 1024**2
"""A file with no more than both is read once: twenty megabytes of memory, and as much again for its photos."""


class DeviceImportPortion(NamedTuple):
    """Some steps, in order, and what the file holds for them: photos above all."""

    steps: Sequence[ImportStep]
    contents: FileContents


class MatchedFile(NamedTuple):
    """A file, who of it is who on this device, and what an undo took away and this import brings back. Its contacts are
    kept here where they are few; many are read once more where they are carried out."""

    source: OpenFile
    items: Sequence[ContactRead] | None
    contents: FileContents
    matches: Sequence[Match]
    taken_back: Mapping[str, Record]


def match_file(book: Replica, source: OpenFile) -> MatchedFile:
    """Read a file, and tell who of it is who. Raises Malformed where it was cut off, or has no contact at all."""
    matcher = Matcher(iter(book.contacts.list()), source.carried)
    back: dict[str, Record] = {}
    problems, items = ProblemList(), source.items()
    kept: list[ContactRead] | None = []
    photo_bytes = 0
    while some := list(islice(items, IDS_PER_QUERY)):
        photo_bytes += sum(len(photo) for item in some for photo in item.blobs.values())
        if kept is not None:
            kept += some
            kept = None if len(kept) > ITEMS_KEPT_MAX or photo_bytes > PHOTO_BYTES_KEPT_MAX else kept
        contacts = [item.contact for item in some if item.contact is not None]
        deleted = deleted_ids(book.connection, [str(contact["id"]) for contact in contacts])
        back |= taken_back(book.connection, CONTACTS, sorted(deleted))
        for contact in contacts:
            matcher.look_at(contact, contact["id"] in deleted and contact["id"] not in back)
        for item in some:
            problems.add(problems_of(item))
    matches = matcher.matches()
    if not matches and not problems.count and source.book is None:
        raise Malformed.of(NO_CONTACTS)
    return MatchedFile(source, kept, source.contents(problems.kept()), matches, back)


def portions_of(
    book: Replica, file: MatchedFile, on_duplicate: OnDuplicate, label: str
) -> Iterator[DeviceImportPortion]:
    """What is to be done about each contact, in order, and then about the trash of a book. Raises Invalid for what no
    label can be called."""
    label = parse_label(label)
    all_items = file.source.items() if file.items is None else file.items
    items = (item for item in all_items if item.contact is not None)
    pairs = zip(items, file.matches, strict=True)
    while some := list(islice(pairs, IDS_PER_QUERY)):
        matches = [match for _, match in some]
        ids = {match.record_id for match in matches if match.record_id is not None and needs_record(match)}
        existing = {record_id: book.contacts.get(record_id) for record_id in ids}
        contacts = [item.contact for item, _ in some if item.contact is not None]
        contents = file.contents
        if file.source.book is None:
            photos = {sha256: photo for item, _ in some for sha256, photo in item.blobs.items()}
            contents = replace(contents, blobs=photos)
        yield DeviceImportPortion(
            list(steps_of(contacts, matches, existing, on_duplicate, label, file.taken_back)), contents
        )
    if file.contents.trash:
        ids_in_trash = [str(contact["id"]) for contact in file.contents.trash]
        known = dict.fromkeys(present_ids(book.connection, ids_in_trash), False)
        known |= dict.fromkeys(deleted_ids(book.connection, ids_in_trash), True)
        yield DeviceImportPortion(list(trash_steps(file.contents.trash, known)), file.contents)
