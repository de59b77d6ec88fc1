"""Bytes of a file into cards of logical lines: encodings, line ends, folding, soft breaks.

It takes whatever there is, raises nothing and ends in time linear to the file. A card is held in memory, and no more.
What stands between two cards is a card without a beginning, so that it can be told.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple

CHUNK = 1 << 20
LINE_MAX = 20 << 20
"""The bytes of a logical line; a longer one is left out, and told."""

HEADER_MAX = 10_000
"""The bytes in which a line's parameters are looked for before it is put together."""

LINES_MAX, PHYSICAL_LINES_MAX = 50_000, 500_000
"""The logical lines of a card, and the lines of the file that they stand in; what is beyond is left out, and told."""

SPACES = frozenset((b" ", b"\t"))
TOO_LONG = b"too long"
"""What stands for a line that was too long, by identity."""

BEGIN, END, BOM = b"BEGIN", b"END", codecs.BOM_UTF8
EXACT_MARKS = frozenset((b"BEGIN:VCARD", b"END:VCARD"))
MARK_BEGINS = frozenset((b"B", b"b", b"E", b"e", b"\xef", b" ", b"\t"))
MARK_MAX = 64
MARK = re.compile(rb"(?:\xef\xbb\xbf)?(BEGIN|END):VCARD[ \t\0]*", re.IGNORECASE)

VERSION_21 = re.compile(rb"\nVERSION:[ \t]*2\.1[ \t]*(?:\n|$)", re.IGNORECASE)
AGENT = re.compile(rb"(?:[\w-]+\.)?AGENT(?:;[^:]*)?:[ \t]*", re.IGNORECASE)
BASE64 = re.compile(rb";(?:ENCODING=)?(?:BASE64|B)(?:;|$)", re.IGNORECASE)
BASE64_LINE = re.compile(rb"[A-Za-z0-9+/=]+[ \t]*")
QUOTED_PRINTABLE = re.compile(rb";(?:ENCODING=)?QUOTED-PRINTABLE(?:;|$)", re.IGNORECASE)
CHARSET = re.compile(rb";CHARSET=\"?([\w.:-]{1,30})", re.IGNORECASE)
TEXT_CHARSETS = re.compile(
    r"iso-?8859-?\d+|latin-?\d|(windows|cp)-?\d+|koi8-?[rtu]|shift[_-]?jis|s?jis|euc[_-]?(jp|kr)|iso-2022-(jp|kr)"
    r"|gb(2312|k|18030)|big5|mac-?\w+",
    re.IGNORECASE,
)


LogicalLine = tuple[int, str | None]
"""Where a line begins in the file, from row 1, and its text without folds; None where it was too long."""


class RawCard(NamedTuple):
    """The lines between BEGIN and END. ``has_begin`` is false for what stands outside of cards, ``has_end`` where the
    file or another card came first; ``is_cut`` where the card had more lines."""

    row: int
    lines: list[LogicalLine]
    has_begin: bool
    has_end: bool
    is_cut: bool = False


def split_cards(file: BinaryIO) -> Iterator[RawCard]:
    """The cards of a file, one at a time, and what stands between them."""
    lines: list[bytes] = []
    row, start, is_open, is_nested = 1, 1, False, False
    for physical in _physical_lines(text_chunks(file)):
        done = 0
        for place in [place for place, line in enumerate(physical) if line[:1] in MARK_BEGINS]:
            line = physical[place]
            mark = _mark(line, is_open)
            if not mark:
                continue
            lines += _pieces(physical[done:place], is_nested)
            done = place + 1
            if mark == BEGIN and is_open and not is_nested and lines and AGENT.fullmatch(lines[-1]):
                lines.append(_nested(line))
                is_nested = True
            elif mark == BEGIN:
                yield from _card(start, lines, is_open, has_end=False)
                lines, start, is_open, is_nested = [], row + place, True, False
            elif is_nested:
                lines.append(_nested(line))
                is_nested = False
            elif is_open:
                yield from _card(start, lines, is_open, has_end=True)
                lines, start, is_open = [], row + place + 1, False
            else:
                lines.append(line)
        lines += _pieces(physical[done:], is_nested)
        row += len(physical)
        if is_open:
            del lines[PHYSICAL_LINES_MAX + 1 :]
        else:
            start, lines = _first_stray(start, lines)
    yield from _card(start, lines, is_open, has_end=False)


