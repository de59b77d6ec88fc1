"""What may be kept as a photo: bytes of a picture's format, no larger than a page can show, under their own hash.

Nothing is decoded here: format, width and height are read from the first bytes alone, so that a picture that would
take gigabytes to decode costs nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from offbook.core.errors import Invalid
from offbook.core.messages import (
    BAD_PICTURE,
    HEIC_PICTURE,
    PICTURE_TOO_LARGE,
    TOO_MANY_PIXELS,
    WRONG_HASH,
)

PICTURE_BYTES_MAX = 10 * 1024 * 1024
PIXELS_MAX = 50_000_000
SHA256_TEXT = re.compile(r"[0-9a-f]{64}")

LIST_WIDTH, PAGE_WIDTH = 96, 720
WIDTHS = (LIST_WIDTH, PAGE_WIDTH)
"""The widths that a picture is shown in: square in a list, and as it is on a page."""

SHOWN_BYTES_MAX = 200_000
"""What is shown has no more bytes: phones give up on photos of many."""

JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of JPEG that tell how large the picture is (ITU T.81, table B.1)."""

JPEG_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


class PictureHead(NamedTuple):
    """What the first bytes of a picture say of it."""

    type: str
    width: int
    height: int


def sha256_of(content: bytes) -> str:
    """The name that bytes are kept under."""
    return hashlib.sha256(content).hexdigest()


def photo_name(value: object) -> str | None:
    """What a cell names as its photo: a hash, or nothing. A program may have written anything in its place."""
    return value if isinstance(value, str) and SHA256_TEXT.fullmatch(value) else None


def checked_picture(content: bytes, sha256: str) -> PictureHead:
    """What a picture says of itself. Raises Invalid where it is not what its name says, or may not be kept."""
    if len(content) > PICTURE_BYTES_MAX:
        raise Invalid.of(PICTURE_TOO_LARGE, most=PICTURE_BYTES_MAX // 1024**2)
    if sha256_of(content) != sha256:
        raise Invalid.of(WRONG_HASH)
    if content[4:8] == b"ftyp" and content[8:12] in HEIC_BRANDS:
        raise Invalid.of(HEIC_PICTURE)
    head = picture_head(content)
    if head is None:
        raise Invalid.of(BAD_PICTURE)
    if head.width * head.height > PIXELS_MAX:
        raise Invalid.of(TOO_MANY_PIXELS, most=PIXELS_MAX // 1_000_000)
    return head


def picture_head(content: bytes) -> PictureHead | None:
    """What the bytes of a JPEG, PNG, GIF or WebP say of it; None for all else, and where no size is told."""
    if content.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"):
        return _head("image/png", _big(content[16:20]), _big(content[20:24]))
    if content.startswith((b"GIF87a", b"GIF89a")):
        return _head("image/gif", _little(content[6:8]), _little(content[8:10]))
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return _head("image/webp", *_webp_size(content))
    if content.startswith(b"\xff\xd8\xff"):
        return _head("image/jpeg", *_jpeg_size(content))
    return None


def _head(type_: str, width: int, height: int) -> PictureHead | None:
    return PictureHead(type_, width, height) if width and height else None


def _webp_size(content: bytes) -> tuple[int, int]:
    """By the first chunk: lossy (RFC 6386, 9.1), lossless (RFC 9649, 3.4), or extended (RFC 9649, 2.7)."""
    chunk = content[12:16]
    if chunk == b"VP8 ":
        return _little(content[26:28]) & 0x3FFF, _little(content[28:30]) & 0x3FFF
    if chunk == b"VP8L" and len(content) >= 25:
        bits = _little(content[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8X" and len(content) >= 30:
        return _little(content[24:27]) + 1, _little(content[27:30]) + 1
    return 0, 0


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """By the first frame. Segments are jumped over, each by its own length: there are few before it."""
    for marker, place in _jpeg_segments(content):
        if marker in JPEG_FRAMES:
            return _big(content[place + 5 : place + 7]), _big(content[place + 3 : place + 5])
    return 0, 0


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, int]]:
    """Each marker with the place of what follows it, up to where the picture itself begins."""
    place = 2
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        place += 1 if marker == 0xFF else 2
        if marker == 0xFF or marker in JPEG_WITHOUT_LENGTH:
            continue
        yield marker, place
        place += max(2, _big(content[place : place + 2]))


def _big(part: bytes) -> int:
    return int.from_bytes(part, "big")


def _little(part: bytes) -> int:
    return int.from_bytes(part, "little")
