"""What a file holds, for whoever imports it: a server and a device read it alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from offbook.contacts.importing import ImportProblem, ImportReport
from offbook.contacts.matching import Contact
from offbook.core.errors import Malformed
from offbook.formats.archive.reading import read_archive
from offbook.formats.csv.mapped import read_mapped
from offbook.formats.fitting import fitted
from offbook.formats.registry import ARCHIVE, FORMATS, HEAD, Format, recognize
from offbook.formats.table_mapping import TableMapping
from offbook.formats.values import ContactRead, problems_of


@dataclass(frozen=True, slots=True)
class FileContents:
    """The contacts of a file, what was told about it, and the photos in it, by their SHA-256."""

    format: Format
    contacts: Sequence[Contact]
    problems: Sequence[ImportProblem]
    blobs: Mapping[str, bytes]
    table: TableMapping | None = None
    """What its columns were taken for, where it is a table that needs a mapping."""

    trash: Sequence[Contact] = ()
    labels: Sequence[Contact] = ()
    thumbnails: Mapping[str, bytes] = field(default_factory=dict)
    """Of the zip of a book: what was in the trash, the labels, and smaller pictures of photos that it does not have."""

    def new_report(self) -> ImportReport:
        """The report of what has not been carried out: what was told about the file alone."""
        report = ImportReport(self.format.name, problems=list(self.problems), mapping=self.table and self.table.told)
        if self.format.name == ARCHIVE:
            report.trashed = report.labels = 0
        return report


def read_items(file: BinaryIO, format_: Format | None, table: TableMapping | None) -> Iterator[ContactRead]:
    """The contacts of a file, from its beginning; as OpenFile.items()."""
    file.seek(0)
    yield from _items(file, format_, table)[1]


ReadItems = Callable[[BinaryIO, Format | None, TableMapping | None], Iterator[ContactRead]]


class OpenFile:
    """A file whose contacts are read one at a time, from the first, as often as they are asked for. Only the zip of a
    book (``book``) is read at once. It stays open as long as it is used."""

    def __init__(
        self,
        file: BinaryIO,
        format_: Format | None = None,
        table: TableMapping | None = None,
        read: ReadItems = read_items,
    ) -> None:
        """``read`` may read it elsewhere. Raises Malformed where it is no file of contacts."""
        file.seek(0)
        self._file = file
        self._read = read
        self._asked = format_
        self.table = table
        self.format, _ = _items(file, format_, table)
        self.book = _book_contents(file, self.format) if self.format.name == ARCHIVE else None

    def items(self) -> Iterator[ContactRead]:
        """The contacts, what is told about each, and its photo. Raises Malformed before the first of them."""
        if self.book is not None:
            yield from (ContactRead(0, dict(contact)) for contact in self.book.contacts)
        else:
            yield from self._read(self._file, self._asked, self.table)

    def carried(self, contact: Contact) -> Contact:
        """What its format can say of a contact."""
        return self.format.carries.only(dict(contact))

    def contents(self, problems: Sequence[ImportProblem]) -> FileContents:
        """What is known of it without its contacts and their photos."""
        if self.book is not None:
            return self.book
        return FileContents(self.format, (), problems, {}, self.table)


def _book_contents(file: BinaryIO, format_: Format) -> FileContents:
    """What the zip of a book holds. Its photos are read from it when they are asked for. An empty book is one too."""
    archive = read_archive(file)
    live, deleted = [*map(fitted, archive.contacts)], [*map(fitted, archive.trash)]
    items = (*archive.problems, *live, *deleted)
    contacts, trash = ([item.contact for item in some if item.contact is not None] for some in (live, deleted))
    return FileContents(
        format_,
        contacts,
        [problem for item in items for problem in problems_of(item)],
        archive.photos,
        trash=trash,
        labels=archive.labels,
        thumbnails=archive.thumbnails,
    )


def _items(file: BinaryIO, format_: Format | None, table: TableMapping | None) -> tuple[Format, Iterator[ContactRead]]:
    if table is not None:
        table.check()
        return format_ or FORMATS[table.mapping.layout or "csv"], map(fitted, read_mapped(file, table.mapping))
    format_ = format_ or recognize(file.read(HEAD))
    return format_, map(fitted, format_.read(file))


def unread(table: TableMapping, error: Malformed) -> ImportReport:
    """What a rehearsal tells of a table that can't be read so: why, and the mapping that somebody may change."""
    problem = ImportProblem(0, "", error.code, str(error))
    return ImportReport(table.mapping.layout or "csv", problems=[problem], mapping=table.told)
