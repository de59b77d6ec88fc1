"""Properties -> lines of a file, strict: CRLF, 75 octets a line at most, quoted parameters (RFC 6350, section 3).

RFC 6868's escapes of parameters are for 4.0, and it lets older readers see them as they are: they are the one way in
which 3.0 can say a quote or a line break there, too.
"""

from __future__ import annotations

import re
from functools import lru_cache

from offbook.formats.vcard.syntax import Params

OCTETS_MAX = 75
QUOTED = re.compile("[,:;]")
CARETS = {"^": "^^", "\n": "^n", '"': "^'"}
NEEDS_CARET = re.compile('[\\^\\n"]')
LINE_BREAK = re.compile("\r\n?")


def write_line(group: str, name: str, params: Params, value: str) -> str:
    """A property as a line, folded, with its line break."""
    header = _header(name, params) if params else name
    return fold(f"{group}.{header}:{value}" if group else f"{header}:{value}")


@lru_cache(maxsize=1024)
def _header(name: str, params: Params) -> str:
    return "".join([name, *(f";{param}={','.join(map(_parameter, values))}" for param, values in params)])


def _parameter(text: str) -> str:
    if "\r" in text:
        text = LINE_BREAK.sub("\n", text)
    text = NEEDS_CARET.sub(lambda match: CARETS[match[0]], text)
    return f'"{text}"' if QUOTED.search(text) else text


def fold(line: str) -> str:
    """A line in pieces of 75 octets, none cut within a character; each but the first begins with a space."""
    if line.isascii():
        if len(line) <= OCTETS_MAX:
            return f"{line}\r\n"
        step = OCTETS_MAX - 1
        pieces = [line[:OCTETS_MAX], *(line[start : start + step] for start in range(OCTETS_MAX, len(line), step))]
        return "\r\n ".join(pieces) + "\r\n"
    data = line.encode()
    pieces, start, size = [], 0, OCTETS_MAX
    while start < len(data):
        end = start + size
        while end < len(data) and data[end] & 0xC0 == 0x80:  # inside a character of UTF-8
            end -= 1
        pieces.append(data[start:end].decode())
        start, size = end, OCTETS_MAX - 1
    return "\r\n ".join(pieces) + "\r\n"
