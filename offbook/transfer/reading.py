"""A file of contacts that is imported on a device: matched with who is there, and gone through a portion at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, islice
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
from offbook.formats.contents import FileContents, FilePhotos, OpenFile
from offbook.formats.messages import NO_CONTACTS
from offbook.formats.values import Contact, ContactRead, Part, problems_of
from offbook.replica import Replica
from offbook.transfer.bulk_import import IDS_PER_QUERY, deleted_ids, present_ids

ITEMS_KEPT_MAX = 10_000
PHOTO_BYTES_KEPT_MAX = 16 * 1024**2
"""A file with no more than both is read once: twenty megabytes of memory, and as much again for its photos."""


class DeviceImportPortion(NamedTuple):
    """Some steps, in order, and the photos that the file holds for them."""

    steps: Sequence[ImportStep]
    photos: FilePhotos


class MatchedFile(NamedTuple):
    """A file, who of it is who on this device, and what an undo took away and this import brings back. Its contacts are
    kept here where they are few; many are read once more where they are carried out. Of a book the labels are kept."""

    source: OpenFile
    items: Sequence[ContactRead] | None
    contents: FileContents
    matches: Sequence[Match]
    taken_back: Mapping[str, Record]
    labels: Sequence[Contact]


def match_file(book: Replica, source: OpenFile) -> MatchedFile:
    """Read a file, and tell who of it is who. Raises Malformed where it was cut off, or has no contact at all.

    Of the contacts that are here no more is kept than the keys that they are known by.
    """
    matcher = Matcher(chain.from_iterable(book.contacts.portions(IDS_PER_QUERY)), source.carried, source.is_mapped)
    kept, back, labels = _KeptItems(), dict[str, Record](), list[Contact]()
    problems, items = ProblemList(), source.items()
    while some := list(islice(items, IDS_PER_QUERY)):
        kept.add(some)
        contacts = _contacts_of(some, Part.CONTACT)
        deleted = deleted_ids(book.connection, [str(contact["id"]) for contact in contacts])
        back |= taken_back(book.connection, CONTACTS, sorted(deleted))
        for contact in contacts:
            matcher.look_at(contact, contact["id"] in deleted and contact["id"] not in back)
        labels += _contacts_of(some, Part.LABEL)
        for item in some:
            problems.add(problems_of(item))
    matches = matcher.matches()
    if not matches and not problems.count and not source.is_book:
        raise Malformed.of(NO_CONTACTS)
    return MatchedFile(source, kept.items, source.contents(problems.kept()), matches, back, labels)


class _KeptItems:
    """The contacts of a file, while they are few and have few bytes of photos; None for more."""

    def __init__(self) -> None:
        self.items: list[ContactRead] | None = []
        self._photo_bytes = 0

    def add(self, items: Sequence[ContactRead]) -> None:
        """The next ones."""
        if self.items is not None:
            self._photo_bytes += sum(len(photo) for item in items for photo in item.blobs.values())
            self.items += items
            if len(self.items) > ITEMS_KEPT_MAX or self._photo_bytes > PHOTO_BYTES_KEPT_MAX:
                self.items = None


def _contacts_of(items: Iterable[ContactRead], part: Part) -> list[Contact]:
    return [item.contact for item in items if item.contact is not None and item.part is part]


def portions_of(
    book: Replica, file: MatchedFile, on_duplicate: OnDuplicate, label: str
) -> Iterator[DeviceImportPortion]:
    """What is to be done about each contact, in order, and then about the trash of a book. Raises Invalid for what no
    label can be called."""
    label = parse_label(label)
    all_items = file.source.items() if file.items is None else file.items
    items = (item for item in all_items if item.contact is not None and item.part is not Part.LABEL)
    for part, some in groupby(items, key=lambda item: item.part):
        matches = iter(file.matches)
        while portion := list(islice(some, IDS_PER_QUERY)):
            contacts = _contacts_of(portion, part)
            if part is Part.CONTACT:
                steps = _steps_of(book, file, contacts, list(islice(matches, len(portion))), on_duplicate, label)
            else:
                steps = list(trash_steps(contacts, _known(book, [str(contact["id"]) for contact in contacts])))
            yield DeviceImportPortion(steps, file.source.photos(portion))


def _steps_of(
    book: Replica,
    file: MatchedFile,
    contacts: Sequence[Contact],
    matches: Sequence[Match],
    on_duplicate: OnDuplicate,
    label: str,
) -> Sequence[ImportStep]:
    ids = {match.record_id for match in matches if match.record_id is not None and needs_record(match)}
    existing = {record_id: book.contacts.get(record_id) for record_id in ids}
    return list(steps_of(contacts, matches, existing, on_duplicate, label, file.taken_back))


def _known(book: Replica, ids: Sequence[str]) -> Mapping[str, bool]:
    """Which of these contacts are here or were, and whether they are deleted."""
    known = dict.fromkeys(present_ids(book.connection, ids), False)
    return known | dict.fromkeys(deleted_ids(book.connection, ids), True)
