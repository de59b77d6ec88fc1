"""A mapping for a file nobody has told about: from its headings, and where these say nothing, from its first rows.

What a heading means is known by the program that the file is of (layouts.py), else by its words (words.py). A column
that stays unknown is a custom detail under its own name, so that no cell is lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from offbook.core.text import normalize_for_search
from offbook.formats.csv.dates import parse_date, shows_order
from offbook.formats.csv.dialect import fold_heading, name_columns
from offbook.formats.csv.layouts import recognize_layout
from offbook.formats.csv.mapping import ColumnMapping, custom, parse_target
from offbook.formats.csv.words import HEADINGS, KINDS, LABELS, NO_VALUES

NO_HEADING = re.compile(r'[{}\[\]<>@="\\]')
"""What stands in data and in no heading."""

WORD = re.compile(r"[^\W\d_]+[12]?")
NUMBER_BEHIND = re.compile(r"[\s_#(-]*[0-9]{1,2}\)?$")
E_MAIL = re.compile(r"[^@\s]{1,200}@[^@\s]{1,200}\.[^@\s]{1,50}")
WEB = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
PHONE = re.compile(r"\+?[0-9(][0-9 ()/.-]{5,24}")

HEADING_MAX = 80

IDENTIFYING = ("name", "given_name", "family_name", "nickname", "company")
IDENTIFYING_KINDS = ("email", "phone")

CELLS_OF_HEADINGS = {heading: cell for cell, headings in HEADINGS.items() for heading in headings.split(", ")}
KINDS_OF_WORDS = {word: (place, cell) for place, (cell, words) in enumerate(KINDS.items()) for word in words.split()}
LABELS_OF_WORDS = {word: label for label, words in LABELS.items() for word in words.split()}


def propose(header: Sequence[str], first_rows: Sequence[Sequence[str]]) -> ColumnMapping:
    """What the columns of a file are, as far as can be told: those of a program, unless these would call nobody by a
    name, an address or a number."""
    columns = name_columns(header)
    if layout := recognize_layout(columns):
        cells = {column: layout.cells.get(fold_heading(column), custom(column)) for column in columns}
        if identifies(cells):
            return ColumnMapping(cells, layout.is_day_first, layout.name)
    cells = {}
    for place, column in enumerate(columns):
        samples = [row[place].strip() for row in first_rows if place < len(row) and row[place].strip()]
        cells[column] = _fitting(cell_of_heading(column), samples) or cell_of_values(column, samples) or custom(column)
    return ColumnMapping(_together(cells))


def identifies(cells: Mapping[str, str]) -> bool:
    """Whether a mapping has anything to call somebody by."""
    targets = filter(None, map(parse_target, cells.values()))
    return any(target.field in IDENTIFYING or target.kind in IDENTIFYING_KINDS for target in targets)


def is_data(header: Sequence[str]) -> bool:
    """Whether a first row is no header, but says what e-mail address or phone number somebody has."""
    return any(E_MAIL.fullmatch(heading) or PHONE.fullmatch(heading) for heading in header)


@lru_cache(maxsize=4096)
def cell_of_heading(heading: str) -> str:
    """What a heading says by itself; empty where that is nothing."""
    if NO_HEADING.search(heading) or len(heading) > HEADING_MAX:
        return ""
    text = normalize_for_search(fold_heading(heading)).replace("e-mail", "email")
    text = " ".join(text.replace("_", " ").split())
    if cell := CELLS_OF_HEADINGS.get(text) or CELLS_OF_HEADINGS.get(NUMBER_BEHIND.sub("", text)):
        return cell
    words = WORD.findall(text)
    known = [KINDS_OF_WORDS[word] for word in words if word in KINDS_OF_WORDS]
    if not known or NO_VALUES.intersection(words):
        return ""
    _, cell = min(known)
    label = next((LABELS_OF_WORDS[word] for word in words if word in LABELS_OF_WORDS), "")
    if cell == "details.phone:Fax":
        return f"details.phone:{label} Fax" if label else cell
    return f"{cell}:{label}" if label and ":" not in cell else cell


def cell_of_values(column: str, samples: Sequence[str]) -> str:
    """What most of a column's cells look like; empty where that is nothing."""
    for cell, pattern in (("details.email", E_MAIL), ("details.url", WEB), ("details.phone", PHONE)):
        if 2 * sum(bool(pattern.fullmatch(sample)) for sample in samples) > len(samples):
            if any(parse_date(sample, None) or shows_order(sample) is not None for sample in samples):
                return ""
            return cell
    return ""


def _fitting(cell: str, samples: Sequence[str]) -> str:
    """The cell, unless what stands in the column is nothing of the kind."""
    if samples and cell.startswith("details.email") and not any("@" in sample for sample in samples):
        return ""
    if samples and cell.startswith("details.phone") and not any(re.search("[0-9]", sample) for sample in samples):
        return ""
    return cell


def _together(cells: dict[str, str]) -> dict[str, str]:
    """What headings mean beside each other: a name beside a first name is the last name; an address beside its city is
    the street."""
    known = set(cells.values())
    for column, cell in cells.items():
        if cell == "name" and "given_name" in known and not known & {"family_name"}:
            cells[column] = "family_name"
        place, _, label = cell.partition(":")
        suffix = f":{label}" if label else ""
        if place == "details.address" and f"details.address.city{suffix}" in known:
            cells[column] = f"details.address.street{suffix}"
        if cell == custom(column) and fold_heading(column) in ("nom", "nombre"):
            cells[column] = "family_name" if fold_heading(column) == "nom" and "given_name" in known else "name"
            if fold_heading(column) == "nombre" and "family_name" in known:
                cells[column] = "given_name"
    return cells
