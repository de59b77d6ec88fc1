"""Google Contacts' CSV, read into contacts in wire form.

Which column is what stands in columns.py. No cell of a file is lost: what offbook has no field for becomes a custom
detail, and a row that can't be taken becomes a problem. What is written of contacts and read again says what they say.

A contact's id is made from its content: the same row, in this file or in the next, is the same contact, whatever was
done to that contact since.

Values in, values out: this module opens no file, makes no random id and never decides what to store.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from offbook.contacts.table import CONTACTS, FIRST_FIELDS
from offbook.core.cells.validation import UUID_TEXT, parse_cells
from offbook.core.errors import Invalid, Malformed
from offbook.core.messages import Fault
from offbook.core.model import Operation
from offbook.formats import messages
from offbook.formats.csv.damage import find_damage
from offbook.formats.csv.dialect import Lines, open_table, possible_headers
from offbook.formats.google_csv.cells import mend
from offbook.formats.google_csv.columns import (
    FIRST_KINDS,
    KINDS,
    NAME_PARTS,
    OWN_ID,
    OWN_NAME,
    PLAIN,
    STARRED,
    WHOLE,
    CsvColumn,
    Entry,
    as_at_first,
    choose_column,
    first_column,
    is_google,
    is_read_otherwise,
    is_system_group,
    parse_headers,
)
from offbook.formats.values import Problem

Contact = dict[str, Any]

SEPARATOR = " ::: "
MORE_COLONS = re.compile(r"(?<!\S):(:::+)(?!\S)")
"""Text that has the separator in it is written with one colon more (BARE_COLONS), and loses one when it is read."""

PREFERRED = "* "
UNNAMED = "(no name)"
NAMESPACE = uuid5(NAMESPACE_URL, "https://offbook.invalid/google-contacts")


def recognizes(head: bytes) -> bool:
    """Whether a file that begins so names columns of Google's."""
    return any(is_google(parse_headers(header)) for header in possible_headers(head))


class ReadLine(NamedTuple):
    """A row of a file: its contact, why that can't be taken (None where it can), and what is told about it."""

    row: int
    contact: Contact
    flaw: Fault | None
    damage: tuple[Problem, ...]


def read_rows(lines: Lines) -> Iterator[ReadLine]:
    """The rows of a file as they come, each contact once. Raises Malformed before the first of them."""
    table = open_table(lines, lambda header: is_google(parse_headers(header)))
    if table is None:
        raise Malformed.of(messages.NOT_GOOGLE_CSV)
    for _ in table.rows():
        pass  # or half a file would be taken
    columns = parse_headers(table.header)
    earlier: dict[str, bytes] = {}
    for number, row in table.rows():
        if any(map(str.strip, row)):
            contact = contact_of(zip(columns, row, strict=False))
            content = blake2b(repr(contact).encode("utf-8", "surrogatepass"), digest_size=16).digest()
            is_known = contact["id"] in earlier
            if flaw := _flaw(contact, row[len(columns) :], earlier.setdefault(contact["id"], content) != content):
                if not is_known:
                    del earlier[contact["id"]]
                yield ReadLine(number, contact, flaw, ())
            elif not is_known:
                yield ReadLine(number, contact, None, _damage(number, zip(columns, row, strict=False)))


# --- columns -> slots -> details -> a contact -----------------------------------------------------------------------


def _damage(row: int, cells: Iterable[tuple[CsvColumn, str]]) -> tuple[Problem, ...]:
    """What is told about cells that a spreadsheet has damaged."""
    filled = [(column.header, text.strip()) for column, text in cells if text]
    damaged = [(header, text, message) for header, text in filled if (message := find_damage(text))]
    return tuple(Problem(row, header, message.fault(text=text)) for header, text, message in damaged)


def contact_of(cells: Iterable[tuple[CsvColumn, str]]) -> Contact:
    """The contact of a row. Its id is made from what the row was read as at first: the same row is for ever the same
    contact."""
    filled = [(column, text) for column, text in cells if text]
    today = first = _read_row(filled, KINDS, choose_column)
    if is_read_otherwise(today.fields, today.details.values()) or not all(it.is_exact for it, _ in filled):
        first = _read_row([(as_at_first(column), text) for column, text in filled], FIRST_KINDS, first_column)
    said = {name: first.fields.get(name) for name in FIRST_FIELDS} | {"details": first.details}
    record_id = today.own_id or str(uuid5(NAMESPACE, json.dumps(said, sort_keys=True)))
    details = {key: entry for key, entry in today.details.items() if key not in today.system_groups}
    contact = {"id": record_id.lower(), **dict.fromkeys(CONTACTS.by_name), **today.fields, "details": details}
    return mend(contact, is_named=any(column.attribute in ("name", "own_name") for column, _ in filled))


class ReadRow(NamedTuple):
    """What a row says. Google's own groups are among the details, since they are in the ids of earlier imports."""

    own_id: str
    fields: dict[str, Any]
    details: dict[str, Entry]
    system_groups: set[str]


