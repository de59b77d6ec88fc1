"""The files of a zip -> what they hold of a book. What can't be taken is told, with its line, and the rest goes on.

Only what is imported is unpacked: records, one at a time, and each photo when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO, NamedTuple

from offbook.contacts.table import CONTACTS, LABELS
from offbook.core.cells.json_data import filled_fields
from offbook.core.cells.validation import UUID_TEXT, Json, parse_cells
from offbook.core.errors import Invalid, Malformed
from offbook.core.messages import MISSING_IN_ENTRY, Fault
from offbook.core.model import Operation
from offbook.core.pictures import PICTURE_BYTES_MAX
from offbook.core.protocol import json
from offbook.core.schema import Map, Table
from offbook.formats import messages
from offbook.formats.archive import names
from offbook.formats.archive.zip_reading import ZipReader, first_name, read_whole_entry
from offbook.formats.values import NOT_FIELDS, ContactRead, Part, Problem, ZipEntry

MANIFEST_BYTES_MAX = 64 * 1024
LINE_BYTES_MAX = 20 * 1024**2
NOT_STORED = NOT_FIELDS | {"deleted_at"}


def recognizes(head: bytes) -> bool:
    """Whether a file that begins so is a zip whose first file is one of a book's."""
    name = first_name(head)
    return name is not None and names.is_ours(name)


class _RecordList(NamedTuple):
    """A file of records, and how many there may be in all files of its table."""

    name: str
    part: Part
    table: Table
    most: int


LISTS = (
    _RecordList(names.LABELS, Part.LABEL, LABELS, names.LABELS_MAX),
    _RecordList(names.CONTACTS, Part.CONTACT, CONTACTS, names.RECORDS_MAX),
    _RecordList(names.TRASH, Part.TRASH, CONTACTS, names.RECORDS_MAX),
)


def read(file: BinaryIO) -> Iterator[ContactRead]:
    """The labels of a zip, its contacts and those of its trash, in this order, and what is told about each.

    Raises Malformed where it is none of a book, is damaged, or unpacks to too much.
    """
    zip_ = ZipReader(file, names.is_ours, names.is_imported)
    _check_manifest(zip_)
    seen: dict[str, set[str]] = {table.name: set() for table in (CONTACTS, LABELS)}
    for list_ in LISTS:
        for item in _records(zip_, list_, seen[list_.table.name]):
            photo = item.contact.get("photo") if item.contact else None
            entries = (zip_.entries.get(name) for name in names.files_of(str(photo))) if photo else ()
            yield item._replace(part=list_.part, pictures=tuple(entry for entry in entries if entry is not None))


class Pictures(Mapping[str, bytes]):
    """Some photos that stay in a zip, by their SHA-256. Raises Malformed for a damaged one."""

    def __init__(self, file: BinaryIO, entries: Iterable[ZipEntry], folder: str = names.PHOTOS) -> None:
        """Of the ``entries``, those that are in this folder."""
        self._file = file
        matches = ((entry, names.PICTURE.fullmatch(entry.name)) for entry in entries if entry.name.startswith(folder))
        self._entries = {match[2]: entry for entry, match in matches if match is not None}

    def __getitem__(self, sha256: str) -> bytes:
        return read_whole_entry(self._file, self._entries[sha256], PICTURE_BYTES_MAX)

    def __contains__(self, sha256: object) -> bool:
        return sha256 in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def _check_manifest(zip_: ZipReader) -> None:
    if names.MANIFEST not in zip_.entries:
        raise Malformed.of(messages.NO_MANIFEST, name=min(zip_.entries, default="nothing"))
    manifest = _json_of(zip_.read_whole(names.MANIFEST, MANIFEST_BYTES_MAX))
    version = manifest.get("version") if isinstance(manifest, dict) else None
    if not isinstance(manifest, dict) or manifest.get("form") != names.FORM or type(version) is not int or version < 1:
        raise Malformed.of(messages.BAD_MANIFEST)
    if version > names.VERSION:
        raise Malformed.of(messages.NEWER_ARCHIVE, version=version, known=names.VERSION)


# --- records ---------------------------------------------------------------------------------------------------------


