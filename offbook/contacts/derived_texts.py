"""What a contact is sorted by, and the text of its names: made of its cells, folded, and never shown.

Compared code point by code point, so that every engine and every machine has one order, whatever its locale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from offbook.core.model import Cells
from offbook.core.text import normalize_for_search

KEY_LENGTH = 100
PART_SEPARATOR = "\x01"
"""Comes before every letter: Ann Zed before Anna Ames."""

BY_FIRST_NAME = ("given_name", "middle_name", "family_name", "suffix")
BY_LAST_NAME = ("family_name", "given_name", "middle_name", "suffix")

NAMES = (
    *("name", "given_name", "middle_name", "family_name", "nickname", "file_as"),
    *("phonetic_given", "phonetic_middle", "phonetic_family"),
)


def first_name_key(cells: Cells) -> str:
    """Sorts by first name: by ``file_as`` where there is one, by ``name`` where there is no first name."""
    return _sort_key(cells, BY_FIRST_NAME)


def last_name_key(cells: Cells) -> str:
    """Sorts by last name: by ``file_as`` where there is one, by ``name`` where there is no last name."""
    return _sort_key(cells, BY_LAST_NAME)


def _sort_key(cells: Cells, parts: tuple[str, ...]) -> str:
    if cells.get("file_as") or not cells.get(parts[0]):
        return _words(cells.get("file_as") or cells.get("name"))[:KEY_LENGTH]
    return PART_SEPARATOR.join([words for part in parts if (words := _words(cells.get(part)))])[:KEY_LENGTH]


def names_text(cells: Cells) -> str:
    """The words of the name that is shown, in their order, then what other names add; a space before each."""
    words = _words(cells.get("name")).split()
    others = dict.fromkeys(" ".join([_words(cells.get(name)) for name in NAMES[1:]]).split())
    return "".join([f" {word}" for word in (*words, *(word for word in others if word not in words))])


def _words(value: object) -> str:
    return " ".join(normalize_for_search(str(value or "")).split())


DERIVED_TEXTS: Mapping[str, Mapping[str, Callable[[Cells], str]]] = MappingProxyType(
    {"contacts": {"search_name": names_text, "sort_first": first_name_key, "sort_last": last_name_key}}
)
"""By table, the columns that the database has beside the declared ones, and how each is made of a record's cells."""
