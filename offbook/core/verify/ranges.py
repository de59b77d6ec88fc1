"""Ranges of ids: how two sides find the records in which they differ, a sixteenth at a time.

A range is all ids that begin alike, the first and the last range of a split reaching on to where their parent does: so
the parts of a range hold all that it holds, whatever ids there are. Here are also the two questions of ``POST /verify``
and ``POST /rows``, read strictly.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from offbook.core import messages
from offbook.core.cells.validation import UUID_TEXT, Json
from offbook.core.errors import Malformed
from offbook.core.protocol.requests import PAGE_MAX
from offbook.core.schema import Schema, Table
from offbook.core.verify.digests import MODULUS, NOTHING_LEFT_OUT

DIGITS = "0123456789abcdef"
DASHES = (8, 13, 18, 23)
ID_CHARACTERS = 36
PARTS = len(DIGITS)

RANGES_MAX = 64
RECORDS_MAX = 64
"""A range of no more records than this is compared record by record."""

VERSIONS = (1, 2)
"""The digests that there are. 1 is what whoever names none is answered."""

WITHOUT_MAX = 1_000
"""Far more names than two sides of one app differ by."""

NAME_LEFT_OUT = re.compile(r"[a-z][a-z0-9_]{0,47}(\.[a-z][a-z0-9_]{0,47})?")

BOUND = re.compile(f"[0-9a-f-]{{0,{ID_CHARACTERS}}}")


class Range(NamedTuple):
    """Ids from ``start`` up to but without ``end``; None is the end of all. ``stem`` is how its UUIDs begin."""

    start: str
    end: str | None
    stem: str = ""

    def __contains__(self, record_id: object) -> bool:
        return isinstance(record_id, str) and self.start <= record_id and (self.end is None or record_id < self.end)


WHOLE = Range("", None)


@dataclass(frozen=True, slots=True)
class Sum:
    """What a range holds: how many records, and the sum of their digests."""

    count: int
    digest: int


def sum_of(digests: Collection[int]) -> Sum:
    """The sum of what has these digests."""
    return Sum(len(digests), sum(digests) % MODULUS)


@dataclass(frozen=True, slots=True)
class Compare:
    """A parsed ``POST /verify``. ``records`` asks for each record's digest where a range holds but few.

    ``version`` is that of the digests, and ``without`` names what of the table does not count in them.
    """

    table: Table
    ranges: Sequence[Range]
    records: bool
    version: int = 1
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fetch:
    """A parsed ``POST /rows``."""

    table: Table
    ids: Sequence[str]


def split(whole: Range) -> list[Range]:
    """The sixteen parts of a range, in order; none where its ids can differ no further."""
    if len(whole.stem) == ID_CHARACTERS:
        return []
    stem = whole.stem + ("-" if len(whole.stem) in DASHES else "")
    bounds = [whole.start, *(stem + digit for digit in DIGITS[1:]), whole.end]
    return [Range(start or "", end, stem + digit) for (start, end), digit in zip(pairwise(bounds), DIGITS, strict=True)]


# --- questions -----------------------------------------------------------------------------------------------------


def parse_compare(schema: Schema, shown: Schema, envelope: Json) -> Compare:
    """Read the body of ``POST /verify``. Raises Malformed.

    Digest 2 is of any table of the ``schema``. Where none is named, it is digest 1 of one that is ``shown``.
    """
    version, without = _digest(envelope)
    table = _checked(shown if version == 1 else schema, envelope, "ranges", "records", "digest", "without")
    ranges, records = envelope.get("ranges"), envelope.get("records", False)
    if not isinstance(ranges, list) or not 0 < len(ranges) <= RANGES_MAX or type(records) is not bool:
        raise Malformed.of(messages.BAD_RANGES, limit=RANGES_MAX)
    parsed = [_range(item) for item in ranges]
    if any(range_.end is None or later.start < range_.end for range_, later in pairwise(parsed)):
        raise Malformed.of(messages.RANGES_OUT_OF_ORDER)
    return Compare(table, parsed, records, version, without)


def _digest(envelope: Json) -> tuple[int, frozenset[str]]:
    """Which digest a question wants, and what is left out of it: names that only the other side may know."""
    if not isinstance(envelope, dict):
        return 1, NOTHING_LEFT_OUT
    version, without = envelope.get("digest", 1), envelope.get("without", [])
    if type(version) is not int or version not in VERSIONS:
        raise Malformed.of(messages.BAD_DIGEST)
    if not isinstance(without, list) or len(without) > WITHOUT_MAX:
        raise Malformed.of(messages.BAD_WITHOUT, limit=WITHOUT_MAX)
    if not all(isinstance(name, str) and NAME_LEFT_OUT.fullmatch(name) for name in without):
        raise Malformed.of(messages.BAD_WITHOUT, limit=WITHOUT_MAX)
    if version == 1 and "without" in envelope:
        raise Malformed.of(messages.WITHOUT_OF_FIRST)
    return version, frozenset(without)


def _range(item: Json) -> Range:
    match item:
        case [str(start), str(end)] if _is_bound(start) and _is_bound(end) and start < end:
            return Range(start, end)
        case [str(start), None] if _is_bound(start):
            return Range(start, None)
    raise Malformed.of(messages.BAD_RANGE)


def _is_bound(text: str) -> bool:
    return BOUND.fullmatch(text) is not None


def parse_fetch(schema: Schema, envelope: Json) -> Fetch:
    """Read the body of ``POST /rows``. Raises Malformed."""
    table, ids = _checked(schema, envelope, "ids"), envelope.get("ids")
    if not isinstance(ids, list) or not 0 < len(ids) <= PAGE_MAX:
        raise Malformed.of(messages.BAD_IDS, limit=PAGE_MAX)
    if not all(isinstance(record_id, str) and UUID_TEXT.fullmatch(record_id) for record_id in ids):
        raise Malformed.of(messages.BAD_ID_OF_IDS)
    return Fetch(table, [record_id.lower() for record_id in ids])


def _checked(schema: Schema, envelope: Json, *keys: str) -> Table:
    """The table that a question is about, which must know no other keys."""
    if not isinstance(envelope, dict):
        raise Malformed.of(messages.QUESTION_NOT_AN_OBJECT, key=keys[0])
    if unknown := envelope.keys() - {"table", *keys}:
        raise Malformed.of(messages.UNKNOWN_KEY, key=min(unknown)[:80])
    name = envelope.get("table")
    table = schema.get(name) if isinstance(name, str) else None
    if table is None:
        raise Malformed.of(messages.UNKNOWN_TABLE, tables=", ".join(schema))
    return table
