"""Programs write every card anew: what a person did not edit is no change, and what he did is one change."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from offbook.formats.carddav.edits import edits_of
from offbook.formats.carddav.incoming import read_incoming
from offbook.formats.carddav.serving import CardForm
from offbook.formats.values import Contact
from tests.formats.carddav.editors import ANDROID_JPEG, EDITORS
from tests.formats.carddav.rich_contact import FORMS, RICH, V3, card_of, version_of, with_detail, without_detail

IDS = [form.version for form in FORMS]


def come_back(editor: str, edited: Contact, form: CardForm) -> dict[str, Any]:
    """What a card changes that was served as RICH and came back as ``edited``, as this program writes it."""
    version = version_of(RICH, form)
    version = version._replace(photos={*version.photos, sha256(ANDROID_JPEG).hexdigest()})
    card = read_incoming(EDITORS[editor](card_of(edited, form)).encode())
    data = dict(edits_of(card, [version, version], (), lambda: "new").data)
    new = data.get("details", {}).get("new", {})
    if new.get("params") == '[["TYPE",["voice"]]]':  # Apple says so of every phone, and as in an import it is kept
        del new["params"]
    return data


@pytest.mark.parametrize("form", FORMS, ids=IDS)
@pytest.mark.parametrize("editor", EDITORS)
def test_a_card_that_was_not_edited_changes_nothing(editor: str, form: CardForm) -> None:
    assert come_back(editor, RICH, form) == {}


NAME = {"name": "Eve King", "prefix": None, "given_name": "Eve", "middle_name": None, "suffix": None}
ADDRESS = {
    "po_box": None, "extended": None, "street": "Road 9", "city": "Town", "region": None, "postcode": "12345",
    "country": "Land", "value": "Ada King\nLane 2\n12345 Town",
}  # fmt: skip
EDITS: dict[str, tuple[Contact, dict[str, Any]]] = {
    "note": ({**RICH, "notes": "other"}, {"notes": "other"}),
    "note removed": ({**RICH, "notes": None}, {"notes": None}),
    "name": ({**RICH, **NAME}, {**NAME, "family_name": "King"}),
    "nickname": ({**RICH, "nickname": "Ad"}, {"nickname": "Ad"}),
    "company": ({**RICH, "company": "Sea"}, {"company": "Sea"}),
    "department": ({**RICH, "department": "Sea"}, {"department": "Sea"}),
    "title": ({**RICH, "title": "Head"}, {"title": "Head"}),
    "birthday": ({**RICH, "birthday": "--12-11"}, {"birthday": "--12-11"}),
    "birthday with its year": ({**RICH, "birthday": "1815-12-10"}, {"birthday": "1815-12-10"}),
    "first phone": ({**RICH, "phone": "+1 555 9999"}, {"phone": "+1 555 9999"}),
    "label of the first phone": ({**RICH, "phone_label": "Work"}, {"phone_label": "Work"}),
    "first phone removed": (
        {**RICH, "phone": None, "phone_label": None, "phone_params": None},
        {"phone": None, "phone_label": None, "phone_params": None},
    ),
    "first e-mail": ({**RICH, "email": "a@k.example"}, {"email": "a@k.example"}),
    "site": ({**RICH, "website": "https://k.example"}, {"website": "https://k.example"}),
    "phone": (with_detail(RICH, "k1", value="+1 555 2222"), {"details": {"k1": {"value": "+1 555 2222"}}}),
    "phone with a label": (with_detail(RICH, "k2", value="+1 555 2222"), {"details": {"k2": {"value": "+1 555 2222"}}}),
    "label of a phone": (with_detail(RICH, "k1", label="Work Fax"), {"details": {"k1": {"label": "Work Fax"}}}),
    "e-mail": (with_detail(RICH, "k3", value="b@h.example"), {"details": {"k3": {"value": "b@h.example"}}}),
    "preferred e-mail removed": (without_detail(RICH, "k4"), {"details": {"k4": None}}),
    "address": (with_detail(RICH, "k5", street="Road 9"), {"details": {"k5": ADDRESS}}),
    "address removed": (without_detail(RICH, "k6"), {"details": {"k6": None}}),
    "blog": (with_detail(RICH, "k7", value="https://b.example"), {"details": {"k7": {"value": "https://b.example"}}}),
    "anniversary": (with_detail(RICH, "k8", value="2001-02-04"), {"details": {"k8": {"value": "2001-02-04"}}}),
    "date without a year": (with_detail(RICH, "k9", value="--06-08"), {"details": {"k9": {"value": "--06-08"}}}),
    "messenger": (with_detail(RICH, "k10", value="ada"), {"details": {"k10": {"value": "ada"}}}),
    "spouse": (with_detail(RICH, "k12", value="Will"), {"details": {"k12": {"value": "Will"}}}),
    "label removed": (without_detail(RICH, "k14"), {"details": {"k14": None}}),
    "unknown property": (with_detail(RICH, "k18", value="z"), {"details": {"k18": {"value": "z"}}}),
    "new phone": (
        with_detail(RICH, "x", kind="phone", label="Work", value="5", position=99),
        {"details": {"new": {"kind": "phone", "label": "Work", "value": "5", "position": 24}}},
    ),
    "new label": (
        with_detail(RICH, "x", kind="group", value="Crew", position=99),
        {"details": {"new": {"kind": "group", "value": "Crew", "position": 24}}},
    ),
    "photo removed": ({**RICH, "photo": None}, {"photo": None}),
}


@pytest.mark.parametrize("form", FORMS, ids=IDS)
@pytest.mark.parametrize("editor", EDITORS)
@pytest.mark.parametrize("edit", EDITS)
def test_one_edit_is_one_change(edit: str, editor: str, form: CardForm) -> None:
    edited, expected = EDITS[edit]
    if (edit, editor, form) == ("address", "khard", V3):  # which loses how it is printed: that is of the old street
        expected = {"details": {"k5": {**ADDRESS, "value": None}}}
    assert come_back(editor, edited, form) == expected
