"""What a file holds, for whoever imports it: a server and a device read it alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from offbook.contacts.importing import ImportProblem, ImportReport
from offbook.contacts.matching import Contact
from offbook.core.errors import Malformed
from offbook.formats.archive.names import THUMBNAILS
from offbook.formats.archive.reading import Pictures
from offbook.formats.csv.mapped import read_mapped
from offbook.formats.fitting import fitted
from offbook.formats.registry import ARCHIVE, FORMATS, HEAD, Format, recognize
from offbook.formats.table_mapping import TableMapping
from offbook.formats.values import ContactRead


@dataclass(frozen=True, slots=True)
class FileContents:
    """What a file is, and what was told about it."""

    format: Format
    problems: Sequence[ImportProblem]
    table: TableMapping | None = None
    """What its columns were taken for, where it is a table that needs a mapping."""

    def new_report(self) -> ImportReport:
        """The report of what has not been carried out: what was told about the file alone."""
        report = ImportReport(self.format.name, problems=list(self.problems), mapping=self.table and self.table.told)
        if self.format.name == ARCHIVE:
            report.trashed = report.labels = 0
        return report


class FilePhotos(NamedTuple):
    """Photos of a file by their SHA-256, and smaller pictures of those that it does not have."""

    photos: Mapping[str, bytes] = MappingProxyType({})
    thumbnails: Mapping[str, bytes] = MappingProxyType({})


def read_items(file: BinaryIO, format_: Format | None, table: TableMapping | None) -> Iterator[ContactRead]:
    """The contacts of a file, from its beginning; as OpenFile.items()."""
    file.seek(0)
    yield from _items(file, format_, table)[1]


ReadItems = Callable[[BinaryIO, Format | None, TableMapping | None], Iterator[ContactRead]]


class OpenFile:
    """A file whose contacts are read one at a time, from the first, as often as they are asked for. It stays open as
    long as it is used."""

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

    @property
    def is_book(self) -> bool:
        """Whether it is the zip of a book: that may be empty, and have labels and a trash."""
        return self.format.name == ARCHIVE

    @property
    def is_mapped(self) -> bool:
        """Whether it is a table, of which somebody may say what its columns are."""
        return self.table is not None

    def items(self) -> Iterator[ContactRead]:
        """The contacts, what is told about each, and its photo; of a book its labels before them, and behind them those
        of its trash. Raises Malformed before the first, and where a zip is damaged behind it."""
        return self._read(self._file, self._asked, self.table)

    def photos(self, items: Iterable[ContactRead]) -> FilePhotos:
        """The photos of some of its contacts. Those of a zip are read when they are asked for."""
        if not self.is_book:
            return FilePhotos({sha256: photo for item in items for sha256, photo in item.blobs.items()})
        pictures = [entry for item in items for entry in item.pictures]
        return FilePhotos(Pictures(self._file, pictures), Pictures(self._file, pictures, THUMBNAILS))

    def carried(self, contact: Contact) -> Contact:
        """What its format can say of a contact."""
        return self.format.carries.only(dict(contact))

    def contents(self, problems: Sequence[ImportProblem]) -> FileContents:
        """What is known of it without its contacts and their photos."""
        return FileContents(self.format, problems, self.table)


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
