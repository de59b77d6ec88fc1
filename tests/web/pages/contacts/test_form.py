"""The contact's form: what is saved is what was changed, however browsers and people treat it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import parse_cells
from offbook.core.errors import Malformed
from offbook.core.model import Operation
from web.pages.contacts.form import (
    FIELDS,
    ContactForm,
    Posted,
    checked,
    data_of,
    new_form,
    open_form,
    posted_form,
    with_row,
    without_row,
)
from web.presenters.formatting import VALUE_PARTS

CHANGE = "0f8fad5b-d9cb-469f-a165-70867728950e"
ADA: Mapping[str, Any] = {
    "name": "Ada Lovelace",
    "phone": "555-1",
    "phone_label": "Home",
    "email": None,
    "notes": "one\ntwo",
    "starred": True,
    "details": {
        "k1": {"kind": "phone", "label": "boat", "value": "555-2", "position": 2},
        "k2": {"kind": "address", "label": "Home", "value": "1 Street\nTown", "street": "1 Street", "position": 1},
        "k3": {"kind": "group", "value": "Choir"},
        "k4": {"kind": "custom", "label": "only a label"},
    },
}


def sent(form: ContactForm) -> dict[str, list[str]]:
    """What a browser posts of a form that nobody touched: line breaks as CRLF, none at all in one-line inputs."""
    posted = {"change_id": [form.change_id], "base": [str(form.base)], "opened": [form.opened_json()]}
    posted |= {name: [in_input(text, name == "notes")] for name, text in form.fields.items()}
    for kind, rows in form.rows.items():
        for name in ("key", "label", *(VALUE_PARTS if kind == "address" else ("value",))):
            long = (kind, name) == ("address", "value")
            posted[f"{kind}_{name}"] = [in_input(getattr(row, name), long) for row in rows]
    return posted


def in_input(text: str, long: bool) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return lines.replace("\n", "\r\n") if long else lines.replace("\n", "")


def edited(data: Mapping[str, Any], **changes: list[str]) -> dict[str, Any]:
    return data_of(posted_form(sent(open_form(data, 5, CHANGE)) | changes))


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ENTRIES = st.fixed_dictionaries(
    {"kind": st.sampled_from(["phone", "email", "address", "url", "date", "group", "custom"])},
    optional={"label": TEXT, "position": st.integers(0, 9)} | dict.fromkeys(VALUE_PARTS, TEXT),
)
RECORDS = st.fixed_dictionaries(
    {
        "name": TEXT.filter(str.strip),
        "details": st.dictionaries(st.from_regex(r"[a-z0-9]{1,4}", fullmatch=True), ENTRIES),
    },
    optional=dict.fromkeys(("email", "email_label", "phone", "phone_label", "notes", "website", "company"), TEXT),
)


@given(RECORDS)
def test_a_form_that_nobody_touched_changes_nothing(data: dict[str, Any]) -> None:
    assert data_of(posted_form(sent(open_form(data, 5, CHANGE)))) == {}


@given(RECORDS)
def test_boxes_of_labels_that_nobody_touched_change_nothing(data: dict[str, Any]) -> None:
    form = open_form(data, 5, CHANGE)
    boxes = {"labels": ["1"], "label": [name for name, is_chosen in form.label_choices([]) if is_chosen]}
    posted = {name: texts for name, texts in sent(form).items() if not name.startswith("group_")}
    assert data_of(posted_form(posted | boxes | {"label_new": [""]})) == {}


def test_only_what_was_changed_is_saved() -> None:
    assert edited(ADA, company=["Engines"], notes=["one\r\nthree"]) == {"company": "Engines", "notes": "one\nthree"}


def test_what_was_emptied_becomes_null() -> None:
    assert edited(ADA, notes=[" "]) == {"notes": None}


def test_the_first_phone_is_the_contacts_own_field_and_the_others_are_details() -> None:
    data = edited(ADA, phone_value=["555-9", "555-3"], phone_label=["Home", "boat"])
    assert data == {"phone": "555-9", "details": {"k1": {"value": "555-3"}}}


def test_a_changed_label_leaves_the_value_alone() -> None:
    assert edited(ADA, phone_label=["Home", "ship"]) == {"details": {"k1": {"label": "ship"}}}


def test_a_change_of_one_part_sends_the_whole_address() -> None:
    data = edited(ADA, address_city=["Town"])
    assert data == {"details": {"k2": {"value": "1 Street\nTown", "street": "1 Street", "city": "Town"}}}


def test_a_row_that_was_emptied_or_taken_out_is_removed() -> None:
    assert edited(ADA, phone_value=["555-1", " "]) == {"details": {"k1": None}}
    assert edited(ADA, phone_key=["@"], phone_value=["555-1"], phone_label=["Home"]) == {"details": {"k1": None}}


def test_an_emptied_own_phone_takes_its_label_along() -> None:
    assert edited(ADA, phone_value=["", "555-2"]) == {"phone": None, "phone_label": None}


def test_a_new_row_becomes_a_detail_after_the_others() -> None:
    rows = {
        "phone_key": ["@", "k1", ""],
        "phone_label": ["Home", "boat", "car"],
        "phone_value": ["555-1", "555-2", "7"],
    }
    entry = {"kind": "phone", "label": "car", "value": "7", "position": 3}
    assert edited(ADA, **rows) == {"details": {"0f8fad5b-0": entry}}


def test_the_first_new_row_fills_an_empty_own_field() -> None:
    rows = {"email_key": ["", ""], "email_label": ["", "Work"], "email_value": ["", "ada@example.org"]}
    assert edited(ADA, **rows) == {"email": "ada@example.org", "email_label": "Work"}


def test_a_first_phone_that_someone_added_meanwhile_keeps_its_place() -> None:
    posted = sent(open_form({"name": "Bo", "details": {}}, 5, CHANGE)) | {"phone_value": ["555-9"]}
    assert data_of(posted_form(posted)) == {"phone": "555-9"}
    beside = {"kind": "phone", "value": "555-9", "position": 2}
    assert data_of(posted_form(posted, {"phone": "555-1"})) == {"details": {"0f8fad5b-0": beside}}


def test_a_form_that_is_sent_twice_names_new_rows_alike() -> None:
    posted = sent(new_form(CHANGE)) | {"name": ["Bo"], "group_key": ["", ""], "group_label": ["", ""]}
    posted["group_value"] = ["Choir", "Crew"]
    once, twice = data_of(posted_form(posted)), data_of(posted_form(posted))
    assert once == twice
    assert len(once["details"]) == 2


def test_rows_keep_their_keys_while_others_come_and_go() -> None:
    posted = sent(new_form(CHANGE)) | {"name": ["Bo"], "custom_key": ["", ""], "custom_label": ["a", "b"]}
    form = without_row(posted_form(posted | {"custom_value": ["1", "2"]}), "custom-0")
    again = sent(with_row(form, "custom"))
    again["custom_value"][1] = "3"
    values = {key: entry["value"] for key, entry in data_of(posted_form(again))["details"].items()}
    assert sorted(values.values()) == ["2", "3"]


@pytest.mark.parametrize("place", ["", "phone", "phone-", "phone-99", "phone--1", "nothing-0", "phone-x", "@-0"])
def test_a_row_that_is_not_there_is_not_taken_out(place: str) -> None:
    form = open_form(ADA, 5, CHANGE)
    assert without_row(form, place) == with_row(form, "nothing") == form


def test_a_contact_without_a_name_is_called_by_its_parts_or_its_company() -> None:
    blank = sent(new_form(CHANGE))
    assert data_of(posted_form(blank | {"given_name": ["Ada"], "family_name": ["King"]}))["name"] == "Ada King"
    assert data_of(posted_form(blank | {"company": ["Engines"]}))["name"] == "Engines"


def test_every_wrong_input_gets_its_own_sentence_that_begins_with_its_name() -> None:
    posted = sent(new_form(CHANGE)) | {"birthday": ["soon"], "company": ["x" * 301]}
    posted |= {"phone_key": ["", ""], "phone_label": ["", "y" * 101], "phone_value": ["1" * 101, "2"]}
    form = posted_form(posted | {"name": [""]})
    errors = checked(form, data_of(form) | {"name": None}, Operation.INSERT).errors
    assert errors["name"] == "Type a name, or anything else that you know of this contact."
    assert errors["company"].startswith("Company is too long: 301 characters")
    assert errors["birthday"].startswith("Birthday must be a date")
    assert errors["phone"].startswith("Phone is too long: 101")
    assert errors["details/0f8fad5b-0/label"].startswith("Phone: label is too long: 101")
    assert set(errors) == {"name", "company", "birthday", "phone", "details/0f8fad5b-0/label"}


def test_a_new_contact_needs_a_name() -> None:
    form = posted_form(sent(new_form(CHANGE)))
    errors = checked(form, data_of(form), Operation.INSERT).errors
    assert errors == {"name": "Type a name, or anything else that you know of this contact."}
    for cells in ({"nickname": ["Tiny"]}, {"notes": ["Tiny\ntwo"]}, {"date_key": ["k"], "date_value": ["Tiny"]}):
        assert data_of(posted_form(sent(new_form(CHANGE)) | cells))["name"] == "Tiny"


@pytest.mark.parametrize(
    "broken",
    [
        {"opened": ["{"]},
        {"opened": ["[]"]},
        {"opened": ['{"name": 1}']},
        {"opened": ['{"details": {"k/1": {}}}']},
        {"opened": []},
        {"opened": ["\ud800"]},
    ],
)
def test_a_broken_form_is_refused_in_words(broken: dict[str, list[str]]) -> None:
    posted: Posted = sent(open_form(ADA, 5, CHANGE)) | broken
    with pytest.raises(Malformed, match="load the page again"):
        posted_form(posted)


def test_what_a_form_saves_is_what_the_core_takes() -> None:
    data = edited(ADA, name=["Ada King"], address_value=["x"], group_value=[""])
    assert set(parse_cells(CONTACTS, data, Operation.UPDATE)) == {
        "name",
        "given_name",
        "family_name",
        "details/k2/@exists",
        "details/k2/value",
        "details/k3/@exists",
    }
    assert json.loads(open_form(ADA, 5, CHANGE).opened_json())["name"] == "Ada Lovelace"
    assert "starred" not in FIELDS
