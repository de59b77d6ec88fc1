"""JSON to values and back, strictly.

loads() takes bytes that anyone may have sent, and raises Malformed for whatever RFC 8259 forbids or leaves open.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from operator import itemgetter

from offbook.core.errors import Malformed
from offbook.core.validation import Json


def loads(body: bytes) -> Json:
    """JSON as RFC 8259 has it and no more: UTF-8, no key twice, no NaN, no depth that hurts. Raises Malformed."""
    if not body.strip():
        raise Malformed("empty", "The body is empty: JSON was expected.")
    if body.startswith(BOM_UTF8):
        raise Malformed("not_json", "The body begins with a byte order mark (BOM), which JSON may not: leave it out.")
    if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise Malformed("not_utf8", "The body is UTF-16, by the byte order mark (BOM) that it begins with: send UTF-8.")
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise Malformed("not_utf8", f"The body is not UTF-8: byte {error.start} can't be read.") from None
    except RecursionError:
        raise Malformed("too_deep", "The body is nested too deeply.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Malformed("not_json", f"The body is not JSON: {error.msg} at {where}.") from None
    except ValueError:
        raise Malformed("number_too_long", "The body has a number of too many digits.") from None


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = max(Counter(key for key, _ in pairs).items(), key=itemgetter(1))[0]
        raise Malformed("duplicate_key", f"The key {twice[:80]!a} stands twice in one object.")
    return found


def _constant(name: str) -> Json:
    raise Malformed("not_json", f"{name} is not a number that JSON knows.")


def dumps(value: Json) -> bytes:
    """JSON of a request, in the form that a server reads fastest: nothing in it that need not be there.

    What is no text, and to be refused by whoever reads it, can only be said escaped.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
