"""A CSV into rows of cells, however it was saved: its encoding, line ends, delimiter, what stands before its header.

What no line of it can tell is refused in a sentence: a file that was cut off, a quote that is never closed, a cell or a
row without an end. Everything else is taken as it is. A file is read as a stream, in time linear to its length.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from offbook.core.errors import Malformed
from offbook.core.text import fold_key
from offbook.formats import messages
from offbook.formats.other_files import HEAD

CHUNK = 1 << 18
LINE_MAX = 20 << 20
CELL_MAX = 1 << 20
COLUMNS_MAX = 2_000

csv.field_size_limit(CELL_MAX)  # the reader has no limit of its own: it is the process's

DELIMITERS = ",;\t"
SEPARATOR_LINE = re.compile(r'"?sep=([,;\t|])"?\s*', re.IGNORECASE)
"""What Excel writes into the first line to tell itself the delimiter. It shows no such row."""

TRUNCATED = ("unexpected end of data", "truncated data")
"""How Python's codecs and its CSV reader call it when the input ends too early."""

LINE_ENDS = ("\n", "\r")
BINARY = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
BINARY_MOST = 8
"""So many control characters may stand in a short text."""

INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200e\u200f\u2060"))
ALIKE = str.maketrans("’‘`´‐‑–—", "''''----")

UTF8_MAX = 4
"""The bytes of a character at the most."""

Lines = Callable[[], Iterable[str]]
"""The lines of a text from its first, each with its end, whenever they are asked for."""

Row = tuple[int, list[str]]
"""A row as a spreadsheet counts them, from 1, and its cells."""


# --- bytes -> lines --------------------------------------------------------------------------------------------------