def _records(zip_: ZipReader, list_: _RecordList, seen: set[str]) -> Iterator[ContactRead]:
    """The records of a file, each once in all files that share ``seen``; what is told about a line names the file."""
    name = list_.name
    for row, line in enumerate(_lines(zip_, name), 1):
        if line is None:
            yield _told(row, name, messages.LINE_TOO_LONG.fault(limit=LINE_BYTES_MAX // 1024**2))
            continue
        if not line.strip():
            continue
        data = _json_of(line)
        record_id = data.get("id") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(record_id, str) or not UUID_TEXT.fullmatch(record_id):
            yield _told(row, name, messages.NO_RECORD.fault())
        elif (record_id := record_id.lower()) in seen:
            yield _told(row, name, messages.RECORD_TWICE.fault(id=record_id))
        elif len(seen) >= list_.most:
            raise Malformed.of(messages.TOO_MANY_RECORDS, most=list_.most, noun=list_.table.name)
        else:
            seen.add(record_id)
            yield _record(list_.table, record_id, data, row, name)


def _lines(zip_: ZipReader, name: str) -> Iterator[bytes | None]:
    """The lines of a file, None in the place of one that is too long; nothing where the file is not there."""
    parts: list[bytes] = []
    size = 0
    for chunk in zip_.read(name) if name in zip_.entries else ():
        for number, rest in enumerate(chunk.split(b"\n")):
            if number:
                yield _joined(parts, size)
                parts, size = [], 0
            size += len(rest)
            if size <= LINE_BYTES_MAX:
                parts.append(rest)
    if size:
        yield _joined(parts, size)


def _joined(parts: list[bytes], size: int) -> bytes | None:
    return b"".join(parts) if size <= LINE_BYTES_MAX else None


def _json_of(text: bytes) -> Json:
    try:
        return json.loads(text)
    except Malformed:
        return None


def _record(table: Table, record_id: str, data: Mapping[str, Json], row: int, file: str) -> ContactRead:
    """A record in wire form, by the rules that are for what a person types; without what breaks one, which is told."""
    faults: list[tuple[str, Fault]] = []
    kept = dict(_valid_parts(table, data, faults))
    missing = [name for name in table.required if name not in kept]
    problems = tuple(Problem(row, f"{file}: {name}" if name else file, fault) for name, fault in faults)
    if missing:
        fault = messages.NO_NAME_IN_RECORD.fault(field=missing[0])
        return ContactRead(row, None, (*problems, Problem(row, file, fault)))
    cells = parse_cells(table, kept, Operation.INSERT)
    maps: dict[str, Json] = {map_.name: {} for map_ in table.maps}
    return ContactRead(row, {"id": record_id, **maps, **filled_fields(table, cells)}, problems)


def _valid_parts(table: Table, data: Mapping[str, Json], faults: list[tuple[str, Fault]]) -> Iterator[tuple[str, Json]]:
    for name, value in data.items():
        map_ = table.maps_by_name.get(name)
        if name in NOT_STORED and map_ is None:
            continue
        if map_ is not None and isinstance(value, dict):
            yield name, dict(_valid_entries(table, map_, value, faults))
        elif (fault := _fault_of(table, name, value)) is None:
            yield name, value
        else:
            faults.append((name[:80], fault))


def _valid_entries(
    table: Table, map_: Map, entries: Mapping[str, Json], faults: list[tuple[str, Fault]]
) -> Iterator[tuple[str, Json]]:
    count = 0
    for key, entry in entries.items():
        missing = [name for name in map_.required if not isinstance(entry, dict) or not entry.get(name)]
        fault = _fault_of(table, map_.name, {key: entry})
        if fault is None and missing:
            fault = MISSING_IN_ENTRY.fault(field=f"{map_.name}/{key}/{missing[0]}")
        if fault is None:
            count += 1
            if count <= map_.entries_max:
                yield key, entry
        else:
            faults.append((f"{map_.name}/{key[:80]}", fault))
    if count > map_.entries_max:
        faults.append((map_.name, messages.TOO_MANY_DETAILS.fault(count=count, limit=map_.entries_max)))


def _fault_of(table: Table, name: str, value: Json) -> Fault | None:
    try:
        parse_cells(table, {name: value}, Operation.UPDATE)
    except Invalid as error:
        return error.fault
    return None


def _told(row: int, file: str, fault: Fault) -> ContactRead:
    return ContactRead(row, None, (Problem(row, file, fault),))
