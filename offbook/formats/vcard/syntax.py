"""A logical line is a property: ``group.NAME;PARAMETER=value:value`` (RFC 6350, section 3.3). And escapes, both ways.

Values stay as they came, in the escapes of 3.0 and 4.0; what 2.1 encodes in another way is put into these.
"""

from __future__ import annotations

import binascii
import re
from functools import lru_cache
from typing import NamedTuple

from offbook.formats.vcard.lines import decode

Params = tuple[tuple[str, tuple[str, ...]], ...]
"""Parameters by name, in capitals, in the order of the line, each name once."""

PARAMS_MAX = 100
HEADER_MAX = 10_000
HEADER_CACHED_MAX = 300
"""Longer headers are none; and of the others, those that are remembered: few are longer, or alike."""

NAME = re.compile(r"(?:([\w-]{1,100})\s*\.)?\s*([\w-]{1,100})\s*", re.ASCII)
PARAMETER_NAME = re.compile(r"[A-Z0-9_-]*")
QUOTED_HEADER = re.compile(r'(?:[^":]++|"[^"]*+")*+:')
PIECE = re.compile(r'(?:[^";]++|"[^"]*+"?)*+')
LIST_ITEM = re.compile(r'(?:[^",]++|"[^"]*+"?)*+')
CARET = re.compile(r"\^([n'^])")
CARETS = {"n": "\n", "'": '"', "^": "^"}

ENCODINGS = {"QUOTED-PRINTABLE": "QUOTED-PRINTABLE", "BASE64": "b", "B": "b", "7BIT": "", "8BIT": ""}
PLACES = ("INLINE", "URL", "CID", "CONTENT-ID")
"""What stands alone among 2.1's parameters: an ENCODING, a VALUE, or else a TYPE (section 2.1.2)."""

LINE_BREAK = re.compile("\r\n?|\n")
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
QUOTED_SEMICOLON = re.compile(r"(?:\\|=5C)?=3B", re.IGNORECASE)
BACKSLASH, SEPARATOR = "\ud800", "\ud801"
"""What stands for an escaped backslash and an escaped separator while a value is split: no text has lone surrogates."""


class Property(NamedTuple):
    """A property of a card. ``row`` is where it stands in the file."""

    name: str
    value: str
    params: Params = ()
    group: str = ""
    row: int = 0


class Header(NamedTuple):
    """What stands before the colon."""

    name: str
    group: str
    params: Params
    encoding: str
    charset: str


def parse_line(text: str, row: int) -> Property | None:
    """The property of a logical line; None where it is no property."""
    head, colon, value = text.partition(":")
    if not colon:
        return None
    if '"' in head and (match := QUOTED_HEADER.match(text)):
        head, value = text[: match.end() - 1], text[match.end() :]
    header = _cached_header(head) if len(head) <= HEADER_CACHED_MAX else parse_header(head)
    if header is None:
        return None
    name, group, params, encoding, _ = header
    # Property(...) would call a function of Python, for each line of a file.
    return tuple.__new__(Property, (name, _decoded(value, header) if encoding else value, params, group, row))


def parse_header(header: str) -> Header | None:
    """A header; None where it has no name, is too long, or has too many parameters to be one."""
    if len(header) > HEADER_MAX:
        return None
    first, *pieces = _split_quoted(header, ";", PIECE) if '"' in header else header.split(";", PARAMS_MAX + 1)
    match = NAME.fullmatch(first.strip())
    if not match or len(pieces) > PARAMS_MAX:
        return None
    params: dict[str, dict[str, None]] = {}
    for piece in pieces:
        name, values = _parameter(piece)
        if not PARAMETER_NAME.fullmatch(name):
            return None
        if name and not name.startswith("X-EVOLUTION-"):  # what that program notes for itself
            params.setdefault(name, {}).update(dict.fromkeys(values))
    encoding = ENCODINGS.get(next(iter(params.get("ENCODING", ())), "").upper(), "")
    if encoding == "b":
        params["ENCODING"] = {"b": None}
    else:
        params.pop("ENCODING", None)
    charset = next(iter(params.pop("CHARSET", ())), "")
    items = tuple((name, tuple(values)) for name, values in params.items())
    return Header(match[2].upper(), match[1] or "", items, encoding, charset)


_cached_header = lru_cache(maxsize=4096)(parse_header)
"""Headers are few and repeated: `TEL;TYPE=CELL` stands in every card."""


def _parameter(piece: str) -> tuple[str, list[str]]:
    name, is_named, text = piece.partition("=")
    if not is_named or "(" in name:  # X-CUSTOM(CHARSET=...) of Android
        bare = piece.strip()
        if bare.upper() in ENCODINGS:
            return "ENCODING", [bare]
        return ("VALUE", [bare.lower()]) if bare.upper() in PLACES else ("TYPE" if bare else "", [_type(bare)])
    name = name.strip().upper()
    texts = _split_quoted(text, ",", LIST_ITEM) if '"' in text else text.split(",")
    values = [CARET.sub(lambda match: CARETS[match[1]], value.replace('"', "")) for value in texts]  # RFC 6868
    if name == "TYPE":  # a quoted list of types is one too: TYPE="voice,home" (RFC 6350, section 5.6)
        values = [_type(each) for value in values for each in value.split(",") if each.strip()]
    return name, values


def _type(text: str) -> str:
    return text if text.startswith("X-CUSTOM(") else text.strip().lower()


def _split_quoted(text: str, separator: str, piece: re.Pattern[str]) -> list[str]:
    pieces, position = [], 0
    while True:
        match = piece.match(text, position)
        assert match  # it matches nothing, too
        pieces.append(match[0])
        position = match.end() + 1
        if position > len(text):
            return pieces


def _decoded(value: str, header: Header) -> str:
    if header.encoding == "b":
        return "".join(value.split())
    if header.encoding == "QUOTED-PRINTABLE":  # vCard 2.1, section 2.1.4.1; an encoded semicolon separates nothing
        data = binascii.a2b_qp(QUOTED_SEMICOLON.sub(r"\\;", value).encode())
        text = decode(data, header.charset).replace("\0", "\ufffd")
        return LINE_BREAK.sub(r"\\n", text)
    return value


# --- escapes ---------------------------------------------------------------------------------------------------------


def unescape(value: str) -> str:
    """The text of a value (RFC 6350, section 3.4). What needs no escape and has one loses it, save for letters."""
    return ESCAPE.sub(_unescaped, value) if "\\" in value else value


def _unescaped(match: re.Match[str]) -> str:
    character = match[1]
    if character in "nN":
        return "\n"
    return match[0] if character.isalnum() else character


def unescape_uri(value: str) -> str:
    """A URI is not escaped, but Apple escapes its colons, and Evolution escapes these once more at each edit."""
    return unescape(re.sub(r"\\+:", ":", value)) if "\\" in value else value


def split(value: str, separator: str) -> list[str]:
    """The texts of a value of several, by a separator that is not escaped."""
    if "\\" not in value:
        return value.split(separator)
    escaped = f"\\{separator}"
    texts = value.replace("\\\\", BACKSLASH).replace(escaped, SEPARATOR).split(separator)
    return [unescape(text.replace(BACKSLASH, "\\\\").replace(SEPARATOR, escaped)) for text in texts]


def escape(text: str, also: str = ",;") -> str:
    """A text as a value: line breaks, backslashes, and what separates the texts of a value."""
    text = text.replace("\\", r"\\")
    for separator in also:
        text = text.replace(separator, f"\\{separator}")
    return LINE_BREAK.sub(r"\\n", text) if "\n" in text or "\r" in text else text
