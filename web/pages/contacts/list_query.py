"""The list that a request asks for: searched, narrowed, sorted, from a position on; and what its templates show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from offbook.contacts.alphabet import headings_on
from offbook.contacts.table import LABEL_LIMIT
from offbook.core.text import fold_key
from storage.values.contacts import BY_NAME, SORTS, LabelCount
from web.current import services
from web.fragments import requested_fragment
from web.pages.frame import labels_and_texts
from web.presenters.search_matches import line_matches
from web.request_values import query
from web.sessions import signed_in_user

SORT_WORDS = dict(zip(SORTS, ("Name", "First name", "Last name", "Last change"), strict=True))
"""What a list is sorted by, as people choose it."""

COLUMNS = ("email", "phone", "company")
"""What the list shows beside names, where somebody in it has that."""

LINES = 80
"""So many lines has a page of the list, without scripts."""
LINES_MAX = 200
SEARCH_MAX = 200


def search_text() -> str:
    """What the list is searched for; empty where it is whole."""
    return query.text("q", "").strip()[:SEARCH_MAX]


def label_name() -> str:
    """The label that the contacts of the list have; empty where it has all."""
    return query.text("label", "").strip()[:LABEL_LIMIT]


def is_starred_only() -> bool:
    """Whether the list has the starred ones alone."""
    return query.text("starred", "") == "1"


def sort_name() -> str:
    """What the list is sorted by."""
    sort = query.text("sort", BY_NAME)
    return sort if sort in SORTS else BY_NAME


def list_query() -> dict[str, str]:
    """What makes a list this one, in its address."""
    sort = sort_name()
    values = {
        "q": search_text(),
        "label": label_name(),
        "starred": "1" if is_starred_only() else "",
        "sort": "" if sort == BY_NAME else sort,
    }
    return {name: text for name, text in values.items() if text}


def list_address() -> dict[str, str]:
    """What every address of the list carries, so that it stays as it is beside whatever is opened.

    Where it is, too; a script knows that by itself.
    """
    start = 0 if requested_fragment() else query.number("at", 0)
    return {**list_query(), "at": str(start)} if start else list_query()


def list_values(label_texts: Iterable[str] | None = None) -> dict[str, Any]:
    """What the template of the list shows: from a position on, or around a contact, as a script asks for it.

    ``label_texts`` are what contacts have as labels, where that was read already.
    """
    start, lines = query.number("at", 0), query.number("lines", LINES, least=1)
    page = services().contacts.page(
        signed_in_user().book_id,
        search_text(),
        start,
        min(lines, LINES_MAX),
        sort_name(),
        label_name() or None,
        label_texts,
        query.uuid("around", None),
        starred_only=is_starred_only(),
    )
    read = partial(services().contacts.texts, signed_in_user().book_id)
    return {
        "page": page,
        "matches": line_matches(page.rows, page.terms, read) if page.terms else {},
        "headings": headings_on(page.sections, page.start, len(page.rows)),
        "columns": [name for name in COLUMNS if any(getattr(row, name) for row in page.rows)],
        "lines": LINES,
        "q": search_text(),
        "label": label_name(),
        "starred": is_starred_only(),
        "within": list_address(),
        "list_query": list_query(),
    }


def labels_of_book() -> Sequence[LabelCount]:
    """The labels of whoever is signed in."""
    return labels_and_texts()[0]


def whole_values() -> dict[str, Any]:
    """What the page shows beside its pane: the list, and what it is narrowed and sorted by."""
    labels, texts = labels_and_texts()
    return {**tool_values(labels), **list_values(texts)}


def tool_values(labels: Sequence[LabelCount]) -> dict[str, Any]:
    """What the list is narrowed and sorted by, and what it might be."""
    return {
        "labels": labels,
        "label": label_name(),
        "label_key": fold_key(label_name()),
        "sort": sort_name(),
        "sorts": SORT_WORDS,
        "list_query": list_query(),
    }
