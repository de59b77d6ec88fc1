"""Files -> the bytes of a zip, in one pass: nothing is looked at again, and no file is held whole but a photo.

What is packed is never smaller than a sixteenth of what it unpacks to, so that whoever takes more for a bomb takes
ours: a reader of offbook allows twenty times.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from offbook.core.errors import Invalid
from offbook.formats import messages
from offbook.formats.gathering import gathered

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
DESCRIPTOR = struct.Struct("<4s3I")
END = struct.Struct("<4s4H2IH")
END_64 = struct.Struct("<4sQ2H2I4Q")
LOCATOR_64 = struct.Struct("<4sIQI")

STORED, DEFLATED = 0, 8
HAS_DESCRIPTOR = 8
"""The flag of a file whose size and checksum follow it."""

NEEDS, NEEDS_64, UNIX = 20, 45, 3 << 8
FOR_OWNER = 0o100600 << 16
"""The mode of a file, as Unix has it: whoever unpacks a book keeps it to themselves."""

RATIO_MAX = 16
PIECE_BYTES = 256 * 1024
COUNT_MAX, SIZE_MAX = 0xFFFF, 0xFFFFFFFF


class _Entry(NamedTuple):
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


class ZipWriter:
    """Writes files one after the other. ``write`` is called with the bytes of the zip, in order."""

    def __init__(self, write: Callable[[bytes], object], moment: datetime) -> None:
        """``moment`` is when the files were made."""
        self._write = write
        self._position = 0
        self._entries: list[_Entry] = []
        day = max(moment.year - 1980, 0) << 9 | moment.month << 5 | moment.day
        self._time = (moment.hour << 11 | moment.minute << 5 | moment.second // 2, day)

    def store(self, name: str, content: bytes) -> None:
        """Add a file as it is: a photo, which nothing makes smaller."""
        size = len(content)
        entry = _Entry(name.encode("ascii"), 0, STORED, zlib.crc32(content), size, size, self._position)
        self._begin(entry)
        self._put(content)
        self._entries.append(entry)

    def deflate(self, name: str, parts: Iterable[bytes]) -> int:
        """Add a file of text, packed. Returns its size; raises Invalid where it is larger than a zip can say."""
        entry = _Entry(name.encode("ascii"), HAS_DESCRIPTOR, DEFLATED, 0, 0, 0, self._position)
        self._begin(entry)
        start = self._position
        crc = size = 0
        for piece in gathered(parts, PIECE_BYTES):
            crc, size = zlib.crc32(piece, crc), size + len(piece)
            self._put(packed(piece))
        self._put(LAST_BLOCK)
        entry = entry._replace(crc=crc, packed=self._position - start, size=_checked(size))
        self._put(DESCRIPTOR.pack(b"PK\x07\x08", crc, entry.packed, size))
        self._entries.append(entry)
        return size

    def close(self) -> None:
        """Write the list of files, with which a zip ends."""
        start = self._position
        for entry in self._entries:
            self._put(self._central(entry))
        count, size = len(self._entries), self._position - start
        if count > COUNT_MAX:
            end = self._position
            fields = (b"PK\x06\x06", END_64.size - 12, NEEDS_64, NEEDS_64, 0, 0, count, count, size, start)
            self._put(END_64.pack(*fields) + LOCATOR_64.pack(b"PK\x06\x07", 0, end, 1))
            count = COUNT_MAX
        self._put(END.pack(b"PK\x05\x06", 0, 0, count, count, size, start, 0))

    def _begin(self, entry: _Entry) -> None:
        sizes = (entry.crc, entry.packed, entry.size)
        head = LOCAL.pack(b"PK\x03\x04", NEEDS, entry.flags, entry.method, *self._time, *sizes, len(entry.name), 0)
        self._put(head + entry.name)

    def _central(self, entry: _Entry) -> bytes:
        name, flags, method, crc, size, whole, offset = entry
        versions = (UNIX | NEEDS, NEEDS, flags, method)
        rest = (len(name), 0, 0, 0, 0, FOR_OWNER, offset)
        return CENTRAL.pack(b"PK\x01\x02", *versions, *self._time, crc, size, whole, *rest) + name

    def _put(self, data: bytes) -> None:
        self._position = _checked(self._position + len(data))
        self._write(data)


def _checked(size: int) -> int:
    """What can be said in a zip without the additions for larger ones, which not every program reads."""
    if size > SIZE_MAX:
        raise Invalid.of(messages.TOO_LARGE_FOR_ZIP)
    return size


LAST_BLOCK = b"\x03\x00"
"""The last block of a file: nothing, in the fixed code (RFC 1951, 3.2.6)."""


def packed(piece: bytes) -> bytes:
    """Whole blocks of deflate that unpack to this piece, at most RATIO_MAX times smaller.

    What would be smaller is packed letter by letter: then a byte takes a bit at least.
    """
    block = _blocks(piece, zlib.Z_DEFAULT_STRATEGY)
    return block if len(block) * RATIO_MAX >= len(piece) else _blocks(piece, zlib.Z_HUFFMAN_ONLY)


def _blocks(piece: bytes, strategy: int) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, strategy)
    return packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)