def _mark(line: bytes, is_open: bool) -> bytes:
    """BEGIN or END, where a line is that. Inside a card, one that begins with a space goes on with the line before."""
    if len(line) > MARK_MAX:
        return b""
    if line in EXACT_MARKS:
        return line[:-6]
    match = MARK.fullmatch(line if is_open else line.lstrip())
    return match[1].upper() if match else b""


def _pieces(lines: list[bytes], is_nested: bool) -> list[bytes]:
    return [_nested(line) for line in lines] if is_nested else lines


def _nested(line: bytes) -> bytes:
    """A line of a card that is the value of AGENT (vCard 2.1, section 2.5.1), as a folded line of that value."""
    return b" \\n" + re.sub(rb"([\\,;])", rb"\\\1", line) if line and line is not TOO_LONG else line


def _card(row: int, lines: list[bytes], has_begin: bool, has_end: bool) -> Iterator[RawCard]:
    if has_begin:
        is_cut = len(lines) > PHYSICAL_LINES_MAX
        logical = _logical_lines(row + 1, lines[:PHYSICAL_LINES_MAX] if is_cut else lines)
        yield RawCard(row, logical[:LINES_MAX], has_begin, has_end, is_cut or len(logical) > LINES_MAX)
    else:
        row, strays = _first_stray(row, lines)
        if strays:
            yield RawCard(row, _logical_lines(row, strays), has_begin, has_end)


def _first_stray(row: int, lines: list[bytes]) -> tuple[int, list[bytes]]:
    """Of lines outside of cards, which begin at this row, the first that says anything, and its row; or none, and the
    row after them."""
    place = next((place for place, line in enumerate(lines) if line.strip(b" \t\0" + BOM)), len(lines))
    return row + place, lines[place : place + 1]


# --- bytes -> physical lines -----------------------------------------------------------------------------------------


def text_chunks(file: BinaryIO) -> Iterator[bytes]:
    """The file as UTF-8, or whatever else ASCII is a part of. UTF-16 is known by its mark, or by its first letter."""
    first = file.read(CHUNK)
    wide = ""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        wide = "utf-16"
    elif re.match(rb"\s?[Bb]\0", first):
        wide = "utf-16-le"
    elif re.match(rb"\0[Bb]\0", first):
        wide = "utf-16-be"
    if not wide:
        yield first.removeprefix(BOM)
        while chunk := file.read(CHUNK):
            yield chunk
        return
    decoder = codecs.getincrementaldecoder(wide)("replace")
    chunk = first
    while chunk:
        yield decoder.decode(chunk).encode("utf-8", "replace")
        chunk = file.read(CHUNK)


