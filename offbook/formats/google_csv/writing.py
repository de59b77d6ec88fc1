"""Contacts as Google's CSV: a contact becomes cells by their columns.

What Google's columns can't tell (an id that is not made of the content; a name that does not follow from the rest) is
told in columns of offbook's own, and only for the contacts that need it.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from offbook.formats.csv.damage import neutralize
from offbook.formats.google_csv.cells import protect
from offbook.formats.google_csv.columns import (
    FIELDS,
    GROUPS,
    KINDS,
    MY_CONTACTS,
    NAME_PARTS,
    OWN_ID,
    OWN_NAME,
    PART_OF,
    PHONETIC,
    PLAIN,
    STARRED,
    WHOLE,
    Entry,
    build_header,
    choose_column,
    is_system_group,
    parse_header,
)
from offbook.formats.google_csv.reading import PREFERRED, SEPARATOR, Contact, contact_of

BARE_COLONS = re.compile(r"(?<!\S)(:::+)(?!\S)")
"""Text that has the separator in it is written with one colon more."""

ROWS_AT_ONCE = 250


def write(contacts: Iterable[Contact], spreadsheet: bool = False) -> str:
    """The contacts as Google's CSV. No text is altered, not even one that looks like a formula; but for a
    ``spreadsheet``, which would execute it: that file is to be looked at, and is not read back as it was. It begins
    with the mark by which a spreadsheet knows UTF-8.
    """
    rows = [_row(contact) for contact in contacts]
    if spreadsheet:
        rows = [{header: neutralize(text) for header, text in row.items()} for row in rows]
    out = io.StringIO(newline="")
    out.write("\ufeff" * spreadsheet)
    writer = csv.DictWriter(out, build_header(rows), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write_in_parts(contacts: Iterable[Contact]) -> Iterator[str]:
    """The same file as write() makes, in parts. The header is of all rows, which are kept packed until it is known."""
    used: dict[str, str] = {}
    chunks: list[bytes] = []
    contacts = iter(contacts)
    while rows := [_row(contact) for contact in islice(contacts, ROWS_AT_ONCE)]:
        for row in rows:
            used |= dict.fromkeys(row, "")
        chunks.append(zlib.compress(json.dumps(rows).encode(), 1))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, build_header([used]), restval="")
    writer.writeheader()
    for chunk in chunks:
        writer.writerows(json.loads(zlib.decompress(chunk)))
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    yield out.getvalue()


def _row(contact: Contact) -> dict[str, str]:
    """The cells that are not empty, completed with what only offbook's columns can say."""
    row = _cells(contact)
    read_back = contact_of((parse_header(header), text) for header, text in row.items())
    if read_back["name"] != contact["name"] or not any(map(str.strip, row.values())):
        named = any(contact.get(part) for part in NAME_PARTS)
        row |= {"Name": contact["name"]} if named else {"First Name": contact["name"], OWN_NAME: WHOLE}
        read_back = contact_of((parse_header(header), text) for header, text in row.items())
    if contact.get("id", read_back["id"]) == read_back["id"]:
        return row
    return _as_google_has_it(row, contact["id"]) or {**row, OWN_ID: contact["id"]}


def _as_google_has_it(row: dict[str, str], record_id: str) -> dict[str, str] | None:
    """The row with Google's own group, which every contact of its files has; None where that is not its id."""
    labels = [row["Labels"]] if "Labels" in row else []
    for parts in ([*labels, MY_CONTACTS], [MY_CONTACTS, *labels]):
        whole = {**row, "Labels": SEPARATOR.join(parts)}
        if contact_of((parse_header(header), cell) for header, cell in whole.items())["id"] == record_id:
            return whole
    return None


def _cells(contact: Contact) -> dict[str, str]:
    row = {header: contact[field] for header, field in (FIELDS | PHONETIC).items() if contact.get(field)}
    for group, fields in PLAIN.items():
        row |= _numbered(group, 1, {attribute: contact.get(field) for field, attribute in fields.items()})
    counts = Counter(dict.fromkeys(PLAIN, 1))
    labels = [STARRED] * bool(contact.get("starred"))
    for entry in _in_order(contact.get("details") or {}):
        way = choose_column(entry)
        if way == "Labels" and is_system_group(entry["value"]):
            way = "Group"
        if way == "Labels":
            labels.append(_escaped(entry["value"]))
        elif way in KINDS or way in row:
            group = way if way in KINDS else "Custom Field"
            counts[group] += 1
            row |= _numbered(group, counts[group], entry)
        else:
            row[way] = entry["value"]
    return row | ({"Labels": SEPARATOR.join(labels)} if labels else {})


def _in_order(details: Mapping[str, Entry]) -> Iterator[Entry]:
    """By position, without attributes that are empty; an entry that says nothing has no place in a CSV."""
    for _, entry in sorted(details.items(), key=lambda item: (item[1].get("position") or 0, item[0])):
        filled = {attribute: value for attribute, value in entry.items() if value is not None and value != ""}
        if filled.keys() - {"kind", "position"}:
            yield filled if filled.get("kind") in GROUPS else _as_custom(filled)


def _as_custom(entry: Entry) -> Entry:
    """A detail of a kind that Google does not know: its columns can only say it in words."""
    kind, label = entry.get("kind", ""), entry.get("label")
    return {**entry, "kind": "custom", "label": f"{kind} ({label})" if label else kind}


def _numbered(group: str, number: int, entry: Entry) -> dict[str, str]:
    cells = {}
    for attribute, part in PART_OF.items():
        text = entry.get(attribute)
        if text and attribute == "label":
            cells[part] = PREFERRED + text if text.startswith(PREFERRED) else text
        elif text:
            cells["Formatted" if part == "Value" and group == "Address" else part] = _escaped(protect(group, text))
    return {f"{group} {number} - {part}": text for part, text in cells.items()}


def _escaped(text: str) -> str:
    return BARE_COLONS.sub(r":\1", text)
