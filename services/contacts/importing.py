"""A file of contacts that is to be imported into a book: read, and matched with who is there (offbook.contacts)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, groupby, islice
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple, TypeVar

from offbook.contacts.importing import (
    ImportReport,
    ImportStep,
    OnDuplicate,
    ProblemList,
    label_steps,
    needs_record,
    parse_label,
    steps_of,
    trash_steps,
)
from offbook.contacts.matching import Contact, Match, Matcher
from offbook.contacts.table import CONTACTS, LABELS
from offbook.core.errors import Malformed
from offbook.core.history.undo import was_taken_back
from offbook.core.model import Key, Record
from offbook.core.protocol.requests import CHANGES_MAX
from offbook.formats.contents import FileContents, FilePhotos, OpenFile
from offbook.formats.messages import NO_CONTACTS, TOO_MANY_CONTACTS
from offbook.formats.registry import FORMATS
from offbook.formats.table_mapping import TableMapping
from offbook.formats.values import ContactRead, Part, problems_of
from services.contacts.exporting import all_rows
from storage.base import ReadTransaction, Store
from storage.children.reading import read_apart
from storage.repositories.contact_queries import ContactQueries

STEPS_AT_ONCE = 100
"""So many contacts of a file are carried out at once: others who write wait for no longer."""

PHOTO_BYTES_AT_ONCE = 8 * 1024**2
FIRST_KEPT = 20
ITEMS_MAX = 200_000
"""So many contacts, or rows that are none, a file may have: 100 MB of short ones would be read for long."""

NOBODY: Contact = {"id": ""}

Item = TypeVar("Item")


def no_records(ids: Collection[str]) -> Mapping[str, Record]:
    """Of a file that brings nothing back."""
    return {}


class ImportPortion(NamedTuple):
    """Some of what is to be done about a file: steps, the rows of the contacts that they write to, and the photos."""

    steps: Sequence[ImportStep]
    rows: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    photos: FilePhotos = FilePhotos()


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file holds, and who of it is who in a book. The file is open, and its contacts are read from it whenever
    they are needed: only the ``first`` are here."""

    source: OpenFile
    contents: FileContents
    first: Sequence[Contact]
    matches: Sequence[Match]
    rows_of: Callable[[Collection[str]], Mapping[str, Mapping[str, Any]]]
    labels: Sequence[ImportStep] = ()
    trash: Sequence[str] = ()
    known_in_trash: Mapping[str, bool] = field(default_factory=dict)
    """Of a book, whose zip the file is: what is to be done about its labels; the ids of contacts in its trash, and
    which of these are here or were, and whether they are deleted."""

    taken_back: Collection[str] = frozenset()
    """The ids of contacts that the undo of an import deleted: they come back."""

    records_of: Callable[[Collection[str]], Mapping[str, Record]] = no_records

    @property
    def total(self) -> int:
        """How many steps there are."""
        return len(self.labels) + len(self.matches) + len(self.trash)

    def portions(
        self, on_duplicate: OnDuplicate = OnDuplicate.KEEP, label: str = "", start: int = 0
    ) -> Iterator[ImportPortion]:
        """What is to be done about each label and each contact, but for the first ``start`` of them. Raises Invalid for
        what no label can be called."""
        label = parse_label(label)
        for place in range(start, len(self.labels), STEPS_AT_ONCE):
            yield ImportPortion(self.labels[place : place + STEPS_AT_ONCE])
        start = max(start - len(self.labels), 0)
        items = (item for item in self.source.items() if item.contact is not None and item.part is not Part.LABEL)
        for part, some in groupby(items, key=lambda item: item.part):
            if part is Part.CONTACT:
                pairs = islice(zip(some, self.matches, strict=True), start, None)
                while taken := _take(pairs, lambda pair: pair[0]):
                    yield self._of_contacts(taken, on_duplicate, label)
            else:
                rest = islice(some, max(start - len(self.matches), 0), None)
                while deleted := _take(rest, lambda item: item):
                    contacts = [item.contact for item in deleted if item.contact is not None]
                    steps = list(trash_steps(contacts, self.known_in_trash))
                    yield ImportPortion(steps, photos=self.source.photos(deleted))

    def _of_contacts(
        self, some: Sequence[tuple[ContactRead, Match]], on_duplicate: OnDuplicate, label: str
    ) -> ImportPortion:
        matches = [match for _, match in some]
        rows = self.rows_of({match.record_id for match in matches if match.record_id and needs_record(match)})
        existing = {record_id: row["data"] for record_id, row in rows.items()}
        contacts = [item.contact for item, _ in some if item.contact is not None]
        taken_back = self.records_of([contact["id"] for contact in contacts if contact["id"] in self.taken_back])
        steps = list(steps_of(contacts, matches, existing, on_duplicate, label, taken_back))
        return ImportPortion(steps, rows, self.source.photos(item for item, _ in some))

    def new_report(self) -> ImportReport:
        """The report of what has not been carried out: what was told about the file alone."""
        return self.contents.new_report()

    def report(self, on_duplicate: OnDuplicate = OnDuplicate.KEEP, label: str = "") -> ImportReport:
        """What carrying it out would do, where nothing is rejected."""
        report = self.new_report()
        if any(map(needs_record, self.matches)):
            portions: Iterable[ImportPortion] = self.portions(on_duplicate, label)
            steps: Iterable[ImportStep] = (step for portion in portions for step in portion.steps)
        else:  # what they say makes no difference
            contacts = steps_of([NOBODY] * len(self.matches), self.matches, {}, on_duplicate, label)
            deleted = trash_steps(({"id": record_id} for record_id in self.trash), self.known_in_trash)
            steps = chain(self.labels, contacts, deleted)
        for step in steps:
            report.count(step)
        return report


