"""What a contact is sorted by, and the text of its names: made of its cells, folded, and never shown.

Compared code point by code point, so that every engine and every machine has one order, whatever its locale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

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
OTHER_NAMES = NAMES[1:]
SOURCES = (*NAMES, "suffix")
"""The cells that all of this is made of."""

Words = Mapping[str, str]
"""Of those of SOURCES that hold something, by their names: folded, one space between two words."""


def first_name_key(cells: Cells) -> str:
    """Sorts by first name: by ``file_as`` where there is one, by ``name`` where there is no first name."""
    return _sort_key(_words(cells), BY_FIRST_NAME)


def last_name_key(cells: Cells) -> str:
    """Sorts by last name: by ``file_as`` where there is one, by ``name`` where there is no last name."""
    return _sort_key(_words(cells), BY_LAST_NAME)


def names_text(cells: Cells) -> str:
    """The words of the name that is shown, in their order, then what other names add; a space before each."""
    return _names_text(_words(cells))


def name_texts(cells: Cells) -> tuple[str, str, str]:
    """All three: names_text(), first_name_key() and last_name_key()."""
    words = _words(cells)
    return _names_text(words), _sort_key(words, BY_FIRST_NAME), _sort_key(words, BY_LAST_NAME)


def _words(cells: Cells) -> Words:
    return {name: " ".join(normalize_for_search(str(value)).split()) for name in SOURCES if (value := cells.get(name))}


def _sort_key(words: Words, parts: tuple[str, ...]) -> str:
    if "file_as" in words or parts[0] not in words:
        return words.get("file_as", words.get("name", ""))[:KEY_LENGTH]
    return PART_SEPARATOR.join([words[part] for part in parts if words.get(part)])[:KEY_LENGTH]


def _names_text(words: Words) -> str:
    shown = words.get("name", "").split()
    others = dict.fromkeys(" ".join([words[name] for name in OTHER_NAMES if name in words]).split())
    return " ".join(["", *shown, *[word for word in others if word not in shown]])


class DerivedTexts(NamedTuple):
    """Columns that the database has beside a table's declared ones, and how their texts are made of a record."""

    columns: tuple[str, ...]
    make: Callable[[Cells], tuple[str, ...]]


DERIVED_TEXTS: Mapping[str, DerivedTexts] = MappingProxyType(
    {"contacts": DerivedTexts(("search_name", "sort_first", "sort_last"), name_texts)}
)
"""By table; others have none."""