def _read_row(
    cells: Iterable[tuple[CsvColumn, str]], kinds: Mapping[str, str], column_of: Callable[[Entry], str]
) -> ReadRow:
    slots: defaultdict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    entries: list[Entry] = []
    for (header, group, number, attribute, _), text in cells:
        if attribute and attribute not in slots[group, number]:
            slots[group, number][attribute] = text
        else:
            entries.append(_custom(header, text))
    fields = slots.pop(("", 0), {})
    labels = fields.pop("labels", "").split(SEPARATOR)
    groups: list[Entry] = [
        {"kind": "group", "value": _unescaped(label)} for label in labels if label not in ("", STARRED)
    ]
    entries += groups
    entries += _unfit(fields)
    for (group, number), slot in sorted(slots.items()):
        values = _several(kinds[group], slot)
        if values and number == 1 and group in PLAIN:
            first = values.pop(0)
            fields |= {field: first.get(attribute, "") for field, attribute in PLAIN[group].items()}
        entries += values
    entries.sort(key=column_of)
    return _finished(fields, entries, STARRED in labels, [group for group in groups if is_system_group(group["value"])])


def _unfit(fields: dict[str, str]) -> Iterator[Entry]:
    """Takes out of a row's fields what they can't hold, as custom details."""
    birthday = fields.pop("birthday", "")
    if _is_birthday(birthday.strip()):
        fields["birthday"] = birthday.strip()  # without a year, Google puts a space in front
    elif birthday:
        yield _custom("Birthday", birthday)
    if "id" in fields and not UUID_TEXT.fullmatch(fields["id"]):
        yield _custom(OWN_ID, fields.pop("id"))
    if flag := fields.pop("own_name", ""):
        if flag == WHOLE and "given_name" in fields and "name" not in fields:
            fields["name"] = fields.pop("given_name")
        else:
            yield _custom(OWN_NAME, flag)


def _several(kind: str, slot: dict[str, str]) -> list[Entry]:
    """The entries in one set of numbered cells: Google writes values of one label into one cell, addresses by parts."""
    label = slot.pop("label", "").removeprefix(PREFERRED)
    named = {"kind": kind, "label": label} if label else {"kind": kind}
    if ":::" not in "".join(slot.values()):
        return [named | slot] if slot or label else []
    pieces = [text.split(SEPARATOR) for text in slot.values()]
    if len({len(texts) for texts in pieces}) > 1:
        pieces = [[text] for text in slot.values()]
    rows = zip(*pieces, strict=True)
    values = [{name: _unescaped(text) for name, text in zip(slot, row, strict=True) if text} for row in rows]
    return [named | value for value in values if value] or [named] * bool(label)


def _finished(fields: dict[str, str], entries: list[Entry], starred: bool, system_groups: list[Entry]) -> ReadRow:
    positions = Counter(KINDS[group] for group in PLAIN)  # a first one that is no detail
    details: dict[str, Entry] = {}
    keys = set[str]()
    for entry in entries:
        kind = entry["kind"]
        positions[kind] += 1
        details[f"{kind}-{positions[kind]}"] = {**entry, "position": positions[kind]}
        if any(entry is group for group in system_groups):
            keys.add(f"{kind}-{positions[kind]}")
    own_id = fields.pop("id", "")
    filled = {name: text for name, text in fields.items() if text}
    return ReadRow(own_id, {**filled, "name": _name(fields, entries), "starred": starred}, details, keys)


def _name(fields: Mapping[str, str], entries: list[Entry]) -> str:
    if fields.get("name", "").strip():
        return fields["name"]
    parts = " ".join(" ".join(fields.get(part, "") for part in NAME_PARTS).split())
    reach = [entry.get("value", "") for kind in ("email", "phone") for entry in entries if entry["kind"] == kind]
    first = (fields.get(field, "") for field in ("company", "email", "phone"))
    names: list[str] = [fields.get("file_as", ""), parts, *first, *reach, fields.get("nickname", ""), UNNAMED]
    return next(name for name in names if name.strip())[: CONTACTS.by_name["name"].limit]


def _flaw(contact: Contact, beyond: list[str], is_id_of_another: bool) -> Fault | None:
    if any(beyond):
        return messages.ROW_TOO_WIDE.fault()
    if is_id_of_another:
        return messages.ID_OF_ANOTHER_ROW.fault(column=OWN_ID)
    limit = CONTACTS.maps_by_name["details"].entries_max
    if len(contact["details"]) > limit:
        return messages.TOO_MANY_DETAILS_IN_ROW.fault(count=len(contact["details"]), limit=limit)
    try:
        parse_cells(CONTACTS, contact, Operation.INSERT)
    except Invalid as error:
        return messages.BAD_VALUE_IN_ROW.fault(reason=str(error))
    return None


def _is_birthday(text: str) -> bool:
    try:
        return bool(text and parse_cells(CONTACTS, {"birthday": text}, Operation.UPDATE))
    except Invalid:
        return False


def _custom(label: str, text: str) -> Entry:
    return {"kind": "custom", "label": label, "value": text} if label else {"kind": "custom", "value": text}


def _unescaped(text: str) -> str:
    return MORE_COLONS.sub(r"\1", text)
