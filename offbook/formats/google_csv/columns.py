"""Which cell of Google's CSV is what in offbook, as tables; and the look-ups that follow them, both ways.

``E-mail 1``, ``Phone 1`` and ``Website 1`` are a contact's own fields; everything else that is numbered is a detail. A
column that offbook has no field for is a custom detail named like the column, so that no cell is lost.

Ids of imported contacts are made from what these tables yield: whoever changes what an old file is read as, lets it
come in once more for everybody who imported it before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from offbook.contacts.table import SYSTEM_GROUPS
from offbook.core.text import fold_key
from offbook.formats.csv.dialect import fold_heading

Entry = Mapping[str, Any]

FIELDS = {
    "First Name": "given_name",
    "Middle Name": "middle_name",
    "Last Name": "family_name",
    "Name Prefix": "prefix",
    "Name Suffix": "suffix",
    "Nickname": "nickname",
    "File As": "file_as",
    "Organization Name": "company",
    "Organization Title": "title",
    "Organization Department": "department",
    "Birthday": "birthday",
    "Notes": "notes",
}
PHONETIC = {
    "Phonetic First Name": "phonetic_given",
    "Phonetic Middle Name": "phonetic_middle",
    "Phonetic Last Name": "phonetic_family",
}
NAME_PARTS = ("prefix", "given_name", "middle_name", "family_name", "suffix")

OWN_NAME, OWN_ID = "Offbook Name", "Offbook ID"
"""What Google's columns can't say. OWN_NAME is WHOLE where First Name holds all of a name that has no parts."""
WHOLE = "whole"

SPECIAL = {"Labels": "labels", "Name": "name", OWN_NAME: "own_name", OWN_ID: "id"}
OLDER = {
    "Given Name": "First Name",
    "Additional Name": "Middle Name",
    "Family Name": "Last Name",
    "Group Membership": "Labels",
    "Organization 1 - Name": "Organization Name",
    "Organization 1 - Title": "Organization Title",
    "Organization 1 - Department": "Organization Department",
}
"""Columns as Google wrote them until 2024, and what it calls them now."""

KINDS = {
    "E-mail": "email",
    "Phone": "phone",
    "Address": "address",
    "Relation": "relation",
    "Website": "url",
    "Event": "date",
    "Custom Field": "custom",
    "Group": "group",  # ours: a group that has more than its name
}
GROUPS = {kind: group for group, kind in KINDS.items()}
FIRST_KINDS = KINDS | {"Relation": "custom"}
PLAIN = {
    "E-mail": {"email": "value", "email_label": "label"},
    "Phone": {"phone": "value", "phone_label": "label"},
    "Website": {"website": "value", "website_label": "label"},
}
PARTS = {
    "Type": "label",  # until 2024
    "Label": "label",
    "Formatted": "value",
    "Value": "value",
    "Street": "street",
    "City": "city",
    "Region": "region",
    "Postal Code": "postcode",
    "Country": "country",
    "PO Box": "po_box",
    "Extended Address": "extended",
}
PART_OF = {attribute: part for part, attribute in PARTS.items()}
NUMBERED = re.compile(rf"({'|'.join(KINDS)}) ([1-9][0-9]{{0,3}}) - ({'|'.join(PARTS)})")

FOLDED_HEADERS = {fold_heading(name): name for name in (*FIELDS, *PHONETIC, *SPECIAL, *OLDER)}
FOLDED_WORDS = {fold_heading(word): word for word in (*KINDS, *PARTS)}
FOLDED_NUMBERED = re.compile(NUMBERED.pattern.casefold())

PHOTO = "Photo"
"""Google's column that offbook has no field for, the address of a picture: a custom detail, which goes back to it."""

FIRST_CUSTOM = re.compile(r"Photo|Phonetic (First|Middle|Last) Name|Address [1-9][0-9]? - (PO Box|Extended Address)")
"""Columns that custom details were named like, and went back to, when offbook had no field for them."""

LEARNT = frozenset({*PHONETIC.values(), "po_box", "extended"})
"""What was read as a custom detail before offbook had a place for it, and is in the ids of contacts as that."""

RELATIONS = frozenset(
    {"assistant", "brother", "child", "domestic partner", "father", "friend", "manager", "mother", "parent", "partner"}
    | {"reference", "relative", "sister", "spouse"}
)
STARRED = "* starred"
MY_CONTACTS = "* myContacts"

FIXED = (*list(FIELDS)[:3], *PHONETIC, *list(FIELDS)[3:], PHOTO, "Labels")
ADDRESS = ("Label", "Formatted", "Street", "City", "PO Box", "Region", "Postal Code", "Country", "Extended Address")


