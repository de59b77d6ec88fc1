"""A zip that anyone may have made -> its files, each as a stream of bytes. Nothing but the zip's bytes is opened.

All that its list of files says is checked before anything is unpacked: names that are known, no file twice, none that
is a link, encrypted, or lies where another does, and together no more than may be. Unpacking then holds each file to
what the list said of it, so that whatever lies is found out at the first byte too many.
"""

from __future__ import annotations

import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO, NamedTuple

from offbook.core.errors import Malformed
from offbook.core.messages import Message
from offbook.formats import messages
from offbook.formats.archive.names import UNPACKED_BYTES_MAX
from offbook.formats.archive.zip_writing import (
    CENTRAL,
    COUNT_MAX,
    DEFLATED,
    END,
    END_64,
    LOCAL,
    LOCATOR_64,
    SIZE_MAX,
    STORED,
)
from offbook.formats.values import ZipEntry

TIMES_MAX = 20
ENTRIES_MAX = 250_000
LIST_BYTES_MAX = 64 * 1024**2
COMMENT_MAX = 0xFFFF
BUFFER_BYTES = 16 * 1024
OUT_BYTES = 64 * 1024

ENCRYPTED = 1 | 1 << 6 | 1 << 13
"""The flags of a file that is encrypted, strongly encrypted, or whose entry in the list is masked."""

UNIX = 3


class ZipReader:
    """The files of a zip by their names. The zip must be one that can be read anywhere (seek)."""

    def __init__(
        self, file: BinaryIO, is_known: Callable[[str], bool], is_unpacked: Callable[[str], bool] = lambda name: True
    ) -> None:
        """Reads the list of files. Raises Malformed where one may not be, or all of it is no zip.

        Those that are never unpacked may be larger; what is stored as it is takes no more than the zip itself.
        """
        self._file = file
        self.entries: Mapping[str, ZipEntry] = _read_list(file, is_known)
        packed = (entry for name, entry in self.entries.items() if is_unpacked(name) and entry.method != STORED)
        if sum(entry.size for entry in packed) > UNPACKED_BYTES_MAX:
            raise Malformed.of(messages.UNPACKS_TOO_FAR, times=TIMES_MAX)

    def read(self, name: str) -> Iterator[bytes]:
        """What is in a file, as read_entry()."""
        return read_entry(self._file, self.entries[name])

    def read_whole(self, name: str, most: int) -> bytes:
        """A whole file, as read_whole_entry()."""
        return read_whole_entry(self._file, self.entries[name], most)


