"""Lists of contacts, as values: their lines, how they are sorted, and labels with their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from offbook.contacts.alphabet import Section
from offbook.core.search import Term

BY_NAME = "name"
"""How a list of contacts is sorted where nothing else is asked for."""

SORTS = (BY_NAME, "first", "last", "changed")


@dataclass(frozen=True, slots=True)
class ContactRow:
    """A line of the list."""

    id: str
    name: str
    email: str | None
    phone: str | None
    company: str | None
    starred: bool
    seq: int
    photo: str | None = None
    """The hash of its photo."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """Some lines of a list in order, from the position ``start`` on: positions begin at 0, and ``total`` ends them.

    ``sections`` are the headings of the whole list; none where what is sorted by has no letters. ``terms`` are what a
    search looked for.
    """

    rows: list[ContactRow]
    start: int
    total: int
    sections: Sequence[Section] = ()
    terms: Sequence[Term] = ()


@dataclass(frozen=True, slots=True)
class ContactPage:
    """Some lines in order. ``next`` is where the following ones begin, None where there are none.

    ``total`` counts the whole list.
    """

    rows: list[ContactRow]
    next: str | None
    total: int


class LabelCount(NamedTuple):
    """A label, and how many contacts have it that are not deleted."""

    id: str
    name: str
    contacts: int
