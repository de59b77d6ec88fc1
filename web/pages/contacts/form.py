"""The contact's form: values in, values out.

A form remembers what it was opened with. What is saved is only what differs from that, as the ``data`` of a change, so
that two people who edit the same contact touch each other's cells no more than they mean to. Rows of phones, e-mails
and sites begin with the contact's own field (key ``@``); the others are details under their keys.

Nothing here reads a request or a store; every rule about a value is the core's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from offbook.contacts.labels import KINDS, cell_label, site_label
from offbook.contacts.names import NAME_MAX, PARTS, Parts, join, stand_in
from offbook.contacts.table import BUILT_IN, CONTACTS, GROUP
from offbook.contacts.typed_dates import ISO, DateStyle
from offbook.core.cells.validation import Json, parse_cells
from offbook.core.errors import Invalid, Malformed
from offbook.core.merge.composite import completed_data
from offbook.core.merge.naming import check_name, name_key, names_of
from offbook.core.model import Operation
from offbook.core.protocol.json import loads
from offbook.core.protocol.requests import is_seq
from offbook.core.schema import ENTRY_KEY, Type
from offbook.core.text import normalize_for_search
from web.messages import pages as messages
from web.pages.contacts.form_faults import describe_fault
from web.presenters.formatting import LONG_FIELDS, VALUE_PARTS, address_lines

OWN = "@"
"""The key of the row that is the contact's own field; no detail can have it."""

OWN_FIELDS: Mapping[str, tuple[str, str]] = {
    "phone": ("phone", "phone_label"),
    "email": ("email", "email_label"),
    "url": ("website", "website_label"),
}
SHOWN_IN_ROWS = {name for pair in OWN_FIELDS.values() for name in pair}
NOT_TYPED = {"uid", "phone_params", "email_params", "website_params"}
"""What programs write, and people do not."""
FIELDS = tuple(
    field_.name
    for field_ in CONTACTS.fields
    if field_.type in (Type.TEXT, Type.DATE, Type.CHOICE) and field_.name not in SHOWN_IN_ROWS | NOT_TYPED
)
CALLED_BY = ("nickname", "website", "notes")
"""Fields that a contact is called by where there is nothing better, before its details and all other fields."""

NO_SEQ = -1
"""In place of a base that is none: the change is rejected for it, and what was typed is kept."""

(HAVING,) = BUILT_IN.naming_maps
"""Where it stands which labels a contact has."""

LABEL_NEW = "label_new"
"""The input in which a label is typed that there is not yet; those that there are have boxes to check."""

BREAK = re.compile(r"\r\n?|\n")


