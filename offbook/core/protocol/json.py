"""JSON to values and back, strictly.

loads() takes bytes that anyone may have sent, and raises Malformed for whatever RFC 8259 forbids or leaves open.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterator
from operator import itemgetter

from offbook.core import messages
from offbook.core.cells.validation import Json
from offbook.core.errors import Malformed


def loads(body: bytes) -> Json:
    """JSON as RFC 8259 has it and no more: UTF-8, no key twice, no NaN, no depth that hurts. Raises Malformed."""
    if not body.strip():
        raise Malformed.of(messages.EMPTY_BODY)
    if body.startswith(BOM_UTF8):
        raise Malformed.of(messages.BYTE_ORDER_MARK)
    if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise Malformed.of(messages.UTF16)
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise Malformed.of(messages.NOT_UTF8, byte=error.start) from None
    except RecursionError:
        raise Malformed.of(messages.TOO_DEEP) from None
    except json.JSONDecodeError as error:
        raise Malformed.of(messages.NOT_JSON, flaw=error.msg, line=error.lineno, column=error.colno) from None
    except ValueError:
        raise Malformed.of(messages.NUMBER_TOO_LONG) from None


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) != len(pairs):
        twice = max(Counter(key for key, _ in pairs).items(), key=itemgetter(1))[0]
        raise Malformed.of(messages.DUPLICATE_KEY, key=twice[:80])
    return members


def _constant(name: str) -> Json:
    raise Malformed.of(messages.NOT_A_JSON_NUMBER, name=name)


def dumps(value: Json) -> bytes:
    """JSON of a request, in the form that a server reads fastest: nothing in it that need not be there.

    A lone surrogate, which whoever reads it will refuse, can only be written escaped.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


# --- of one's own database -----------------------------------------------------------------------------------------

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]')


def object_of(text: str) -> dict[str, Json]:
    """The members of an object that a database wrote: valid JSON, with values that anyone may have put into it.

    A value that Python can't read, nested too deeply or a number of too many digits, is given as its text.
    """
    try:
        members: dict[str, Json] = json.loads(text)
    except (RecursionError, ValueError):
        return {json.loads(name): _value_or_text(value) for name, value in _members(text)}
    return members


def _value_or_text(text: str) -> Json:
    try:
        return json.loads(text)
    except (RecursionError, ValueError):
        return text


def _members(text: str) -> Iterator[tuple[str, str]]:
    """The names and the values of an object as they are written."""
    depth, name, start = 0, "", 0
    for token in TOKEN.finditer(text):
        mark = token[0]
        if depth == 1 and mark == ":":
            name, start = text[start : token.start()], token.end()
        elif depth == 1 and mark in ",}" and name:
            yield name, text[start : token.start()].strip()
        if (depth, mark) in ((0, "{"), (1, ",")):
            name, start = "", token.end()
        depth += (mark in "[{") - (mark in "]}")
