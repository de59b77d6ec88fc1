"""Searches of the list of contacts: one statement finds, ranks and counts them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, bindparam, case, func, or_, select, true

from offbook.core.search import Term, narrowed
from offbook.core.text import normalize_for_search
from storage.contact_lists.orders import COLUMNS, CONTACTS, ORDERS, C, scanned_in
from storage.repositories.list_pages import (
    ESCAPE,
    Shape,
    escaped_pattern,
    parse_place,
    search_conditions,
    search_patterns,
    shape_of,
)

BOOK = bindparam("book", type_=C.book_id.type)


def search_statement(
    sort: str, terms: Sequence[Term], after: str | None = None, filters: Iterable[ColumnElement[bool]] = ()
) -> Select[Any]:
    """The contacts that fulfil the terms of a search, of its shape alone: search_values() are its parameters.

    ``total`` is how many there are, behind ``after`` where there is one.
    """
    statement_of = partial(_search, after, tuple(filters)) if after or filters else _whole_search
    return statement_of(sort, shape_of(narrowed(terms)), shape_of(terms))


def search_values(book_id: int, search: str, terms: Sequence[Term], start: int, limit: int) -> dict[str, str | int]:
    """The parameters of search_statement(): from the position ``start`` on, so many at the most."""
    begin = " " + " ".join(normalize_for_search(search).split())
    return {
        "book": book_id,
        "start": start,
        "limit": limit,
        "begin": f"{escaped_pattern(begin)}%",
        **search_patterns("part", narrowed(terms)),
        **search_patterns("begin", terms, before=" "),
        **search_patterns("name", terms),
    }


def _search(
    after: str | None, filters: Iterable[ColumnElement[bool]], sort: str, scanned: Shape, ranked_by: Shape
) -> Select[Any]:
    """One scan, which carries only what it sorts by: what is shown is read of the lines of the page alone.

    The rank is the last part of a place.
    """
    order, rank = ORDERS[sort], _rank(ranked_by)
    scan = select(C.id, C.starred, order.key.label("sorted_by"), rank.label("rank"), func.count().over().label("total"))
    scan = scan.where(*scanned_in(BOOK), *search_conditions(C.search, "part", scanned), *filters)
    if after:
        *place, last_rank = parse_place(after, (*order.types, int))
        scan = scan.where(or_(rank > last_rank, and_(rank == last_rank, order.is_beyond(tuple(place)))))
    matches = scan.subquery()
    start, limit = bindparam("start", type_=Integer), bindparam("limit", type_=Integer)
    in_order = select(matches).order_by(matches.c.rank, *order.sorting(matches.c))
    ranked = in_order.offset(start).limit(limit).subquery()
    lines = select(*COLUMNS, ranked.c.sorted_by, ranked.c.rank, ranked.c.total).select_from(ranked)
    lines = lines.join(CONTACTS, and_(C.book_id == BOOK, C.id == ranked.c.id))
    return lines.order_by(ranked.c.rank, *order.sorting(ranked.c))


_whole_search = lru_cache(maxsize=64)(partial(_search, None, ()))
"""The statement is as long to make as a thousand contacts are to look through."""


def _rank(shape: Shape) -> ColumnElement[int]:
    """0 where the name begins as the search does, 1 where each word begins a word of a name, 2 where it is in one."""
    names = func.coalesce(C.search_name, " " + C.sort_name)
    begins_so = names.like(bindparam("begin"), escape=ESCAPE)
    begin_words = and_(true(), *search_conditions(names, "begin", shape))
    in_names = and_(true(), *search_conditions(names, "name", shape))
    return case((begins_so, 0), (begin_words, 1), (in_names, 2), else_=3)
