"""The first characters of the sort keys of a book's contacts, counted.

To group 25,000 keys by their first characters takes four times as long as to count them. So one step of the index
leads from each character to the next, and the keys of each are counted as a range.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Connection, Select, String, bindparam, func, literal, select

from models import Base
from offbook.contacts.derived_texts import KEY_LENGTH

CONTACTS = Base.metadata.tables["contacts"]
C = CONTACTS.c
LAST_OF_LETTER = "\U0010ffff" * (KEY_LENGTH - 1)
"""Behind a first character: no key that begins with it comes later."""


def letter_counts(
    connection: Connection, key: ColumnElement[str], book_id: int, filters: Iterable[ColumnElement[bool]] = ()
) -> list[tuple[str, int]]:
    """The first characters of the keys of contacts without a star, each with its number of contacts."""
    if conditions := tuple(filters):
        return [(letter, count) for letter, count in connection.execute(_grouped(key, book_id, conditions))]
    values = {"book": book_id, "last": LAST_OF_LETTER}
    return [(letter, count) for letter, count in connection.execute(_by_steps(key), values)]


def _grouped(key: ColumnElement[str], book_id: int, filters: Iterable[ColumnElement[bool]]) -> Select[Any]:
    letter = func.substr(key, 1, 1).label("letter")
    conditions = (C.book_id == book_id, C.deleted.is_(False), C.starred.is_(False), *filters)
    return select(letter, func.count()).where(*conditions).group_by(letter)


@lru_cache(maxsize=8)
def _by_steps(key: ColumnElement[str]) -> CompoundSelect[Any]:
    """The same of a whole book. An empty key has no first character, and is a step of its own."""
    book, last = bindparam("book", type_=C.book_id.type), bindparam("last", type_=String())
    keys = (C.book_id == book, C.deleted.is_(False), C.starred.is_(False))
    next_key = select(func.substr(key, 1, 1)).where(*keys).order_by(key).limit(1)
    letters = select(next_key.where(key > "").scalar_subquery().label("letter")).cte("letters", recursive=True)
    following = next_key.where(key > letters.c.letter + last).scalar_subquery()
    letters = letters.union(select(following).where(letters.c.letter.is_not(None)))
    of_letter = (key >= letters.c.letter, key <= letters.c.letter + last)
    count = select(func.count()).select_from(CONTACTS).where(*keys, *of_letter).scalar_subquery()
    empty = select(literal("").label("letter"), func.count()).select_from(CONTACTS).where(*keys, key == "")
    stepped = select(letters.c.letter, count).where(letters.c.letter.is_not(None))
    return stepped.union_all(empty)
