"""What lists in pages have in common: where a page begins, and how many records one page holds."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, bindparam, or_, select

from models import Book
from offbook.core.errors import Malformed
from offbook.core.protocol.requests import INTEGER_MAX
from offbook.core.search import Term, search_terms
from storage import messages
from storage.repositories.phone_numbers import spellings

ESCAPE = "/"


def find_terms(connection: Connection, book_id: int, search: str) -> list[Term]:
    """What is looked for in a book: numbers by the plan of its region, which is read only for these."""
    region = select(Book.region).where(Book.id == book_id)
    return search_terms(search, lambda key: spellings(key, connection.scalar(region)))


Shape = tuple[tuple[int, ...], ...]
"""Of each term of a search how many parts its alternatives have: what its SQL depends on."""


def shape_of(terms: Iterable[Term]) -> Shape:
    """The shape of a search."""
    return tuple(tuple(map(len, term)) for term in terms)


def search_conditions(column: ColumnElement[str | None], name: str, shape: Shape) -> list[ColumnElement[bool]]:
    """That a text fulfils each term of a search of this shape, whose parts are parameters: search_patterns() of this
    name."""
    return [
        or_(
            *(
                and_(*(column.like(bindparam(f"{name}_{i}_{j}_{k}"), escape=ESCAPE) for k in range(count)))
                for j, count in enumerate(counts)
            )
        )
        for i, counts in enumerate(shape)
    ]


def search_patterns(name: str, terms: Iterable[Term], before: str = "") -> dict[str, str]:
    """The parameters of search_conditions(). ``before`` stands before each part."""
    return {
        f"{name}_{i}_{j}_{k}": f"%{escaped_pattern(before + part)}%"
        for i, term in enumerate(terms)
        for j, parts in enumerate(term)
        for k, part in enumerate(parts)
    }


def escaped_pattern(text: str) -> str:
    """A text as LIKE looks for it, as it stands."""
    return text.replace(ESCAPE, ESCAPE * 2).replace("%", f"{ESCAPE}%").replace("_", f"{ESCAPE}_")


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
        raise Malformed.of(messages.BAD_PLACE)
    return tuple(parts)


def _is_storable(part: bool | int | str) -> bool:
    """Whether every database takes it as a parameter."""
    return "\0" not in part if isinstance(part, str) else part <= INTEGER_MAX