def _take(values: Iterator[Item], item_of: Callable[[Item], ContactRead]) -> list[Item]:
    """The next of them: STEPS_AT_ONCE, or fewer that have many bytes of photos."""
    some: list[Item] = []
    size = 0
    for value in values:
        some.append(value)
        size += sum(map(len, item_of(value).blobs.values()))
        if len(some) >= STEPS_AT_ONCE or size >= PHOTO_BYTES_AT_ONCE:
            break
    return some


def read_file(
    store: Store,
    queries: ContactQueries,
    book_id: int,
    file: BinaryIO,
    format_name: str | None = None,
    batch: str = "",
    table: TableMapping | None = None,
) -> ReadFile:
    """Read a file, a table by its mapping, and tell who of it is who in the book. Writes nothing.

    What an import of the ``batch`` has added already counts as not there: going on with it is the same import.
    Raises Malformed where it is no such file, was cut off, or has no contact at all.
    """
    source = OpenFile(file, FORMATS[format_name] if format_name else None, table, read_apart)
    written = _written(store, book_id, batch) if batch else set[Key]()
    added = {record_id for table_name, record_id in written if table_name == CONTACTS.name}
    if added:
        added &= {item.contact["id"] for item in source.items() if item.contact and item.part is Part.CONTACT}
    existing = (row["data"] for row in all_rows(store, book_id) if row["record_id"] not in added)
    looked_at = _LookedAt(Matcher(existing, source.carried, source.is_mapped))
    for some in _portions(source):
        known = _known(queries, book_id, [item.contact["id"] for item in some if item.contact])
        deleted = {record_id for record_id, is_deleted in known.items() if is_deleted}
        back = set[str]()
        if deleted:
            with store.reading(book_id) as book:
                back = _taken_back(book, CONTACTS.name, deleted)
        looked_at.add(some, known, back)
    matches = looked_at.matcher.matches()
    if not matches and not looked_at.problems.count and not source.is_book:
        raise Malformed.of(NO_CONTACTS)
    earlier = {id: known for id, known in looked_at.known_in_trash.items() if (CONTACTS.name, id) not in written}
    return ReadFile(
        source,
        source.contents(looked_at.problems.kept()),
        looked_at.first,
        matches,
        partial(_rows_of, store, book_id),
        _label_steps(store, book_id, looked_at.labels, written),
        looked_at.trash,
        earlier,
        looked_at.taken_back,
        partial(_records_of, store, book_id),
    )