def text_lines(file: BinaryIO) -> Iterator[str]:
    """The lines of a file: UTF-8 or UTF-16, with a byte order mark or without; else, line by line, Windows' code page
    of Western Europe. Raises Malformed where the file is no text, or ends in the middle of a character."""
    file.seek(0)
    head = file.read(HEAD)
    file.seek(0)
    wide = _wide_encoding(head)
    if not wide and len(BINARY.findall(head)) > max(BINARY_MOST, len(head) // 50):
        raise Malformed.of(messages.NOT_TEXT_FILE)
    chunks = _as_utf8(file, wide) if wide else _without_mark(file)
    yield from _decoded(_split(chunks))


def _wide_encoding(head: bytes) -> str:
    """UTF-16 by its mark, or by every other byte that is none; empty for all encodings that ASCII is a part of."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding, high, low in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        if high.count(0) * 2 > len(high) and not low.count(0):
            return encoding
    return ""


def _as_utf8(file: BinaryIO, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    while chunk := file.read(CHUNK):
        yield decoder.decode(chunk).encode("utf-8", "replace")
    if decoder.getstate()[0]:
        raise Malformed.of(messages.CUT_IN_CHARACTER)


def _without_mark(file: BinaryIO) -> Iterator[bytes]:
    yield file.read(CHUNK).removeprefix(codecs.BOM_UTF8)
    while chunk := file.read(CHUNK):
        yield chunk


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines with their ends: CRLF, LF or CR. A longer one than LINE_MAX is none."""
    parts: list[bytes] = []
    length = 0
    for chunk in chunks:
        if parts and parts[-1].endswith(b"\r") and not chunk.startswith(b"\n"):
            yield b"".join(parts)
            parts, length = [], 0
        lines = chunk.splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            parts.append(line)
            length += len(line)
            if length > LINE_MAX:
                raise Malformed.of(messages.CSV_LINE_TOO_LONG, limit=LINE_MAX >> 20)
            if line.endswith(b"\n") or (line.endswith(b"\r") and number < len(lines)):
                yield b"".join(parts)
                parts, length = [], 0
    if parts:
        yield b"".join(parts)


def _decoded(lines: Iterable[bytes]) -> Iterator[str]:
    is_utf8 = True
    for line in lines:
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            is_last = not line.endswith((b"\n", b"\r"))
            if is_utf8 and is_last and error.reason in TRUNCATED:
                raise Malformed.of(messages.CUT_IN_CHARACTER) from None
            is_utf8 = False
            yield _of_windows(line)


def _of_windows(line: bytes) -> str:
    with suppress(UnicodeDecodeError):
        return line.decode("cp1252")
    return line.decode("latin-1")


def head_lines(head: bytes) -> list[str]:
    """The lines of a file's beginning, which may end anywhere."""
    wide = _wide_encoding(head)
    try:
        text = head.decode(wide or "utf-8-sig")
    except UnicodeDecodeError as error:
        is_cut = error.start > len(head) - UTF8_MAX
        text = head.decode(wide or "utf-8-sig", "ignore") if wide or is_cut else head.decode("cp1252", "replace")
    return list(io.StringIO(text, newline=""))


# --- lines -> rows ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class LastLine:
    """The line that was read last."""

    text: str = ""

    def watch(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines, each remembered."""
        for line in lines:
            self.text = line
            yield line


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A file of rows under a header."""

    header: list[str]
    delimiter: str
    lines: Lines

    def rows(self) -> Iterator[Row]:
        """The rows below the header. Raises Malformed where one can't be read, or the last one breaks off: it has
        neither all its cells nor a line break.

        A row that has all its cells needs no line break (RFC 4180, section 2), so that a cut inside its last cell can't
        be seen.
        """
        last_line = LastLine()
        rows = _rows(last_line.watch(self.lines()), self.delimiter)
        number, row = header_row, _ = _skip_blank(rows)
        for number, row in rows:
            if len(row) > COLUMNS_MAX:
                raise Malformed.of(messages.TOO_MANY_COLUMNS, count=len(row), limit=COLUMNS_MAX)
            yield number, row
        if last_line.text.endswith(LINE_ENDS):
            return
        if number == header_row:
            raise Malformed.of(messages.CUT_AFTER_HEADER, row=number)
        if len(row) < len(self.header) and (len(row) > 1 or "".join(row).strip()):
            raise Malformed.of(messages.CUT_IN_CELLS, row=number, cells=len(row), width=len(self.header))


def open_table(lines: Lines, score: Callable[[list[str]], int]) -> CsvTable | None:
    """The table of a text, by the delimiter with which its header has the highest score; None where each has 0.

    Raises Malformed where a header has too many columns.
    """
    score_max, table = 0, None
    for delimiter in _delimiters(lines):
        header = _header(lines, delimiter)
        if (points := score(header)) > score_max:
            score_max, table = points, CsvTable(header, delimiter, lines)
    return table


def possible_headers(head: bytes) -> Iterator[list[str]]:
    """What the header of a file that begins so may be, by each delimiter. The last heading may be cut off."""
    lines = head_lines(head)
    for delimiter in _delimiters(lambda: lines):
        with suppress(Malformed):
            _, header = _skip_blank(_rows(lines, delimiter, is_strict=False))
            yield [heading.strip() for heading in header]


def _delimiters(lines: Lines) -> str:
    for line in lines():
        if match := SEPARATOR_LINE.fullmatch(line):
            return match[1]
        if line.strip():
            break
    return DELIMITERS


def _header(lines: Lines, delimiter: str) -> list[str]:
    header: list[str] = []
    with suppress(Malformed):  # quotes look broken where the delimiter is another one
        _, header = _skip_blank(_rows(lines(), delimiter))
    if len(header) > COLUMNS_MAX:
        raise Malformed.of(messages.TOO_MANY_COLUMNS, count=len(header), limit=COLUMNS_MAX)
    return [heading.strip() for heading in header]


def _skip_blank(rows: Iterator[Row]) -> Row:
    """The first row that says anything: the header. Empty where there is none."""
    for number, row in rows:
        if any(map(clean_heading, row)):
            return number, row
    return 1, []


def _rows(lines: Iterable[str], delimiter: str, is_strict: bool = True) -> Iterator[Row]:
    rows = csv.reader(_without_separator_line(lines), delimiter=delimiter, strict=is_strict)
    number = 0
    try:
        for number, row in enumerate(rows, 1):
            yield number, row
    except csv.Error as error:
        if str(error) in TRUNCATED:
            raise Malformed.of(messages.CUT_IN_QUOTE, row=number + 1) from None
        raise Malformed.of(messages.BROKEN_CSV, line=rows.line_num, flaw=str(error)) from None


def _without_separator_line(lines: Iterable[str]) -> Iterator[str]:
    is_before = True
    for line in lines:
        if is_before and SEPARATOR_LINE.fullmatch(line):
            is_before = False
            continue
        is_before = is_before and not line.strip()
        yield line


# --- headings --------------------------------------------------------------------------------------------------------


def clean_heading(heading: str) -> str:
    """A heading without what can't be seen, and each gap in it one space."""
    return " ".join(heading.translate(INVISIBLE).split())


def fold_heading(heading: str) -> str:
    """A heading as it is compared: without case, width, and the shape of its hyphens and apostrophes."""
    return fold_key(heading.translate(INVISIBLE).translate(ALIKE))


def name_columns(header: Iterable[str]) -> list[str]:
    """A name for each column, no two alike: its heading, with a number where another has that already, or its place
    where it has none."""
    names: list[str] = []
    taken: dict[str, int] = {}
    for place, heading in enumerate(header, 1):
        name = heading = clean_heading(heading) or f"Column {place}"
        while fold_heading(name) in taken:
            taken[fold_heading(heading)] += 1
            name = f"{heading} ({taken[fold_heading(heading)]})"
        taken[fold_heading(name)] = 1
        names.append(name)
    return names
