"""What a search narrows the list of contacts by, beside its words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, Connection, false, select

from offbook.contacts.search.query import SearchQuery
from offbook.core.text import normalize_for_search
from storage.contact_lists.labels import has_label
from storage.contact_lists.orders import C, scanned_in


def is_by_scan(query: SearchQuery) -> bool:
    """Whether every contact is looked at anyway, so that no index of the list helps."""
    return bool(query.companies or query.fields)


def filters_of(
    connection: Connection, book_id: int, query: SearchQuery, texts: Iterable[str] | None
) -> Iterator[ColumnElement[bool]]:
    """The conditions of a search; ``texts`` are all that contacts have as labels, where the caller has read them."""
    for label in query.labels:
        yield has_label(connection, book_id, label, texts, is_whole=False)
    for company in query.companies:
        yield _has_company(connection, book_id, company)
    for field in query.fields:
        yield C[field].is_not(None)
    if query.starred:
        yield C.starred.is_(True)


def _has_company(connection: Connection, book_id: int, text: str) -> ColumnElement[bool]:
    """That a contact has a company in whose name a word begins so: companies are not folded in the database."""
    wanted = " " + " ".join(normalize_for_search(text).split())
    query = select(C.company).where(*scanned_in(book_id), C.company.is_not(None)).distinct()
    companies = [name for name in connection.scalars(query) if wanted in " " + normalize_for_search(name)]
    return C.company.in_(companies) if companies else false()
