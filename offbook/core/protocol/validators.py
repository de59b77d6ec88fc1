"""Checks of the values in a server's answer, one each. Raise ServerFault where a value is not what it must be."""

from __future__ import annotations

import json
import re

from offbook.core import messages
from offbook.core.cells.validation import UUID_TEXT, Json
from offbook.core.errors import ServerFault

SEQ_MAX = 253_402_300_799_999_999
"""The last microsecond of the year 9999: a seq is a time, and must be one that can be written."""

VALUES_MAX = 3_000_000
"""A page of 1,000 records of twenty fields has about 40,000. Each takes up to a hundred bytes of memory, however short
its text is."""

BODY_SMALL = 4 * 1024 * 1024
"""Up to this size a body can't hold so many values that it would hurt, and they are not counted."""

TOO_MANY_SIGNS = re.compile(rb'(?:(?:[^",\[{]++|"(?:[^"\\]++|\\.)*+"|")*+[,\[{]){%d}+' % (VALUES_MAX + 1), re.DOTALL)
"""One sign more than values, each after any number of texts and of what is neither. Nothing is tried twice (``++``), so
that it takes as long as the body is, and no memory."""

CURSOR_CHARACTERS_MAX = 200
CODE_CHARACTERS_MAX = 40
DETAIL_CHARACTERS_MAX = 1_000
NAME_CHARACTERS_MAX = 200
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(Z|[+-][0-9]{2}:[0-9]{2})")


class NotJSON(ServerFault):
    """The body is none of ours, whatever it is."""


def json_of(body: str | bytes) -> Json:
    """The value of a body. Raises NotJSON, and ServerFault for more than a device could hold."""
    if len(body) > BODY_SMALL and _has_too_many_values(body):
        raise ServerFault.of(messages.ANSWER_TOO_LARGE, most=VALUES_MAX)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise NotJSON.of(messages.ANSWER_NOT_JSON) from None


def _has_too_many_values(body: str | bytes) -> bool:
    """Each value but the first follows a comma or a bracket that opens. Where there may be too many, those that stand
    inside of texts are told apart."""
    if isinstance(body, str):
        body = body.encode("utf-8", "replace")
    if sum(body.count(sign) for sign in b",[{") <= VALUES_MAX:
        return False
    return TOO_MANY_SIGNS.match(body) is not None


def object_of(item: Json) -> dict[str, Json]:
    """The item, which must be an object."""
    if not isinstance(item, dict):
        raise ServerFault.of(messages.ANSWER_NOT_AN_OBJECT)
    return item


def require(holds: bool, name: str) -> None:
    """Raise ServerFault, which names what the answer lacks, unless the condition holds."""
    if not holds:
        raise ServerFault.of(messages.ANSWER_LACKS, name=name)


def uuid_of(value: Json, name: str) -> str:
    """The UUID in lower case."""
    require(isinstance(value, str) and UUID_TEXT.fullmatch(value) is not None, name)
    return str(value).lower()


def seq_of(value: Json) -> int:
    """The seq, in microseconds since 1970."""
    require(type(value) is int and 0 <= value <= SEQ_MAX, "seq")
    return int(value)


def clean_text(value: Json, characters_max: int) -> str | None:
    """Text that is only shown: cut, and without what no database takes."""
    if not isinstance(value, str):
        return None
    return value[:characters_max].replace("\0", "").encode("utf-8", "replace").decode()


def cursor_of(value: Json) -> str:
    """The cursor, which only its server can read."""
    require(isinstance(value, str) and 0 < len(value) <= CURSOR_CHARACTERS_MAX and value.isprintable(), "cursor")
    return str(value)


def time_of(value: Json) -> str | None:
    """The time as it was sent; None where it is none of ISO 8601."""
    return value if isinstance(value, str) and TIME.fullmatch(value) else None