def read_entry(file: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    """What is in a file of a zip, a part at a time. Raises Malformed where it is not what the list says of it."""
    start = _start_of(file, entry)
    parts = _chunks(file, entry, start) if entry.method == STORED else _inflated(file, entry, start)
    crc = size = 0
    for part in parts:
        size += len(part)
        if size > entry.size:
            raise _fault(messages.DAMAGED_FILE, entry.name)
        crc = zlib.crc32(part, crc)
        yield part
    if size != entry.size or crc != entry.crc:
        raise _fault(messages.DAMAGED_FILE, entry.name)


def read_whole_entry(file: BinaryIO, entry: ZipEntry, most: int) -> bytes:
    """A whole file of a zip. Raises Malformed as read_entry(), and where it has more than ``most`` bytes."""
    if entry.size > most:
        raise Malformed.of(messages.LARGE_FILE_IN_ZIP, name=entry.name, most=most)
    return b"".join(read_entry(file, entry))


def _start_of(file: BinaryIO, entry: ZipEntry) -> int:
    """Where a file's bytes begin: behind its own header, which must say the same name."""
    file.seek(entry.offset)
    head = file.read(LOCAL.size)
    if len(head) < LOCAL.size or head[:4] != b"PK\x03\x04":
        raise _fault(messages.DAMAGED_FILE, entry.name)
    _, _, flags, method, *_, name_length, extra_length = LOCAL.unpack(head)
    if flags & ENCRYPTED or method != entry.method or file.read(name_length) != entry.name.encode():
        raise _fault(messages.DAMAGED_FILE, entry.name)
    return entry.offset + LOCAL.size + int(name_length) + int(extra_length)


def _chunks(file: BinaryIO, entry: ZipEntry, start: int) -> Iterator[bytes]:
    """The packed bytes of a file. Others may be read in between."""
    end = start + entry.packed
    while start < end:
        file.seek(start)
        chunk = file.read(min(BUFFER_BYTES, end - start))
        if not chunk:
            raise _fault(messages.DAMAGED_FILE, entry.name)
        start += len(chunk)
        yield chunk


def _inflated(file: BinaryIO, entry: ZipEntry, start: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for chunk in _chunks(file, entry, start):
            if unpacker.eof:
                raise _fault(messages.DAMAGED_FILE, entry.name)
            while chunk and not unpacker.eof:
                yield unpacker.decompress(chunk, OUT_BYTES)
                chunk = unpacker.unconsumed_tail
        while not unpacker.eof and (part := unpacker.decompress(b"", OUT_BYTES)):
            yield part
    except zlib.error:
        raise _fault(messages.DAMAGED_FILE, entry.name) from None
    if not unpacker.eof or unpacker.unused_data:
        raise _fault(messages.DAMAGED_FILE, entry.name)


# --- the list of files -----------------------------------------------------------------------------------------------


class _EntryList(NamedTuple):
    """Where the list is, and what the end of the zip says of it."""

    length: int
    size: int
    offset: int


def _read_list(file: BinaryIO, is_known: Callable[[str], bool]) -> Mapping[str, ZipEntry]:
    length = file.seek(0, 2)
    place = _find_list(file, length)
    if place.length > ENTRIES_MAX or place.size > LIST_BYTES_MAX:
        raise Malformed.of(messages.TOO_MANY_FILES_IN_ZIP, most=ENTRIES_MAX)
    file.seek(place.offset)
    data = file.read(place.size)
    entries: dict[str, ZipEntry] = {}
    for entry in _parse_list(data, place.length, is_known):
        if entry.name in entries:
            raise _fault(messages.FILE_TWICE, entry.name)
        entries[entry.name] = entry
    _check_places(entries, place.offset)
    if sum(entry.size for entry in entries.values()) > TIMES_MAX * length:
        raise Malformed.of(messages.UNPACKS_TOO_FAR, times=TIMES_MAX)
    return entries


def _find_list(file: BinaryIO, length: int) -> _EntryList:
    """By the end of the zip: behind its mark there is nothing but the comment, whose length it says."""
    start = max(0, length - END.size - COMMENT_MAX)
    file.seek(start)
    tail = file.read(length - start)
    index = len(tail) - END.size
    while (index := tail.rfind(b"PK\x05\x06", 0, index + 4)) >= 0:
        _, disk, list_disk, count_on_disk, count, size, offset, comment = END.unpack_from(tail, index)
        if index + END.size + comment == len(tail):
            break
        index -= 1
    if index < 0:
        raise Malformed.of(messages.CUT_IN_ZIP)
    end = start + index
    place = _EntryList(count, size, offset)
    if COUNT_MAX in (count, disk) or SIZE_MAX in (size, offset):
        place, end, count_on_disk, disk, list_disk = _find_list_64(file, end)
    if disk or list_disk or count_on_disk != place.length or place.offset + place.size != end:
        raise Malformed.of(messages.DAMAGED_ZIP)
    return place


def _find_list_64(file: BinaryIO, end: int) -> tuple[_EntryList, int, int, int, int]:
    """Of a zip of very many files: its end has an end of its own before it."""
    start = end - LOCATOR_64.size - END_64.size
    if start < 0:
        raise Malformed.of(messages.DAMAGED_ZIP)
    file.seek(start)
    mark, _, _, _, disk, list_disk, count_on_disk, count, size, offset = END_64.unpack(file.read(END_64.size))
    locator, _, place, _ = LOCATOR_64.unpack(file.read(LOCATOR_64.size))
    if (mark, locator, place) != (b"PK\x06\x06", b"PK\x06\x07", start):
        raise Malformed.of(messages.DAMAGED_ZIP)
    return _EntryList(count, size, offset), start, count_on_disk, disk, list_disk


def _parse_list(data: bytes, count: int, is_known: Callable[[str], bool]) -> Iterator[ZipEntry]:
    position = 0
    for _ in range(count):
        if data[position : position + 4] != b"PK\x01\x02" or position + CENTRAL.size > len(data):
            raise Malformed.of(messages.DAMAGED_ZIP)
        fields = CENTRAL.unpack_from(data, position)
        _, made_by, _, flags, method, _, _, crc, packed, size, name_length, extra, comment, _, _, mode, offset = fields
        position += CENTRAL.size
        name = data[position : position + name_length].decode("utf-8", "replace")
        position += name_length + extra + comment
        entry = ZipEntry(name, method, crc, packed, size, offset)
        _check_entry(entry, flags, mode >> 16 if made_by >> 8 == UNIX else 0, is_known)
        yield entry
    if position != len(data):
        raise Malformed.of(messages.DAMAGED_ZIP)


def _check_entry(entry: ZipEntry, flags: int, mode: int, is_known: Callable[[str], bool]) -> None:
    """Raise Malformed for a file that may not be in such a zip. ``mode`` is that of Unix, 0 where it is not known."""
    if flags & ENCRYPTED:
        raise _fault(messages.ENCRYPTED_FILE, entry.name)
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _fault(messages.LINK_IN_ZIP, entry.name)
    if not is_known(entry.name):
        raise _fault(_reason_of(entry.name), entry.name)
    if entry.method not in (STORED, DEFLATED):
        raise _fault(messages.PACKED_OTHERWISE, entry.name)
    if entry.name.endswith("/") and entry.size:
        raise _fault(messages.DAMAGED_FILE, entry.name)
    if entry.method == STORED and entry.packed != entry.size:
        raise _fault(messages.DAMAGED_FILE, entry.name)


def _check_places(entries: Mapping[str, ZipEntry], end: int) -> None:
    """Raise Malformed where two files share bytes, or one reaches into the list."""
    ordered = sorted(entries.values(), key=lambda entry: entry.offset)
    starts = [entry.offset for entry in ordered[1:]] + [end]
    for entry, next_start in zip(ordered, starts, strict=False):
        if entry.offset + LOCAL.size + len(entry.name.encode()) + entry.packed > next_start:
            raise _fault(messages.FILES_OVERLAP, entry.name)


# --- what is said of a zip of something else -------------------------------------------------------------------------

HEADS = (b"PK\x03\x04", b"PK\x05\x06")
"""How a zip begins; the second one is empty."""

OFFICE = ("[Content_Types].xml", "_rels/", "docProps/", "xl/", "word/", "mimetype", "META-INF/")
CONTACT_FILES = (".vcf", ".vcard", ".csv")


def first_name(head: bytes) -> str | None:
    """The name of the first file of a zip that begins with these bytes; None where it is none, or they don't say it."""
    if not head.startswith(HEADS[0]) or len(head) < LOCAL.size:
        return None
    length = LOCAL.unpack_from(head)[-2]
    name = head[LOCAL.size : LOCAL.size + length]
    return name.decode("utf-8", "replace") if length and len(name) == length else None


def other_zip(head: bytes) -> Malformed:
    """What is said of a zip that begins so, and is no export of a book."""
    name = first_name(head)
    return Malformed.of(messages.ARCHIVE) if name is None else _fault(_reason_of(name), name)


def _reason_of(name: str) -> Message:
    if name.startswith(OFFICE):
        return messages.OFFICE_DOCUMENT
    if name.lower().endswith(CONTACT_FILES):
        return messages.CONTACTS_IN_ZIP
    if name.lower().endswith(".zip"):
        return messages.ZIP_IN_ZIP
    return messages.OTHER_ZIP


def _fault(message: Message, name: str) -> Malformed:
    return Malformed.of(message, name=name[:80])