Posted = Mapping[str, Sequence[str]]
"""What a browser sent: each input's name with its values in order."""


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One phone, address, … of the form. A new one has no key until it is posted."""

    kind: str
    key: str = ""
    label: str = ""
    value: str = ""
    street: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    po_box: str = ""
    extended: str = ""

    def is_blank(self) -> bool:
        """Whether nothing is typed in it but a label."""
        return not any(getattr(self, part).strip() for part in VALUE_PARTS)

    def has_parts(self) -> bool:
        """Whether it is an address of several parts."""
        return any(getattr(self, part) for part in VALUE_PARTS[1:])

    @property
    def shown_label(self) -> str:
        """The label as it is read; the form has it as it is stored."""
        return site_label(self.label) if self.kind == "url" else self.label

    def address_lines(self) -> list[str]:
        """The address of this row, as it is written on a letter."""
        return address_lines(*(getattr(self, part) for part in VALUE_PARTS))

    def cell(self, attribute: str) -> str:
        """The cell that an input of this row writes."""
        if self.key == OWN:
            value, label = OWN_FIELDS[self.kind]
            return label if attribute == "label" else value
        return f"details/{self.key}/{attribute}"


@dataclass(frozen=True, slots=True)
class ContactForm:
    """A form as it is shown. ``opened`` holds the values that it was opened with, ``base`` the seq that had them."""

    change_id: str
    base: int
    opened: Mapping[str, Json]
    fields: Mapping[str, str]
    rows: Mapping[str, tuple[EntryRow, ...]]
    errors: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def label_names(self) -> list[str]:
        """The labels that the contact has, each once, in order."""
        names = names_of(HAVING.naming, (row.value.strip() for row in self.rows[GROUP])).values()
        return sorted(names, key=lambda name: (normalize_for_search(name), name))

    def label_choices(self, known: Iterable[str]) -> list[tuple[str, bool]]:
        """The labels that there are, and those that were added here, each with whether the contact has it."""
        names, chosen = names_of(HAVING.naming, known), names_of(HAVING.naming, self.label_names())
        return [(name, key in chosen) for key, name in {**names, **chosen, **names}.items()]

    def opened_json(self) -> str:
        """What it was opened with, as its hidden input carries it."""
        return json.dumps(self.opened, ensure_ascii=False, separators=(",", ":"))


# --- opening -------------------------------------------------------------------------------------------------------


def new_form(change_id: str) -> ContactForm:
    """The form of a contact that is not there yet."""
    return open_form({}, 0, change_id)


def open_form(data: Mapping[str, Json], seq: int, change_id: str) -> ContactForm:
    """The form of a contact in wire form; a blank one where there is none."""
    details = {key: dict(entry) for key, entry in data.get("details", {}).items()}
    opened: dict[str, Json] = {
        field_.name: data[field_.name]
        for field_ in CONTACTS.fields
        if data.get(field_.name) and field_.type is not Type.FLAG
    }
    opened["details"] = details
    fields = {name: opened.get(name, "") for name in FIELDS}
    rows = {kind: tuple(_rows_of(opened, kind)) for kind in KINDS}
    for kind in ("phone", "email"):
        rows[kind] = rows[kind] or (EntryRow(kind),)
    return ContactForm(change_id, seq, opened, fields, rows)


def _rows_of(opened: Mapping[str, Json], kind: str) -> Iterator[EntryRow]:
    if kind in OWN_FIELDS:
        value, label = (opened.get(name, "") for name in OWN_FIELDS[kind])
        if value or label:
            yield EntryRow(kind, OWN, label, value)
    for key, entry in in_order(opened["details"], kind):
        yield EntryRow(kind, key, entry.get("label") or "", *(entry.get(part) or "" for part in VALUE_PARTS))


def in_order(details: Mapping[str, Json], kind: str) -> list[tuple[str, Json]]:
    """The entries of a kind as people put them: by position, those without one last."""
    entries = [(key, entry) for key, entry in details.items() if entry.get("kind") == kind]
    return sorted(entries, key=lambda item: (item[1].get("position") is None, item[1].get("position") or 0, item[0]))


# --- what was posted -----------------------------------------------------------------------------------------------


def posted_form(posted: Posted, filled: Container[str] = ()) -> ContactForm:
    """The form with all that was typed. Raises Malformed where the page's own part of it is broken.

    ``filled`` names the cells that the contact has by now: a first phone that someone else added meanwhile keeps its
    place, and the one of this form becomes a detail beside it.
    """
    try:
        opened = loads(_first(posted, "opened").encode("utf-8", "surrogatepass"))
        parse_cells(CONTACTS, opened, Operation.UPDATE)
    except (Malformed, Invalid):
        raise Malformed.of(messages.BROKEN_FORM) from None
    base, change_id = _first(posted, "base"), _first(posted, "change_id").lower()
    opened["details"] = {key: entry for key, entry in (opened.get("details") or {}).items() if entry}
    fields = {name: _first(posted, name) if name in posted else opened.get(name) or "" for name in FIELDS}
    rows = {kind: tuple(_posted_rows(posted, opened, kind)) for kind in KINDS}
    if "labels" in posted:
        fields[LABEL_NEW] = _refused_label(posted)
        rows[GROUP] = tuple(_chosen_labels(posted, opened))
    return _with_keys(ContactForm(change_id, int(base) if is_seq(base) else NO_SEQ, opened, fields, rows), filled)


def _first(posted: Posted, name: str) -> str:
    return next(iter(posted.get(name, ())), "")


def _posted_rows(posted: Posted, opened: Mapping[str, Json], kind: str) -> Iterator[EntryRow]:
    columns = {name: posted.get(f"{kind}_{name}", ()) for name in ("label", *VALUE_PARTS)}
    for number, key in enumerate(posted.get(f"{kind}_key", ())):
        row = EntryRow(kind, key if _is_key(key, kind) else "")
        typed = {name: texts[number] for name, texts in columns.items() if number < len(texts)}
        before = opened["details"].get(row.key) or {}
        yield replace(row, **{name: before[name] for name in VALUE_PARTS if before.get(name)} | typed)


def _chosen_labels(posted: Posted, opened: Mapping[str, Json]) -> Iterator[EntryRow]:
    """The rows of the labels whose boxes are checked, and of the one that was typed. What names no label stays."""
    wanted = names_of(HAVING.naming, (text.strip() for text in (*posted.get("label", ()), _first(posted, LABEL_NEW))))
    known = set()
    for row in _rows_of(opened, GROUP):
        key = name_key(HAVING.naming, row.value)
        if not key or key in wanted:
            known.add(key)
            yield row
    yield from (EntryRow(GROUP, value=name) for key, name in wanted.items() if key not in known)


def _refused_label(posted: Posted) -> str:
    """What was typed as a new label and can be none; empty where it is one."""
    text = _first(posted, LABEL_NEW).strip()
    return "" if name_key(HAVING.naming, text) else text


def _is_key(key: str, kind: str) -> bool:
    return ENTRY_KEY.fullmatch(key) is not None or (key == OWN and kind in OWN_FIELDS)


def _with_keys(form: ContactForm, filled: Container[str]) -> ContactForm:
    """Give new rows their keys. They follow from the change's id, so that a form sent twice names them alike."""
    used = {row.key for rows in form.rows.values() for row in rows} | form.opened["details"].keys()
    free = (key for number in range(10**6) if (key := f"{form.change_id[:8]}-{number}") not in used)
    rows = {kind: tuple(_keyed(form, kind, free, filled)) for kind in form.rows}
    return replace(form, rows=rows)


