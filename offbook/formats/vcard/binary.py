"""Bytes in a card: as base64 beside ENCODING (2.1, 3.0), or as a data: URI (4.0)."""

from __future__ import annotations

import binascii
import re
from base64 import b64encode
from typing import NamedTuple

from offbook.formats.vcard.properties import without
from offbook.formats.vcard.syntax import Params

DATA_URI = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[^;,]*)*?);base64,", re.IGNORECASE | re.ASCII)
HEAD_MAX = 200
MAIN_TYPES = {"SOUND": "audio", "KEY": "application"}
"""What the bytes of a property are, where they are no image (RFC 6350, sections 6.7.5 and 6.8.1)."""

MAGIC = ((b"\xff\xd8", "jpeg"), (b"\x89PNG", "png"), (b"GIF8", "gif"), (b"RIFF", "webp"), (b"BM", "bmp"))
BYTES_PARAMS = ("ENCODING", "TYPE", "MEDIATYPE", "VALUE")
"""Parameters that are about how bytes are written. In 3.0, TYPE is the type of an image."""


class Embedded(NamedTuple):
    """Bytes as a card has them: base64 without spaces, and their type as the card says it (``image/png``, ``png``)."""

    base64: str
    media: str


def embedded(value: str, params: Params) -> Embedded | None:
    """The bytes of a value; None where it has none, as a URL has not."""
    by_name = dict(params)
    if by_name.get("ENCODING") == ("b",) and value[:5].lower() != "data:":
        media = next((type_ for type_ in by_name.get("TYPE", ()) if type_ != "pref"), "")
        return Embedded(value, media)
    head = value[:HEAD_MAX].replace("\\", "")  # some programs escape the URI
    if match := DATA_URI.match(head):
        return Embedded("".join(value[value.index(",") + 1 :].split()), (match[1] or "").lower())
    return None


def as_uri(name: str, value: str, params: Params) -> tuple[str, Params]:
    """A property with its bytes as a data: URI; any other as it is."""
    data = embedded(value, params)
    if data is None:
        return value, params
    types = tuple(type_ for type_ in dict(params).get("TYPE", ()) if type_ != data.media)
    kept = without(params, *BYTES_PARAMS)
    media = f"{MAIN_TYPES.get(name, 'image')}/{data.media}" if data.media and "/" not in data.media else data.media
    return f"data:{media};base64,{data.base64}", (*kept, ("TYPE", types)) if types else kept


def from_uri(name: str, value: str, params: Params) -> tuple[str, Params]:
    """A property with its bytes as 3.0 has them; any other as it is, and one whose type 3.0 can't say."""
    data = embedded(value, params)
    if data is None or data.media.rpartition("/")[0] != MAIN_TYPES.get(name, "image"):
        return value, params
    types = (data.media.rpartition("/")[2], *dict(params).get("TYPE", ()))
    return data.base64, (("ENCODING", ("b",)), ("TYPE", types), *without(params, *BYTES_PARAMS))


def decode(base64: str) -> bytes | None:
    """The bytes; None where it is no base64, or nothing."""
    try:
        return binascii.a2b_base64(base64) or None
    except (binascii.Error, ValueError):
        return None


def encode(data: bytes) -> Embedded:
    """Bytes of an image as a card has them, with the type that they begin like."""
    media = next((name for begin, name in MAGIC if data.startswith(begin)), "jpeg")
    if data[4:8] == b"ftyp":
        media = "heic"
    return Embedded(b64encode(data).decode("ascii"), f"image/{media}")
