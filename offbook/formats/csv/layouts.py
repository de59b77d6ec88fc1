"""The files of known programs: what tells them from others, and what each of their columns is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from offbook.formats.csv.dialect import fold_heading
from offbook.formats.csv.outlook import OUTLOOK
from offbook.formats.csv.outlook_languages import DE, ES, FR

THUNDERBIRD = {
    "First Name": "given_name",
    "Last Name": "family_name",
    "Display Name": "name",
    "Nickname": "nickname",
    "Primary Email": "details.email",
    "Secondary Email": "details.email",
    "Screen Name": "details.im",
    "Work Phone": "details.phone:Work",
    "Home Phone": "details.phone:Home",
    "Fax Number": "details.phone:Fax",
    "Pager Number": "details.phone:Pager",
    "Mobile Number": "details.phone:Mobile",
    **{
        f"{place} {part}": f"details.address.{attribute}:{place}"
        for place in ("Home", "Work")
        for part, attribute in {
            "Address": "street",
            "Address 2": "street",
            "City": "city",
            "State": "region",
            "ZipCode": "postcode",
            "Country": "country",
        }.items()
    },
    "Job Title": "title",
    "Department": "department",
    "Organization": "company",
    "Web Page 1": "details.url:Work",
    "Web Page 2": "details.url:Home",
    "Birth Year": "birthday.year",
    "Birth Month": "birthday.month",
    "Birth Day": "birthday.day",
    **{f"Custom {number}": f"details.custom:Custom {number}" for number in range(1, 5)},
    "Notes": "notes",
}
"""Thunderbird calls the web page of work its first."""


class Layout(NamedTuple):
    """What a program's columns are, by their folded headings, and which of them only it has. ``is_day_first`` says how
    it writes 3/4/1980."""

    name: str
    cells: Mapping[str, str]
    marks: frozenset[str]
    is_day_first: bool

    def understood(self, columns: Iterable[str]) -> int:
        """How many of these columns it knows."""
        return sum(fold_heading(column) in self.cells for column in columns)


def _folded(cells: Mapping[str, str]) -> dict[str, str]:
    return {fold_heading(heading): cell for heading, cell in cells.items()}


def _marks(*headings: str) -> frozenset[str]:
    return frozenset(map(fold_heading, headings))


def _translated(language: Mapping[str, str], *english: str) -> Layout:
    """Outlook's in another language; some headings stay English in it. ``english`` are those that tell it apart."""
    cells = {heading: OUTLOOK[name] for heading, name in language.items()}
    marks = (heading for heading, name in language.items() if name in english)
    return Layout("outlook", _folded(OUTLOOK) | _folded(cells), _marks(*marks), is_day_first=True)


TELLING = ("E-mail Address", "E-mail 2 Address", "Business Phone", "Business Street", "Home Street", "Home Phone")

LAYOUTS = (
    Layout("thunderbird", _folded(THUNDERBIRD), _marks("Primary Email", "Secondary Email"), is_day_first=False),
    Layout("outlook", _folded(OUTLOOK), _marks(*TELLING), is_day_first=False),
    *(_translated(language, *TELLING) for language in (DE, FR, ES)),
)


def recognize_layout(columns: Sequence[str]) -> Layout | None:
    """The program that wrote a file of these columns, if it is known: it has one of its own, and knows most of them."""
    folded = set(map(fold_heading, columns))
    fitting = [layout for layout in LAYOUTS if layout.marks & folded and 2 * layout.understood(columns) > len(columns)]
    return max(fitting, key=lambda layout: layout.understood(columns), default=None)
