"""Any contact, served to a device, edited in one place and sent back, is changed in that one cell, and in no other."""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from offbook.contacts.names import NAME, PARTS, STAND_INS, complete, known_parts
from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import parse_cells
from offbook.core.errors import Malformed
from offbook.core.model import Operation
from offbook.core.text import fold_key
from offbook.formats.carddav.edits import edits_of, sent_with
from offbook.formats.carddav.incoming import read_incoming
from offbook.formats.carddav.lines import ServedVersion
from offbook.formats.carddav.serving import CardForm, serve
from offbook.formats.values import Contact
from offbook.formats.vcard.files import read
from offbook.formats.vcard.properties import ADDRESS_PARTS, COLUMNS
from tests.formats.carddav.editors import EDITORS
from tests.formats.carddav.rich_contact import FORMS, RICH, V3, V4, card_of, put, with_detail, without_detail
from tests.formats.contacts_said import said
from tests.formats.vcard_strategies import FILLED, KINDS, PARAMS, cards, contacts, dump, entries

VCARDS = Path(__file__).parents[4] / "shared" / "data" / "vcards"
TEXTS = ("nickname", "file_as", "company", "department", "title", "role", "notes", "phonetic_given")
VALUES = {
    **dict.fromkeys(TEXTS, FILLED | st.none()),
    "birthday": st.sampled_from([None, "1815-12-10", "--02-29", "2001-02-03"]),
    "kind": st.sampled_from([None, "person", "organization"]),
    "starred": st.booleans(),
}
PRIVATE = ("group", "property")


class Edited(NamedTuple):
    """A contact, and the same with one edit."""

    before: Contact
    after: Contact


@st.composite
def edited_contacts(draw: st.DrawFn) -> Edited:
    contact = draw(contacts())
    assume(contact["name"] not in [contact.get(field) for field in STAND_INS])  # else the name follows what is edited
    values = [(entry["kind"], entry.get("value")) for entry in contact["details"].values()]
    values += [(kind, contact.get(columns[0])) for kind, columns in COLUMNS.items()]
    assume(len({*values}) == len(values))  # of twins, either may be the one
    contact |= known_parts(contact)._asdict()  # as every book has them
    edit = draw(st.sampled_from([_edit_field, _edit_name, _edit_column, _edit_detail, _edit_attribute, _add, _remove]))
    return Edited(contact, draw(edit(contact)))


@st.composite
def _edit_field(draw: st.DrawFn, contact: Contact) -> Contact:
    name = draw(st.sampled_from([*VALUES]))
    return {**contact, name: draw(VALUES[name])}


@st.composite
def _edit_name(draw: st.DrawFn, contact: Contact) -> Contact:
    name = draw(FILLED)
    return {**contact, **complete({"name": name}, contact)}


@st.composite
def _edit_column(draw: st.DrawFn, contact: Contact) -> Contact:
    kind = draw(st.sampled_from([*COLUMNS]))
    value, label, _ = COLUMNS[kind]
    if not contact.get(value):
        return contact
    entry = draw(entries(kind))
    return {**contact, **draw(st.sampled_from([{value: entry["value"]}, {label: entry.get("label") or None}]))}


@st.composite
def _edit_detail(draw: st.DrawFn, contact: Contact) -> Contact:
    """Another value."""
    keys = [key for key, entry in contact["details"].items() if entry["kind"] not in PRIVATE]
    if not keys:
        return contact
    key = draw(st.sampled_from(keys))
    entry = draw(entries(contact["details"][key]["kind"]))
    return with_detail(contact, key, **{name: entry.get(name) or None for name in ("value", *ADDRESS_PARTS)})


@st.composite
def _edit_attribute(draw: st.DrawFn, contact: Contact) -> Contact:
    """Another label, or other parameters."""
    keys = [key for key, entry in contact["details"].items() if entry["kind"] not in PRIVATE]
    if not keys:
        return contact
    key = draw(st.sampled_from(keys))
    label = draw(entries(contact["details"][key]["kind"])).get("label")
    params = draw(PARAMS)
    attributes = draw(st.sampled_from([{"label": label or None}, {"params": dump(params) if params else None}]))
    return with_detail(contact, key, **attributes)


@st.composite
def _add(draw: st.DrawFn, contact: Contact) -> Contact:
    entry = draw(entries(draw(st.sampled_from(KINDS))))
    entry = {name: value for name, value in entry.items() if value}
    labels = {fold_key(other["value"]) for other in contact["details"].values() if other["kind"] == "group"}
    columns = COLUMNS.get(entry["kind"], ())
    if len(entry) == 1 or entry["kind"] == "group" and fold_key(entry["value"]) in labels:
        return contact
    if columns and not contact.get(columns[0]):
        return {**contact, columns[0]: entry["value"], columns[1]: entry.get("label")}
    return with_detail(contact, "added", **entry, position=100)


@st.composite
def _remove(draw: st.DrawFn, contact: Contact) -> Contact:
    places = [*contact["details"], *(columns[0] for columns in COLUMNS.values() if contact.get(columns[0]))]
    if not places:
        return contact
    place = draw(st.sampled_from(places))
    columns = next((columns for columns in COLUMNS.values() if columns[0] == place), ())
    return {**contact, **dict.fromkeys(columns)} if columns else without_detail(contact, place)


def applied(contact: Contact, data: Mapping[str, Any]) -> Contact:
    """The contact with what was written to it."""
    details = dict(contact["details"])
    for key, entry in data.get("details", {}).items():
        if entry is None:
            del details[key]
        else:
            details[key] = {**details.get(key, {}), **entry}
    return {**contact, **data, "details": details}


