"""JSON to values and back, strictly.

loads() takes bytes that anyone may have sent, and raises Malformed for whatever RFC 8259 forbids or leaves open.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from operator import itemgetter

from offbook.core import messages
from offbook.core.errors import Malformed
from offbook.core.validation import Json


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
