"""What a card that came back changes: the rules, one by one."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection
from hashlib import sha256
from typing import Any

import pytest

from offbook.contacts.names import PARTS
from offbook.core.errors import Conflicting
from offbook.formats.carddav.edits import edits_of, sent_with
from offbook.formats.carddav.incoming import read_incoming
from offbook.formats.carddav.lines import ServedVersion
from offbook.formats.carddav.serving import CardForm
from offbook.formats.values import Contact
from tests.formats.carddav.editors import folded, unfolded
from tests.formats.carddav.rich_contact import (
    FORMS,
    RICH,
    SERVED_PICTURE,
    V3,
    V4,
    card_of,
    put,
    with_detail,
    without_detail,
)
from tests.formats.vcard_strategies import dump

ADA: Contact = {"id": "0f8fad5b-d9cb-469f-a165-70867728950e", "name": "Ada", "given_name": "Ada", "details": {}}
EVE = {**dict.fromkeys(PARTS), "name": "Eve King", "given_name": "Eve", "family_name": "King"}
EVERYTHING = {form: sent_with(read_incoming(card_of(RICH, form).encode())) for form in FORMS}
"""The marks of a device that carries all that it is served, and has shown it."""


def card(*lines: str, contact: Contact = ADA, form: CardForm = V3, without: Collection[str] = ()) -> str:
    """The card of a contact with these lines more, and without those of some properties."""
    served = unfolded(card_of(contact, form))
    kept = [line for line in served if not line.startswith(tuple(without)) or not without]
    return folded([*kept[:-1], *lines, kept[-1]])


def edit(*lines: str, contact: Contact = ADA, form: CardForm = V3, without: Collection[str] = ()) -> dict[str, Any]:
    """What such a card changes."""
    return dict(put(card(*lines, contact=contact, form=form, without=without), [contact], form).data)


# --- what was served -------------------------------------------------------------------------------------------------


def test_a_field_is_edited_where_it_differs_from_both_versions() -> None:
    base, offered = {**ADA, "title": "old"}, {**ADA, "title": "new"}
    for title, expected in (("old", {}), ("new", {}), ("other", {"title": "other"}), (None, {"title": None})):
        text = card_of({**ADA, "title": title}, V3)
        assert put(text, [base, offered]).data == expected
        assert put(text, [offered, base]).data == expected


def test_a_detail_that_only_one_version_has_is_not_removed_by_absence() -> None:
    phone = with_detail(ADA, "k1", kind="phone", label="Boat", value="1")
    assert put(card_of(ADA, V3), [ADA, phone]).data == {}
    assert put(card_of(ADA, V3), [phone, ADA]).data == {}
    assert put(card_of(phone, V3), [phone, ADA]).data == {}, "nor does a stale copy bring it back"
    assert put(card_of(ADA, V3), [phone, phone]).data == {"details": {"k1": None}}


def test_an_edit_of_what_somebody_else_removed_is_an_edit_of_it() -> None:
    phone = with_detail(with_detail(ADA, "k1", kind="phone", label="Boat", value="1"), "k2", kind="url", value="u")
    edited = with_detail(phone, "k1", value="12")
    gone = without_detail(phone, "k1", "k2")
    assert put(card_of(edited, V3), [phone, gone]).data == {"details": {"k1": {"value": "12"}}}


def test_an_edit_of_what_somebody_else_added_is_an_edit_of_it_where_the_card_shows_that_it_came() -> None:
    offered = with_detail(ADA, "k1", kind="phone", label="Boat", value="1")
    offered = {**with_detail(offered, "k2", kind="phone", label="Boat", value="22"), "title": "Cook"}
    edited = with_detail(offered, "k1", value="12")
    assert put(card_of(edited, V3), [ADA, offered]).data == {"details": {"k1": {"value": "12"}}}


def test_a_new_number_beside_one_that_somebody_else_added_is_new() -> None:
    offered = with_detail(ADA, "k1", kind="phone", label="Boat", value="1", position=1)
    stale = {**ADA, "phone": "2", "phone_label": "Boat"}
    entry = {"kind": "phone", "label": "Boat", "value": "2", "position": 2}
    assert put(card_of(stale, V3), [ADA, offered]).data == {"details": {"new1": entry}}


@pytest.mark.parametrize("form", FORMS)
def test_where_a_version_was_pruned_nothing_is_removed_by_absence(form: CardForm) -> None:
    text = card_of({**ADA, "uid": RICH["uid"], "name": RICH["name"], **dict.fromkeys(["given_name"])}, form)
    for versions in ([None, RICH], [RICH, None]):
        removed = put(text, versions, form, EVERYTHING[form]).data
        assert removed == {}
    added = put(card_of({**RICH, "title": "Cook"}, form), [None, RICH], form).data
    assert added == {"title": "Cook"}


def test_a_first_number_is_the_contacts_own_where_all_versions_are_known() -> None:
    text = card("TEL;TYPE=work:1")
    assert put(text, [ADA, ADA]).data == {"phone": "1", "phone_label": "Work"}
    entry = {"kind": "phone", "label": "Work", "value": "1", "position": 1}
    assert put(text, [ADA, None]).data == {"details": {"new1": entry}}


def test_a_card_whose_answer_was_lost_and_that_is_sent_again_adds_nothing_twice() -> None:
    """The device still knows the old version, and the server has taken the card."""
    text = card("TEL;TYPE=work:1", "X-FOO:1")
    taken = {**ADA, "phone": "1", "phone_label": "Work"}
    taken = with_detail(taken, "new1", kind="property", label="X-FOO", value="1", position=1)
    assert put(text, [ADA, taken]).data == {}


# --- what is removed only by who carries it --------------------------------------------------------------------------

FEW_CARRY: dict[str, tuple[Contact, dict[str, Any]]] = {
    "property": (without_detail(RICH, "k17"), {"details": {"k17": None}}),
    "property with parameters": (without_detail(RICH, "k18"), {"details": {"k18": None}}),
    "custom field": (without_detail(RICH, "k16"), {"details": {"k16": None}}),
    "phonetic name": ({**RICH, "phonetic_given": None}, {"phonetic_given": None}),
    "filing name": ({**RICH, "file_as": None}, {"file_as": None}),
    "star": ({**RICH, "starred": False}, {"starred": False}),
    "kind": ({**RICH, "kind": None}, {"kind": None}),
    "parameter of a detail": (with_detail(RICH, "k11", params=None), {"details": {"k11": {"params": None}}}),
    "parameter of a property": (with_detail(RICH, "k18", params=None), {"details": {"k18": {"params": None}}}),
    "parameter of a first value": (
        {**RICH, "phone_params": dump([["PREF", ["1"]]])},
        {"phone_params": dump([["PREF", ["1"]]])},
    ),
    "parameters of a field": (without_detail(RICH, "k21"), {"details": {"k21": None}}),
    "label of a phone": (with_detail(RICH, "k1", label=None), {"details": {"k1": {"label": None}}}),
    "label of a first value": ({**RICH, "email_label": None}, {"email_label": None}),
    "preference": (with_detail(RICH, "k4", pref=None), {"details": {"k4": {"pref": False}}}),
    "preference of a first value": (
        {**RICH, "phone_params": dump([["X-CARRIER", ["Sky; Net"]]])},
        {"phone_params": dump([["X-CARRIER", ["Sky; Net"]]])},
    ),
    "an address as it is printed": (
        with_detail(RICH, "k5", value=None),
        {
            "details": {
                "k5": {
                    "po_box": None, "extended": None, "street": "Lane 2\nBack yard", "city": "Town", "region": None,
                    "postcode": "12345", "country": "Land", "value": None,
                }
            }
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FEW_CARRY)
def test_what_few_programs_carry_is_removed_only_by_a_device_that_sent_it(name: str, form: CardForm) -> None:
    without_it, expected = FEW_CARRY[name]
    text = card_of(without_it, form)
    assert put(text, [RICH], form).data == {}
    assert put(text, [RICH], form, EVERYTHING[form]).data == expected


def test_a_device_that_sent_a_property_itself_may_remove_it_later() -> None:
    """And what it sent is known from card to card, until the contact has it no more."""
    first = put(card("X-FOO:1"), [ADA])
    foo = with_detail(ADA, "k1", kind="property", label="X-FOO", value="1")
    second = put(card_of({**foo, "title": "Cook"}, V3), [foo], V3, first.sent)
    assert second.data == {"title": "Cook"}
    third = put(card_of(ADA, V3), [foo], V3, second.sent)
    assert third.data == {"details": {"k1": None}}
    fourth = put(card_of(ADA, V3), [ADA], V3, third.sent)
    assert fourth.sent < third.sent


def test_a_property_that_was_changed_elsewhere_is_not_what_the_device_sent() -> None:
    foo = with_detail(ADA, "k1", kind="property", label="X-FOO", value="1")
    sent = sent_with(read_incoming(card_of(foo, V3).encode()))
    assert put(card_of(ADA, V3), [with_detail(foo, "k1", value="2")], V3, sent).data == {}


def test_what_was_never_served_is_never_removed() -> None:
    contact = with_detail(ADA, "k1", kind="custom", label="unreadable", value="nonsense")
    contact = with_detail(contact, "k2", kind="group", value="* myContacts")
    contact = with_detail({**contact, "photo": "ab" * 32}, "k3", kind="phone", value="")
    version = ServedVersion(contact, V3)  # whose photo is not there yet
    assert edits_of(read_incoming(card_of(ADA, V3).encode()), [version], EVERYTHING[V3], lambda: "new").data == {}


# --- single lines ----------------------------------------------------------------------------------------------------

LINES: dict[str, tuple[Contact, Collection[str], Collection[str], dict[str, Any]]] = {
    "FN alone takes the parts along": (
        ADA,
        ["FN"],
        ["FN:Eve King"],
        EVE,
    ),
    "N alone takes the name along": (
        ADA,
        ["N:"],
        ["N:King;Eve;;;"],
        EVE,
    ),
    "a card without FN and N changes no name": (ADA, ["FN", "N:"], [], {}),
    "a name that stood in for none follows": (
        {"id": ADA["id"], "name": "a@b", "email": "a@b", "details": {}},
        ["EMAIL"],
        ["EMAIL:c@d"],
        {"email": "c@d", "name": "c@d", **dict.fromkeys(PARTS)},
    ),
    "N that follows from the name": ({**ADA, "given_name": None}, ["N:"], ["N:;Ada;;;"], {}),
    "a name that is too long": (
        ADA,
        ["FN"],
        [f"FN:{'x' * 400}"],
        {"details": {"new1": {"kind": "property", "label": "FN", "value": "x" * 400, "position": 1}}},
    ),
    "a title that is too long": (
        {**ADA, "title": "Cook"},
        ["TITLE"],
        [f"TITLE:{'x' * 400}"],
        {
            "title": None,
            "details": {"new1": {"kind": "property", "label": "TITLE", "value": "x" * 400, "position": 1}},
        },
    ),
    "a number that is too long for the first": (
        {**ADA, "phone": "1", "phone_label": "Work"},
        ["TEL"],
        [f"TEL;TYPE=work:{'1' * 101}"],
        {
            "phone": None,
            "phone_label": None,
            "details": {"new1": {"kind": "phone", "label": "Work", "value": "1" * 101, "position": 1}},
        },
    ),
    "a part that is too long is told, and the address stays": (
        with_detail(ADA, "k1", kind="address", city="Town"),
        ["ADR"],
        [f"ADR:;;;{'x' * 300};;;"],
        {},
    ),
    "a birthday in words": (
        {**ADA, "birthday": "1815-12-10"},
        ["BDAY"],
        ["BDAY:spring"],
        {
            "birthday": None,
            "details": {"new1": {"kind": "property", "label": "BDAY", "value": "spring", "position": 1}},
        },
    ),
    "a time of a birthday": (
        {**ADA, "birthday": "1815-12-10"},
        ["BDAY"],
        ["BDAY:1815-12-10T10:11:12Z"],
        {
            "details": {
                "new1": {"kind": "property", "label": "BDAY", "params": dump([["@TIME", ["101112Z"]]]), "position": 1}
            },
        },
    ),
    "a year that stands for none": (
        {**ADA, "birthday": "--12-10"},
        ["BDAY"],
        ["BDAY:1604-12-10"],
        {},
    ),
    "another day of a year that stands for none": (
        {**ADA, "birthday": "--12-10"},
        ["BDAY"],
        ["BDAY:1604-12-11"],
        {"birthday": "--12-11"},
    ),
    "a note in two lines": ({**ADA, "notes": "a\nb"}, ["NOTE"], ["NOTE:a", "NOTE:b"], {}),
    "nicknames in two lines": ({**ADA, "nickname": "a, b"}, ["NICKNAME"], ["NICKNAME:a", "NICKNAME:b"], {}),
    "a second title": (
        {**ADA, "title": "Cook"},
        [],
        ["TITLE:Captain"],
        {"details": {"new1": {"kind": "property", "label": "TITLE", "value": "Captain", "position": 1}}},
    ),
    "two titles in another order": (
        with_detail({**ADA, "title": "Cook"}, "k1", kind="property", label="TITLE", value="Captain"),
        ["TITLE"],
        ["TITLE:Captain", "TITLE:Cook"],
        {},
    ),
    "a parameter of a field": (
        ADA,
        ["FN"],
        ["FN;LANGUAGE=de:Ada"],
        {
            "details": {
                "new1": {"kind": "property", "label": "FN", "params": dump([["LANGUAGE", ["de"]]]), "position": 1}
            }
        },
    ),
    "another parameter of a field": (
        with_detail(ADA, "k1", kind="property", label="FN", params=dump([["LANGUAGE", ["en"]]])),
        ["FN"],
        ["FN;LANGUAGE=de:Ada"],
        {"details": {"k1": {"params": dump([["LANGUAGE", ["de"]]])}}},
    ),
    "a field that goes takes its parameters along": (
        with_detail({**ADA, "title": "Cook"}, "k1", kind="property", label="TITLE", params=dump([["ALTID", ["1"]]])),
        ["TITLE"],
        [],
        {"title": None, "details": {"k1": None}},
    ),
    "a label in another case": (
        with_detail(ADA, "k1", kind="group", value="Choir"),
        ["CATEG"],
        ["CATEGORIES:choir"],
        {},
    ),
    "labels in lines of their own": (
        with_detail(with_detail(ADA, "k1", kind="group", value="A"), "k2", kind="group", value="B"),
        ["CATEG"],
        ["CATEGORIES:B", "CATEGORIES:A"],
        {},
    ),
    "a label that is there twice": (
        with_detail(with_detail(ADA, "k1", kind="group", value="A"), "k2", kind="group", value="a"),
        ["CATEG"],
        [],
        {"details": {"k1": None, "k2": None}},
    ),
    "Google's star": (ADA, [], ["CATEGORIES:starred,myContacts"], {"starred": True}),
    "an organization": (ADA, [], ["X-ABShowAs:COMPANY"], {"kind": "organization"}),
    "a preference of the first, where there was none": (
        with_detail({**ADA, "phone": "1"}, "k1", kind="phone", value="2"),
        ["TEL"],
        ["TEL;TYPE=pref:1", "TEL:2"],
        {},
    ),
    "a preference of another": (
        with_detail({**ADA, "phone": "1"}, "k1", kind="phone", value="2"),
        ["TEL"],
        ["TEL:1", "TEL;TYPE=pref:2"],
        {"details": {"k1": {"pref": True}}},
    ),
    "a preference that moves": (
        with_detail({**ADA, "phone": "1", "phone_params": dump([["PREF", ["1"]]])}, "k1", kind="phone", value="2"),
        ["TEL"],
        ["TEL:1", "TEL;TYPE=pref:2"],
        {"phone_params": None, "details": {"k1": {"pref": True}}},
    ),
    "a preference that moves to the first": (
        with_detail({**ADA, "phone": "1"}, "k1", kind="phone", value="2", pref=True),
        ["TEL"],
        ["TEL;TYPE=pref:1", "TEL:2"],
        {"phone_params": dump([["PREF", ["1"]]]), "details": {"k1": {"pref": False}}},
    ),
    "a number in a group with what is unknown": (
        {**ADA, "phone": "1"},
        [],
        ["item7.TEL:2", "item7.X-FOO:3"],
        {
            "details": {
                "new1": {"kind": "phone", "value": "2", "params": dump([["@GROUP", ["item7"]]]), "position": 1},
                "new2": {
                    "kind": "property", "label": "X-FOO", "value": "3", "params": dump([["@GROUP", ["item7"]]]),
                    "position": 2,
                },
            }
        },
    ),
    "an unknown property with another value": (
        with_detail(ADA, "k1", kind="property", label="X-FOO", value="a\\,b", params=dump([["LANGUAGE", ["de"]]])),
        ["X-FOO"],
        ["X-FOO;LANGUAGE=de:c\\,d"],
        {"details": {"k1": {"value": "c\\,d"}}},
    ),
    "a country code that a program adds": (
        with_detail(ADA, "k1", kind="address", city="Town"),
        ["ADR"],
        ["item1.ADR:;;;Town;;;", "item1.X-ABADR:us"],
        {},
    ),
    "another country code": (
        with_detail(ADA, "k1", kind="address", city="Town", params=dump([["X-ABADR", ["de"]]])),
        ["item1"],
        ["item1.ADR:;;;Town;;;", "item1.X-ABADR:us"],
        {"details": {"k1": {"params": dump([["X-ABADR", ["us"]]])}}},
    ),
    "a label of a group that is not known": (
        ADA,
        [],
        ["item1.X-ABLabel:Boat"],
        {
            "details": {
                "new1": {
                    "kind": "property", "label": "X-ABLABEL", "value": "Boat", "position": 1,
                }
            }
        },
    ),
    "what macOS notes for itself": (ADA, [], ["X-IMAGETYPE:PHOTO", "X-ABUID:1:ABPerson", "X-KIND:individual"], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_lines_that_came_are_these_cells(name: str) -> None:
    contact, without, lines, expected = LINES[name]
    assert edit(*lines, contact=contact, without=without) == expected


@pytest.mark.parametrize("form", FORMS)
def test_a_number_with_another_label_is_the_same_number(form: CardForm) -> None:
    edited = with_detail(with_detail(RICH, "k1", value="7"), "k2", label="Work")
    data = put(card_of(edited, form), [RICH], form).data
    assert data == {"details": {"k1": {"value": "7"}, "k2": {"label": "Work"}}}


def test_a_number_that_is_written_otherwise_is_that_number_and_an_edit() -> None:
    contact = with_detail(with_detail(ADA, "k1", kind="phone", value="030 1234567"), "k2", kind="phone", value="5")
    data = edit("TEL:5", "TEL;TYPE=work:+49 30 1234567", contact=contact, without=["TEL"])
    assert data == {"details": {"k1": {"label": "Work", "value": "+49 30 1234567"}}}


# --- photos ----------------------------------------------------------------------------------------------------------


def photo_line(data: bytes) -> str:
    return f"PHOTO;ENCODING=b;TYPE=JPEG:{b64encode(data).decode()}"


NEW_PHOTO = b"\xff\xd8\xff another one"


def test_another_photo_is_an_edit_and_comes_with_its_bytes() -> None:
    edits = put(card(photo_line(NEW_PHOTO), contact=RICH, without=["PHOTO"]), [RICH])
    digest = sha256(NEW_PHOTO).hexdigest()
    assert (edits.data, edits.blobs) == ({"photo": digest}, {digest: NEW_PHOTO})


def test_the_photo_as_it_was_served_is_no_edit_and_brings_no_bytes() -> None:
    edits = put(card(photo_line(SERVED_PICTURE), contact=RICH, without=["PHOTO"]), [RICH])
    assert (edits.data, edits.blobs) == ({}, {})


@pytest.mark.parametrize("line", ["PHOTO;ENCODING=b:%%%", "PHOTO;VALUE=uri:https://x.example/p.jpg"])
def test_a_photo_that_can_not_be_read_takes_none_away(line: str) -> None:
    data = edit(line, contact=RICH, without=["PHOTO"])
    assert data.keys() == {"details"}
    assert data["details"]["new1"]["label"] == "PHOTO"


def test_a_first_photo_is_taken() -> None:
    assert edit(photo_line(NEW_PHOTO)) == {"photo": sha256(NEW_PHOTO).hexdigest()}


# --- what can't be read, and what is somebody else's -----------------------------------------------------------------


def test_a_line_that_can_not_be_read_is_kept_once_and_told_and_nothing_is_removed() -> None:
    contact = {**ADA, "phone": "1"}
    text = card("TEL 12", "TEL 12", contact=contact, without=["TEL"])
    edits = put(text, [contact])
    entry = {"kind": "custom", "label": "unreadable", "value": "TEL 12"}
    assert edits.data == {"details": {"new1": {**entry, "position": 1}}}
    assert [problem.code for problem in edits.problems] == ["unreadable_line"] * 2
    assert put(text, [with_detail(contact, "new1", **entry)]).data == {}


def test_the_card_of_somebody_else_is_refused() -> None:
    text = card_of({**RICH, "uid": "eve@offbook.example"}, V3)
    with pytest.raises(Conflicting) as raised:
        put(text, [RICH])
    assert raised.value.code == "uid_changed"
    assert "eve@offbook.example" in str(raised.value)


@pytest.mark.parametrize(
    "uid", ["urn:uuid:0F8FAD5B-d9cb-469f-a165-70867728950e", "0f8fad5b-d9cb-469f-a165-70867728950e"]
)
def test_a_uid_in_another_spelling_is_the_same(uid: str) -> None:
    assert edit(f"UID:{uid}", without=["UID"]) == {}
    assert edit(without=["UID"]) == {}, "nor is one needed"


def test_4_0_is_compared_as_4_0() -> None:
    """A card of 3.0 that comes from a device that is served 4.0, as Evolution makes it, is compared by what it says."""
    assert put(card_of(RICH, V3), [RICH], V4).data == {}
    assert put(card_of(RICH, V4), [RICH], V3).data == {}


# --- hostile cards ---------------------------------------------------------------------------------------------------


def test_a_card_of_many_lines_ends_and_fills_a_contact_and_no_more() -> None:
    """Each of these takes minutes where lines are compared with lines."""
    contact = ADA
    for number in range(400):
        contact = with_detail(contact, f"k{number}", kind="group", value=f"label {number}")
    lines = [f"TEL;TYPE=pref:{number}" for number in range(20_000)] + [f"nonsense {number}" for number in range(20_000)]
    edits = put(card(*lines, contact=contact, without=["CATEG"]), [contact, contact])
    assert len(edits.data["details"]) == 100
    assert [problem.code for problem in edits.problems if problem.row == 0] == ["too_many_entries"]
    edits = put(card(contact=contact, without=["CATEG"]), [contact, contact])
    assert set(edits.data["details"].values()) == {None}
    assert len(edits.data["details"]) == 400