def cells(contact: Contact, data: Mapping[str, Any]) -> Collection[str]:
    """What is written, a detail that is new or removed as one, and so are a name and a first phone."""
    first = {cell: columns[0] for columns in COLUMNS.values() for cell in columns}
    whole = {columns[0] for columns in COLUMNS.values() if columns[0] in data and not contact.get(columns[0])}
    whole |= {columns[0] for columns in COLUMNS.values() if columns[0] in data and data[columns[0]] is None}
    written = set()
    for name in data.keys() - {"details"}:
        is_of_whole = name in first and first[name] in whole
        written.add("name" if name in (NAME, *PARTS) else first[name] if is_of_whole else name)
    for key, entry in data.get("details", {}).items():
        is_whole = entry is None or key not in contact["details"]
        names = {"value" if name in ADDRESS_PARTS else name for name in entry or ()}
        written |= {key} if is_whole else {f"{key}/{name}" for name in names}
    return written


@pytest.mark.parametrize("form", FORMS)
@given(edited_contacts())
def test_one_edit_of_any_contact_is_that_cell(form: CardForm, edited: Edited) -> None:
    """From a device that carries all that it is served, and has shown it."""
    before, after = edited
    sent = sent_with(read_incoming(card_of(before, form).encode()))
    data = put(card_of(after, form), [before, before], form, sent).data
    assert said(applied(before, data)) == said(after)
    assert len(cells(before, data)) == (said(before) != said(after))


def with_theirs(contact: Contact) -> Contact:
    """The contact with what somebody else wrote."""
    theirs = with_detail(contact, "theirs", kind="im", label="Boat", value="xmpp:their@x.example", position=99)
    return {**theirs, "role": "theirs"}


@pytest.mark.parametrize("form", FORMS)
@given(edited_contacts())
def test_one_edit_is_that_cell_whether_or_not_the_device_has_what_somebody_else_wrote(
    form: CardForm, edited: Edited
) -> None:
    before, after = edited
    assume(before.get("role") == after.get("role"))
    expected = put(card_of(after, form), [before], form).data
    for card in (card_of(after, form), card_of(with_theirs(after), form)):
        for versions in ([before, with_theirs(before)], [with_theirs(before), before]):
            assert without_positions(put(card, versions, form).data) == without_positions(expected)


def without_positions(data: Mapping[str, Any]) -> dict[str, Any]:
    """Where a new detail stands is after all that are known."""
    entries = data.get("details", {}).items()
    return {**data, "details": {key: entry and {**entry, "position": None} for key, entry in entries}}


@pytest.mark.parametrize("form", FORMS)
@given(contacts(), FILLED)
def test_a_stale_copy_with_one_new_line_is_that_line(form: CardForm, contact: Contact, number: str) -> None:
    """Whatever was changed since, and was offered to the device or not."""
    current = {**without_detail(RICH, "k4"), "id": contact["id"], "uid": contact["uid"], "photo": None}
    stale = with_detail(contact, "added", kind="phone", label="Boat", value=number, position=100)
    for versions in ([contact, current], [current, contact], [None, contact]):
        data = put(card_of(stale, form), versions, form).data
        assert len(cells(contact, data)) == 1, data
        assert number in (data.get("phone"), data.get("details", {}).get("new1", {}).get("value"))


@pytest.mark.parametrize("form", FORMS)
@given(contacts(), contacts())
def test_a_copy_that_is_not_edited_changes_nothing_however_old_it_is(
    form: CardForm, contact: Contact, other: Contact
) -> None:
    other = {**other, "id": contact["id"], "uid": contact["uid"]}
    for versions in ([contact], [contact, other], [other, contact], [None, contact]):
        assert put(card_of(contact, form), versions, form).data == {}


@given(cards())
def test_any_card_that_is_served_and_sent_back_changes_nothing(card: bytes) -> None:
    for form in FORMS:
        assert come_back(card, form) == {}


@pytest.mark.parametrize("form", [V3, V4], ids=["3.0", "4.0"])
@pytest.mark.parametrize("path", sorted(VCARDS.glob("*.vcf")) or [VCARDS], ids=lambda path: path.name)
def test_the_card_of_a_file_that_is_served_and_sent_back_changes_nothing(path: Path, form: CardForm) -> None:
    if not path.is_file():
        pytest.skip(f"the files are not at {VCARDS}")
    assert come_back(path.read_bytes(), form) == {}


def come_back(file: bytes, form: CardForm) -> dict[str, Any]:
    """What all cards of a file change that are served and sent back."""
    changes: dict[str, Any] = {}
    try:
        contacts_read = list(read(io.BytesIO(file)))
    except Malformed:  # no card at all
        return {}
    for item in contacts_read:
        if item.contact is not None:
            version = ServedVersion(item.contact, form, frozenset(item.blobs))
            card = read_incoming(serve(item.contact, form, item.blobs.get))
            changes |= edits_of(card, [version], (), lambda: "new").data
    return changes


@given(contacts(), cards())
def test_what_any_card_changes_of_any_contact_can_be_stored(contact: Contact, card: bytes) -> None:
    """And when it is sent again to what came of it, it changes nothing."""
    text = re.sub(r"(?i)^(\w+\.)?uid[:;].*\n", "", card.decode(), flags=re.MULTILINE)
    for form in FORMS:
        data = put(text, [contact], form).data
        parse_cells(CONTACTS, data, Operation.UPDATE)
        after = applied(contact, data)
        assert put(text, [after], form).data == {}


@pytest.mark.parametrize("editor", EDITORS)
@given(contacts())
def test_any_contact_that_a_program_writes_anew_is_not_changed(editor: str, contact: Contact) -> None:
    for form in FORMS:
        assert put(EDITORS[editor](card_of(contact, form)), [contact], form).data == {}
