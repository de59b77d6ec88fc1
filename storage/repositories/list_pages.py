"""What lists in pages have in common: where a page begins, and how many records one page holds."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, or_, select

from models import Book
from offbook.core.errors import Malformed
from offbook.core.protocol.requests import INTEGER_MAX
from offbook.core.search import Term, search_terms
from storage.repositories.phone_numbers import spellings


def find_terms(connection: Connection, book_id: int, search: str) -> list[Term]:
    """What is looked for in a book: numbers by the plan of its region, which is read only for these."""
    region = select(Book.region).where(Book.id == book_id)
    return search_terms(search, lambda key: spellings(key, connection.scalar(region)))


def search_condition(column: ColumnElement[str | None], term: Term) -> ColumnElement[bool]:
    """That a text which searched_text() made fulfils a term of a search."""
    return or_(*(and_(*(column.contains(part, autoescape=True) for part in parts)) for parts in term))


def records_in_page(entry_counts: Iterable[int], most: int) -> int:
    """How many of these records have ``most`` entries at the most between them: one at least."""
    return max(bisect_right(list(accumulate(entry_counts)), most), 1)


def place_text(parts: tuple[Any, ...]) -> str:
    """Where a page begins, as its ``next`` has it."""
    return json.dumps(parts, separators=(",", ":"))


def parse_place(after: str, types: tuple[type, ...]) -> tuple[Any, ...]:
    """What place_text() wrote, of these types. Raises Malformed for what no page gave."""
    try:
        parts = orjson.loads(after)  # strict where json is not: it lets no lone surrogate through
    except ValueError:
        parts = None
    is_place = isinstance(parts, list) and tuple(map(type, parts)) == types
    if not (is_place and all(map(_is_storable, parts))):
        raise Malformed("bad_place", "This place in the list is not one that a page gave: start from the top.")
    return tuple(parts)


def _is_storable(part: bool | int | str) -> bool:
    """Whether every database takes it as a parameter."""
    return "\0" not in part if isinstance(part, str) else part <= INTEGER_MAX