def _portions(source: OpenFile) -> Iterator[Sequence[ContactRead]]:
    """What a file holds, so many at once as are looked up at once. Raises Malformed where it holds too many."""
    items, count = source.items(), 0
    while some := list(islice(items, CHANGES_MAX)):
        count += len(some)
        if count > ITEMS_MAX:
            raise Malformed.of(TOO_MANY_CONTACTS, limit=ITEMS_MAX)
        yield some


class _LookedAt:
    """What is kept of the contacts of a file, which go by."""

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self.first: list[Contact] = []
        self.problems = ProblemList()
        self.labels: list[Contact] = []
        self.trash: list[str] = []
        self.known_in_trash: dict[str, bool] = {}
        self.taken_back: set[str] = set()

    def add(self, items: Sequence[ContactRead], known: Mapping[str, bool], back: Collection[str]) -> None:
        """The next ones; which of them the book has or had, whether they are deleted, and which of these by an undo."""
        for item in items:
            self.problems.add(problems_of(item))
            if item.contact is None:
                continue
            record_id = item.contact["id"]
            if item.part is Part.LABEL:
                self.labels.append(item.contact)
            elif item.part is Part.TRASH:
                self.trash.append(record_id)
                if record_id in known:
                    self.known_in_trash[record_id] = known[record_id]
            else:
                if len(self.first) < FIRST_KEPT:
                    self.first.append(item.contact)
                if record_id in back:
                    self.taken_back.add(record_id)
                self.matcher.look_at(item.contact, known.get(record_id, False) and record_id not in back)


def _rows_of(store: Store, book_id: int, ids: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
    if not ids:
        return {}
    with store.reading(book_id) as book:
        return book.rows_of(CONTACTS.name, ids)


def _records_of(store: Store, book_id: int, ids: Collection[str]) -> Mapping[str, Record]:
    if not ids:
        return {}
    with store.reading(book_id) as book:
        return {record.id: record for record in book.records(CONTACTS.name, ids).values()}


def _taken_back(book: ReadTransaction, table: str, deleted: Collection[str]) -> set[str]:
    """Those of some deleted records that the undo of an import deleted."""
    steps = book.batches.existence(table, deleted) if deleted else {}
    return {record_id for record_id in deleted if was_taken_back(steps.get(record_id, ()))}


def _known(queries: ContactQueries, book_id: int, ids: Sequence[str]) -> dict[str, bool]:
    """Which of these contacts the book has or had, and whether they are deleted."""
    known: dict[str, bool] = {}
    for start in range(0, len(ids), CHANGES_MAX):
        known.update(queries.known(book_id, ids[start : start + CHANGES_MAX]))
    return known


def _written(store: Store, book_id: int, batch: str) -> set[Key]:
    """The records that a batch wrote to."""
    with store.reading(book_id) as book:
        return set(book.batches.keys(batch))


def _label_steps(
    store: Store, book_id: int, labels: Sequence[Contact], written: Collection[Key]
) -> Sequence[ImportStep]:
    if not labels:
        return []
    known: set[str] = set()
    ids = [label["id"] for label in labels]
    taken_back: dict[str, Record] = {}
    with store.reading(book_id) as book:
        for start in range(0, len(ids), CHANGES_MAX):
            records = book.records(LABELS.name, ids[start : start + CHANGES_MAX])
            known.update(record_id for _, record_id in records.keys() - set(written))
            deleted = {record.id: record for record in records.values() if record.deleted}
            taken_back |= {record_id: deleted[record_id] for record_id in _taken_back(book, LABELS.name, deleted)}
        texts = book.key_texts(LABELS.name)
    names = [text for record_id, text in texts.items() if (LABELS.name, record_id) not in written]
    return list(label_steps(labels, known, names, taken_back))


def owner_of_upload(store: Store, book_id: int, user_id: int) -> str:
    """By what a person's file is kept: users of two databases that share a folder may have one number."""
    with store.reading(book_id) as reading:
        return f"{reading.book.uuid}-{user_id}"