def _keyed(form: ContactForm, kind: str, free: Iterator[str], filled: Container[str]) -> Iterator[EntryRow]:
    own = OWN_FIELDS.get(kind, ())
    was_filled = any(form.opened.get(name) for name in own)
    is_free = bool(own) and not was_filled and not any(name in filled for name in own)
    for row in form.rows[kind]:
        is_new = not row.key or (row.key == OWN and not was_filled)
        if row.is_blank() or not is_new:
            yield row
        else:
            yield replace(row, key=OWN if is_free else next(free))
            is_free = False


def with_photo(form: ContactForm, sha256: str) -> ContactForm:
    """The form with another photo, or without one."""
    return replace(form, fields={**form.fields, "photo": sha256})


def with_row(form: ContactForm, kind: str) -> ContactForm:
    """The form with one more empty row. A label has none: it is a box to check."""
    if kind not in form.rows or kind == GROUP:
        return form
    return replace(form, rows={**form.rows, kind: (*form.rows[kind], EntryRow(kind))})


def without_row(form: ContactForm, place: str) -> ContactForm:
    """The form without the row at ``kind-number``."""
    kind, _, number = place.partition("-")
    if kind not in form.rows or not is_seq(number):
        return form
    kept = tuple(row for index, row in enumerate(form.rows[kind]) if index != int(number))
    return replace(form, rows={**form.rows, kind: kept})


# --- what is to be saved -------------------------------------------------------------------------------------------


def data_of(form: ContactForm) -> dict[str, Json]:
    """The ``data`` of the change that saves this form: only what differs from what it was opened with."""
    opened = form.opened
    values: dict[str, Json] = {name: _text(opened.get(name), form.fields[name], name in LONG_FIELDS) for name in FIELDS}
    for kind in OWN_FIELDS:
        values.update(_own(form, kind))
    if not values["name"]:
        values["name"] = join(Parts(*(values[part] for part in PARTS)))[:NAME_MAX] or None
    if not values["name"] and not stand_in(values):
        values["name"] = _anything(form, values)
    typed = {name: value for name, value in values.items() if value != opened.get(name)}
    values |= completed_data(CONTACTS, typed, opened)
    data = {name: value for name, value in values.items() if value != opened.get(name)}
    if details := _details(form):
        data["details"] = details
    return data


def _anything(form: ContactForm, values: Mapping[str, Json]) -> str | None:
    """What a contact is called that has neither a name nor what else stands in for one; None where nothing is typed."""
    rows = (row.value or " ".join(row.address_lines()) for rows in form.rows.values() for row in rows)
    texts = (*(values[name] for name in CALLED_BY), *rows, *(values[name] for name in FIELDS if name != "kind"))
    return next((text.strip().split("\n")[0][:NAME_MAX] for text in texts if text and text.strip()), None)


