"""Lists of contacts, as values: their lines, how they are sorted, and labels with their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

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
class ContactPage:
    """Some lines in order. ``next`` is where the following ones begin, None where there are none.

    ``total`` counts the whole list; of a search's later pages, only what is left of it.
    """

    rows: list[ContactRow]
    next: str | None
    total: int


class LabelCount(NamedTuple):
    """A label, and how many contacts have it that are not deleted."""

    id: str
    name: str
    contacts: int