class CsvColumn(NamedTuple):
    """What a column's cells are: a field, an attribute of a numbered entry, or else a custom detail of their own.
    ``is_exact`` is false where that was not known before, by the case of its heading."""

    header: str
    group: str = ""
    number: int = 0
    attribute: str = ""
    is_exact: bool = True


@lru_cache(maxsize=4096)
def parse_header(header: str) -> CsvColumn:
    """What the column of this name is, in a file of today or of before 2024."""
    name = OLDER.get(header, header)
    if attribute := FIELDS.get(name) or PHONETIC.get(name) or SPECIAL.get(name):
        return CsvColumn(header, attribute=attribute)
    if match := NUMBERED.fullmatch(name):
        group, number, attribute = match[1], int(match[2]), PARTS[match[3]]
        is_fit = group == "Address" if attribute in LEARNT else number > 1 or group not in PLAIN
        if is_fit or attribute in ("label", "value"):
            return CsvColumn(header, group, number, attribute)
    return CsvColumn(header)


def parse_headers(headers: Iterable[str]) -> list[CsvColumn]:
    """What the columns of a header are, in any case and with any gaps. They keep their headings where Google's own are
    among them, since these are in the ids of contacts."""
    exact = list(map(parse_header, headers))
    if not is_google(exact):
        return [parse_header(canonical_header(column.header)) for column in exact]
    return [
        column if column.attribute or not today.attribute else today._replace(header=column.header, is_exact=False)
        for column in exact
        for today in [parse_header(canonical_header(column.header))]
    ]


@lru_cache(maxsize=4096)
def canonical_header(header: str) -> str:
    """A heading as Google writes it, where it is one of its own in another case or with other gaps; else as it is."""
    folded = fold_heading(header)
    if match := FOLDED_NUMBERED.fullmatch(folded):
        return f"{FOLDED_WORDS[match[1]]} {match[2]} - {FOLDED_WORDS[match[3]]}"
    return FOLDED_HEADERS.get(folded, header)


def as_at_first(column: CsvColumn) -> CsvColumn:
    """What the column was before offbook had a place for some of them, and knew them in any case."""
    return CsvColumn(column.header) if column.attribute in LEARNT or not column.is_exact else column


def is_read_otherwise(fields: Mapping[str, str], entries: Iterable[Entry]) -> bool:
    """Whether a row with these was read as something else then, or its details stood in another order."""
    if fields.keys() & LEARNT:
        return True
    return any(entry["kind"] in ("custom", "relation") or entry.keys() & LEARNT for entry in entries)


def is_google(columns: list[CsvColumn]) -> bool:
    """Whether they are Google's. Outlook's files begin with a First Name too, but most of their columns are others."""
    recognized = [column_ for column_ in columns if column_.attribute]
    return is_surely_google(columns) or bool(recognized) and 2 * len(recognized) >= len(columns)


def is_surely_google(columns: Iterable[CsvColumn]) -> bool:
    """Whether one of them is a column that no other program's files have."""
    return any(column_.attribute and (column_.group or column_.attribute == "labels") for column_ in columns)


def is_system_group(label: str) -> bool:
    """Whether a label of a row is one of Google's own: it says that this is a contact, or that it has a star."""
    return fold_key(label) in SYSTEM_GROUPS


def choose_column(entry: Entry) -> str:
    """The column, or group of numbered columns, that a detail is written to. Details of a kind stand in this order."""
    kind: str = entry["kind"]
    if kind not in ("group", "custom"):
        return GROUPS[kind]
    label: str = entry.get("label", "")
    filled = entry.keys() - {"kind", "position"}
    if kind == "group":
        return "Labels" if filled == {"value"} and entry["value"] != STARRED else "Group"
    return PHOTO if filled == {"label", "value"} and label == PHOTO else "Custom Field"


def first_column(entry: Entry) -> str:
    """The same as it was at first: in the ids of contacts, details are in that order."""
    label: str = entry.get("label", "")
    if entry["kind"] != "custom":
        return choose_column(entry)
    if entry.keys() - {"kind", "position"} == {"label", "value"} and FIRST_CUSTOM.fullmatch(label):
        return label
    return "Relation" if label.lower() in RELATIONS else "Custom Field"


def build_header(rows: list[dict[str, str]]) -> list[str]:
    """Google's columns in Google's order, as many numbered ones as are needed, then whatever else the rows have."""
    used = dict.fromkeys(header for row in rows for header in row)
    most = dict.fromkeys(KINDS, 0)
    for _, group, number, _, _ in map(parse_header, used):
        if group in most:
            most[group] = max(most[group], number)
    numbered = [
        f"{group} {number} - {part}"
        for group in KINDS
        for number in range(1, most[group] + 1)
        for part in (ADDRESS if group == "Address" else ("Label", "Value"))
    ]
    return list(dict.fromkeys([*FIXED, *numbered, *used]))