def _text(before: str | None, typed: str, long: bool = False) -> str | None:
    """What an input means. Browsers alter line breaks on their own: a value that differs only so is the old one."""
    breaks = "\n" if long else ""
    text = BREAK.sub(breaks, typed)
    if before is not None and text == BREAK.sub(breaks, before):
        return before
    return text.strip() or None


def _own(form: ContactForm, kind: str) -> dict[str, Json]:
    value, label = OWN_FIELDS[kind]
    row = next((row for row in form.rows[kind] if row.key == OWN), EntryRow(kind))
    own = {value: _text(form.opened.get(value), row.value), label: _text(form.opened.get(label), row.label)}
    is_kept = own[value] or own[label] == form.opened.get(label) and not form.opened.get(value)
    return own if is_kept else {value: None, label: None}


def _details(form: ContactForm) -> dict[str, Json]:
    details: dict[str, Json] = dict.fromkeys(form.opened["details"])
    for kind, rows in form.rows.items():
        place = _last_place(form, kind)
        for row in rows:
            before = form.opened["details"].get(row.key)
            if row.key not in ("", OWN) and before is None and not row.is_blank():
                place += 1
                details[row.key] = {"kind": kind, "position": place} | _filled(row, {})
            elif before is not None and (edit := _edit(row, before)) is not None:
                details[row.key] = edit
    return {key: entry for key, entry in details.items() if entry is None or entry}


def _last_place(form: ContactForm, kind: str) -> int:
    places = (entry.get("position") or 0 for _, entry in in_order(form.opened["details"], kind))
    return max(places, default=1 if kind in OWN_FIELDS else 0)


def _filled(row: EntryRow, before: Mapping[str, Json]) -> dict[str, str]:
    long = row.kind == "address"
    texts = {
        name: _text(before.get(name), getattr(row, name), long and name == "value") for name in ("label", *VALUE_PARTS)
    }
    return {name: text for name, text in texts.items() if text}


def _edit(row: EntryRow, before: Mapping[str, Json]) -> dict[str, Json] | None:
    """What of an entry changed: nothing ({}), some cells, or all of it is to go (None)."""
    after, opened = _filled(row, before), {name: before[name] for name in ("label", *VALUE_PARTS) if before.get(name)}
    if after == opened:
        return {}
    if row.is_blank():
        return None
    edit: dict[str, Json] = {}
    if after.get("label") != opened.get("label"):
        edit["label"] = after.get("label")
    if any(after.get(part) != opened.get(part) for part in VALUE_PARTS):
        edit |= {"value": None} | {part: after[part] for part in VALUE_PARTS if part in after}
    return edit


# --- what can't be saved -------------------------------------------------------------------------------------------


def checked(form: ContactForm, data: Mapping[str, Json], operation: Operation, style: DateStyle = ISO) -> ContactForm:
    """The form with a sentence for each input that can't be stored, under the name of its cell, beside what it has.

    ``style`` is how whoever typed it writes days.
    """
    pieces: list[Json] = [{name: value} for name, value in data.items() if name != "details"]
    pieces += [{"details": {key: entry}} for key, entry in data.get("details", {}).items()]
    if operation is Operation.INSERT and "name" not in data:
        pieces.append({"name": None})
    kinds = {row.key: row.kind for rows in form.rows.values() for row in rows}
    return replace(form, errors={**form.errors, **dict(_flaws(pieces, kinds, style)), **dict(_label_flaws(form))})


def _label_flaws(form: ContactForm) -> Iterator[tuple[str, str]]:
    """What is wrong with a label that was typed."""
    if text := form.fields.get(LABEL_NEW, ""):
        try:
            check_name(HAVING, text)
        except Invalid as invalid:
            yield LABEL_NEW, describe_fault(invalid.fault, "A label")


def _flaws(pieces: Iterable[Any], kinds: Mapping[str, str], style: DateStyle) -> Iterator[tuple[str, str]]:
    for piece in pieces:
        try:
            parse_cells(CONTACTS, piece, Operation.UPDATE)
        except Invalid as invalid:
            cell = invalid.field
            kind = kinds.get(cell.split("/")[1], "") if "/" in cell else ""
            yield cell, describe_fault(invalid.fault, cell_label(cell, kind), style)