def _physical_lines(chunks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The lines, many at once, whatever ends them: CRLF, LF or CR. TOO_LONG stands for one that is too long."""
    rest, is_skipping = b"", False
    for chunk in chunks:
        data = rest + chunk
        lines = data.splitlines()
        rest = b""
        if lines and not data.endswith(b"\n"):
            rest = lines.pop()
            if data.endswith(b"\r"):
                rest += b"\r"  # the LF may follow
        if lines and (is_skipping or len(lines[0]) > LINE_MAX):
            lines[0], is_skipping = TOO_LONG, False
        yield lines
        if len(rest) > LINE_MAX:
            rest, is_skipping = b"", True
    if rest or is_skipping:
        yield [TOO_LONG if is_skipping else rest.rstrip(b"\r")]


# --- physical lines -> logical lines ---------------------------------------------------------------------------------


def _logical_lines(row: int, lines: list[bytes]) -> list[LogicalLine]:
    whole = b"\n".join(lines)
    keeps_space = b"2.1" in whole and bool(VERSION_21.search(b"\n" + whole))
    if not (keeps_space or b"=\n" in whole or b"\0" in whole or TOO_LONG in lines):
        with suppress(UnicodeDecodeError):
            texts = whole.replace(b"\n ", b"").replace(b"\n\t", b"").decode().split("\n")
            rows: Sequence[int] = range(row, row + len(lines))
            if len(texts) < len(rows):
                rows = [number for number, line in enumerate(lines, row) if line[:1] not in SPACES]
            if len(rows) == len(texts) and not [text for text in texts if ":" not in text] and len(whole) < LINE_MAX:
                return list(zip(rows, texts, strict=True))
    unfolded = _unfolded(row, lines, keeps_space)
    return _decoded(unfolded, b"\n".join(line for _, line in unfolded if line is not None))


def _unfolded(row: int, lines: list[bytes], keeps_space: bool) -> list[tuple[int, bytes | None]]:
    """The lines joined that belong together.

    A line that begins with a space or a tab goes on with the one before: without that character (RFC 6350, section 3.2;
    RFC 2426, section 2.6), in 2.1 with it, since there only a space could be folded (section 2.1.3). In 2.1, a
    quoted-printable line that ends with ``=`` goes on as well, and base64 does until an empty line (section 2.1.4.2);
    many programs write it without the spaces of folding.
    """
    parts: list[list[bytes]] = []
    rows: list[int] = []
    is_closed = True  # by an empty line, or nothing is there to go on with
    for number, piece in enumerate(lines, row):
        if not piece:
            is_closed = True
            continue
        if not is_closed and parts[-1][-1].endswith(b"=") and _has(QUOTED_PRINTABLE, parts[-1][0]):
            parts[-1][-1] = parts[-1][-1][:-1]
            parts[-1].append(piece)
        elif piece[0] in b" \t" and parts:
            keeps = keeps_space and not _has(BASE64, parts[-1][0])
            parts[-1].append(piece if keeps else piece[1:])
        elif not is_closed and b":" not in piece and BASE64_LINE.fullmatch(piece) and _has(BASE64, parts[-1][0]):
            parts[-1].append(piece)
        else:
            parts.append([piece])
            rows.append(number)
        is_closed = False
    return [(number, _joined(part)) for number, part in zip(rows, parts, strict=True)]


def _joined(parts: list[bytes]) -> bytes | None:
    """The pieces of a line as one; None where that is too long."""
    if len(parts) == 1:
        return None if parts[0] is TOO_LONG else parts[0]
    is_too_long = sum(map(len, parts)) > LINE_MAX or any(part is TOO_LONG for part in parts)
    return None if is_too_long else b"".join(parts)


def _has(parameter: re.Pattern[bytes], line: bytes) -> bool:
    return bool(parameter.search(line[:HEADER_MAX].partition(b":")[0]))


# --- bytes -> text ---------------------------------------------------------------------------------------------------


def _decoded(lines: list[tuple[int, bytes | None]], whole: bytes) -> list[LogicalLine]:
    """The lines as text: UTF-8, else each as its CHARSET says (vCard 2.1, section 2.1.5), or in Windows' code page."""
    if b"\0" in whole:
        lines = [(row, line and line.replace(b"\0", b"\xef\xbf\xbd")) for row, line in lines]
        whole = whole.replace(b"\0", b"\xef\xbf\xbd")
    if b"CHARSET=" not in whole.upper():
        with suppress(UnicodeDecodeError):
            texts = iter(whole.decode().split("\n"))
            return [(row, None if line is None else next(texts)) for row, line in lines]
    return [(row, None if line is None else decode(line, _charset(line))) for row, line in lines]


def _charset(line: bytes) -> str:
    match = CHARSET.search(line[:HEADER_MAX].partition(b":")[0])
    return match[1].decode("ascii", "replace") if match else ""


def decode(data: bytes, charset: str = "") -> str:
    """Text of a card: by its own word, as UTF-8, or as Windows' code page of Western Europe, in this order."""
    if TEXT_CHARSETS.fullmatch(charset):
        with suppress(UnicodeDecodeError, LookupError):
            text = data.decode(charset)
            if text[:2].encode("ascii", "replace") == data[:2]:  # else it is a page of before ASCII
                return text
    for encoding in ("utf-8", "cp1252"):
        with suppress(UnicodeDecodeError):
            return data.decode(encoding)
    return data.decode("latin-1")
