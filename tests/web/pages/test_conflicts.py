"""The inbox, used as a person without scripts does: what waits is shown, settled, undone, and told in words."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import Any

import pytest
from sqlalchemy import event
from werkzeug.test import TestResponse

from app import App
from offbook.core.model import Conflict
from offbook.core.pictures import sha256_of
from tests.support.api_client import contents
from tests.support.browser import Browser, parts_of, signed_in
from tests.support.conflict_scenarios import BOAT, HOME, Pair, every_kind, many, pair
from tests.support.html_forms import Fields, form_at
from tests.support.pictures import named, picture

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database

DETAILS = {"k1": HOME, "k2": BOAT}


@pytest.fixture
def two(app: App) -> Pair:
    return pair(app)


@pytest.fixture
def ada(app: App, two: Pair) -> Browser:
    return signed_in(app, "ada")


def form(ada: Browser, conflict: Conflict) -> Fields:
    """What both forms of a conflict carry along: the same, but for the value."""
    fields = form_at(ada.get("/inbox").text, f"/inbox/{conflict.id}")
    return {name: fields[name][:1] for name in ("csrf_token", "change_id", "base", "next")}


def send(ada: Browser, conflict: Conflict, fields: Fields) -> TestResponse:
    return ada.client.post(f"/inbox/{conflict.id}", data=fields, follow_redirects=True)


def choose(ada: Browser, conflict: Conflict, choice: str, **more: str) -> TestResponse:
    fields = form(ada, conflict) | {"choice": [choice]}
    return send(ada, conflict, fields | {name: [value] for name, value in more.items()})


def undo(ada: Browser, conflict: Conflict) -> TestResponse:
    return ada.client.post(
        f"/inbox/{conflict.id}/undo", data=form_at(ada.get("/settings").text, "/logout"), follow_redirects=True
    )


def words(page: TestResponse) -> str:
    """A page as it reads: without its marks."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", page.text)))


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_an_empty_inbox_says_that_nothing_waits_and_has_no_badge(ada: Browser) -> None:
    page = ada.get("/inbox")
    assert "Nothing waits" in page.text
    assert "badge" not in page.text


def test_every_page_counts_what_waits(ada: Browser, two: Pair) -> None:
    every_kind(two)
    for path in ("/", "/trash", "/settings", "/inbox"):
        assert "9 open conflicts" in words(ada.get(path))


def test_every_kind_of_conflict_is_shown_in_words(ada: Browser, two: Pair) -> None:
    every_kind(two)
    page = words(ada.get("/inbox"))
    for text in (
        "Phone Before: 555-0100 Laptopstands",
        "555-0142 Keep Laptop’s Phonewaits",
        "Job title Before: Countess",
        "nothing Keep Laptop’s",
        "Address (Home) Before: 1 Long Street, Town",
        "2 Short LaneArlington Keep Laptop’s",
        "Phone (boat) Before: 555-2",
        "Removed it Leave it out",
        "Changed it:grace@navy.example Put it back",
        "Deleted this contact Leave it deleted",
        "Changed it:Company “Engines Ltd”Phone “555-7” Bring it back",
        "Changed it:Birthday “26 December 1780” Keep the contact",
        "Deleted this contact Delete it",
        "24 June 1912 Keep Laptop’s",
    ):
        assert text in page


def test_what_a_card_said_is_shown_in_words(ada: Browser, two: Pair) -> None:
    """And as it is stored where words don't tell the two apart."""
    gender = {"kind": "property", "label": "X-GENDER", "value": "a"}
    contact = two.add(phone="1", email="a@x.example", details={"k1": gender})
    first = {"phone_params": '[["TYPE",["VOICE","CELL"]],["LANGUAGE",["de"]]]', "email_params": '[["PID",["1.1"]]]'}
    then = {"phone_params": '[["TYPE",["HOME"]]]', "email_params": '[["PID",["2.1"]]]'}
    two.meet(
        contact,
        first | {"details": {"k1": {"value": "one\\, two"}}},
        then | {"details": {"k1": {"value": "three\\; four"}}},
    )
    page = words(ada.get("/inbox"))
    for text in ("celllanguage de Keep Laptop’s", "home Keep Phone’s", "one, two Keep", "three; four Keep", "(Gender)"):
        assert text in page
    assert ('[["PID",["1.1"]]]' in page, '[["PID",["2.1"]]]' in page, "LANGUAGE" in page, "VOICE" in page) == (
        True,
        True,
        False,
        False,
    )
    assert page.count("Type another") == 1, "no JSON is to be typed"


def test_what_differs_is_marked_where_the_two_have_something_in_common(ada: Browser, two: Pair) -> None:
    two.conflict(phone=("555-0142", "555-0199"), company=("Looms", "Engines"))
    page = ada.get("/inbox").text
    assert "555-<mark>0142</mark>" in page
    assert "<p>Looms</p>" in page


def test_the_contact_s_page_leads_to_what_waits(ada: Browser, two: Pair) -> None:
    for _ in range(60):
        two.conflict(phone=("1", "2"))
    contact, _ = two.conflict(phone=("555-7", "555-8"))
    page = ada.get(f"/c/{contact}").text
    assert "Two versions of one value wait" in page
    link = re.search(r'href="(/inbox[^"]+)"[^>]*>choose', page)
    assert link is not None
    assert f'id="{link[1].partition("#")[2]}"' in ada.get(link[1].partition("#")[0]).text


def test_a_page_asks_a_fixed_number_of_statements(app: App, ada: Browser, two: Pair) -> None:
    asked: list[str] = []
    engine = app.extensions["database"].engine
    two.conflict(phone=("1", "2"))
    event.listen(engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    ada.get("/inbox")
    few = len(asked)
    asked.clear()
    every_kind(two)
    many(two, 20)
    asked.clear()
    ada.get("/inbox")
    assert len(asked) == few


# --- a choice --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "stands"), [("ours", "555-1"), ("theirs", "555-2")])
def test_a_choice_is_made_for_every_device(ada: Browser, two: Pair, choice: str, stands: str) -> None:
    contact, conflict = two.conflict(phone=("555-1", "555-2"))
    cursor = two.phone.synced(since=None)["cursor"]
    page = choose(ada, conflict, choice)
    assert f"Phone of Ada Lovelace is “{stands}”." in words(page)
    assert "in the contact’s history" in words(page)
    assert two.record(contact).cells["phone"] == stands
    assert two.open() == []
    rows = {row["table"]: row for row in two.phone.synced(since=cursor)["changes"]}
    assert rows["contacts"]["data"]["phone"] == stands
    assert (rows["conflicts"]["record_id"], rows["conflicts"]["operation"]) == (conflict.id, "DELETE")


def test_both_phones_can_stay(ada: Browser, two: Pair) -> None:
    contact, conflict = two.conflict(phone=("555-1", "555-2"))
    choose(ada, conflict, "both")
    cells = two.record(contact).cells
    assert cells["phone"] == "555-1"
    assert [value[0] for cell, value in cells.items() if cell.endswith("/value") and isinstance(value, tuple)] == [
        "555-2"
    ]


def test_both_notes_can_stay(ada: Browser, two: Pair) -> None:
    contact, conflict = two.conflict(notes=("Likes looms.", "Writes programs."))
    choose(ada, conflict, "both")
    assert two.record(contact).cells["notes"] == "Likes looms.\n\nWrites programs."


def test_a_field_without_room_for_two_offers_no_both_and_takes_none(ada: Browser, two: Pair) -> None:
    contact, conflict = two.conflict(company=("Looms", "Engines"))
    assert "Keep both" not in ada.get("/inbox").text
    answer = choose(ada, conflict, "both")
    assert answer.status_code == 422
    assert "no room for both" in answer.text
    assert two.record(contact).cells["company"] == "Looms"


@pytest.mark.parametrize(("cell", "typed"), [("phone", "555-3"), ("birthday", "1815-12-10")])
def test_a_third_value_can_be_typed(ada: Browser, two: Pair, cell: str, typed: str) -> None:
    contact, conflict = two.conflict(**{cell: ("1815-12-11", "1815-12-12")})
    choose(ada, conflict, "typed", value=f" {typed} ")
    assert two.record(contact).cells[cell] == typed


def test_a_third_value_can_be_typed_for_a_detail(ada: Browser, two: Pair) -> None:
    contact = two.add(details=DETAILS)
    two.meet(contact, {"details": {"k2": {"value": "555-3"}}}, {"details": {"k2": {"value": "555-4"}}})
    choose(ada, two.open()[0], "typed", value="555-5")
    assert two.record(contact[0]).cells["details/k2/value"] == ("555-5", *[None] * 7)
    assert two.record(contact[0]).cells["details/k2/label"] == "boat"


def test_an_address_stays_whole_and_can_stay_twice(ada: Browser, two: Pair) -> None:
    contact = two.add(details=DETAILS)
    first, then = {"street": "2 Lane", "city": "Leeds"}, {"street": "3 Lane", "city": "York"}
    two.meet(contact, {"details": {"k1": first}}, {"details": {"k1": then}})
    assert "Type another" not in ada.get("/inbox").text
    choose(ada, two.open()[0], "both")
    cells = two.record(contact[0]).cells
    values = [
        value for cell, value in cells.items() if cell.endswith("/value") and cells[cell[:-5] + "kind"] == "address"
    ]
    assert sorted(values, key=str) == [
        (None, "2 Lane", "Leeds", *[None] * 5),
        (None, "3 Lane", "York", *[None] * 5),
    ]


@pytest.mark.parametrize(("choice", "there"), [("ours", False), ("theirs", True)])
def test_an_entry_that_one_removed_and_one_changed_waits(ada: Browser, two: Pair, choice: str, there: bool) -> None:
    contact = two.add(details=DETAILS)
    two.meet(contact, {"details": {"k2": None}}, {"details": {"k2": {"value": "555-4"}}})
    choose(ada, two.open()[0], choice)
    assert bool(two.record(contact[0]).cells["details/k2/@exists"]) is there
    assert two.open() == []


@pytest.mark.parametrize("first", [None, {"company": "Looms"}])
@pytest.mark.parametrize("deleted", [True, False])
def test_a_contact_that_one_deleted_and_one_changed_waits(
    ada: Browser, two: Pair, first: dict[str, Any] | None, deleted: bool
) -> None:
    contact = two.add()
    two.meet(contact, first, {"company": "Looms"} if first is None else None)
    choice = "ours" if deleted is (first is None) else "theirs"
    page = words(choose(ada, two.open()[0], choice))
    assert f"Ada Lovelace {'is deleted' if deleted else 'stays'}." in page
    assert two.record(contact[0]).deleted is deleted
    assert two.record(contact[0]).cells["company"] == "Looms"
    assert two.open() == []


def test_the_next_conflict_is_where_one_goes_on(ada: Browser, two: Pair) -> None:
    every_kind(two)
    first, second = two.open()[:2]
    fields = form(ada, first) | {"choice": ["ours"]}
    answer = ada.client.post(f"/inbox/{first.id}", data=fields)
    assert answer.headers["Location"].endswith(f"#c-{second.id}")


def test_a_choice_that_is_sent_twice_is_made_once(app: App, ada: Browser, two: Pair) -> None:
    _, conflict = two.conflict(phone=("555-1", "555-2"))
    fields = form(ada, conflict) | {"choice": ["both"]}
    once = words(send(ada, conflict, fields))
    after = contents(app, "devices", "attempts")
    assert "Phone of Ada Lovelace is “555-1”." in once
    assert "Phone of Ada Lovelace is “555-1”." in words(send(ada, conflict, fields))
    assert contents(app, "devices", "attempts") == after


# --- what can't be stored --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "said"),
    [("soon", "Birthday must be a date"), ("", "Type a value first"), ("1" * 11, "Birthday has 11 characters")],
)
def test_a_value_that_can_not_be_is_told_beside_it_and_stays_typed(
    ada: Browser, two: Pair, value: str, said: str
) -> None:
    contact, conflict = two.conflict(birthday=("1815-12-10", "1815-12-11"))
    answer = choose(ada, conflict, "typed", value=value)
    assert answer.status_code == 422
    assert f'id="v-{conflict.id}-error">{said}' in answer.text
    assert f'name="value" value="{value}"' in answer.text
    assert '<details class="third" open>' in answer.text
    assert two.record(contact).cells["birthday"] == "1815-12-10"
    assert two.open() == [conflict]


@pytest.mark.parametrize(
    "fields",
    [
        {"choice": ""},
        {"choice": "mine"},
    ],
)
def test_a_broken_form_changes_nothing(ada: Browser, two: Pair, fields: dict[str, str]) -> None:
    contact, conflict = two.conflict(phone=("555-1", "555-2"))
    assert choose(ada, conflict, **fields).status_code == 422
    assert two.open() == [conflict]
    assert two.record(contact).cells["phone"] == "555-1"


def test_a_form_whose_id_is_none_changes_nothing(ada: Browser, two: Pair) -> None:
    _, conflict = two.conflict(phone=("555-1", "555-2"))
    page = choose(ada, conflict, choice="ours", change_id="x")
    assert page.status_code == 400
    assert "must be a UUID" in page.text
    assert two.open() == [conflict]


# --- what others did meanwhile ---------------------------------------------------------------------------------------


def test_a_conflict_that_was_settled_meanwhile_says_so_and_shows_what_stands(ada: Browser, two: Pair) -> None:
    contact, conflict = two.conflict(phone=("555-1", "555-2"))
    fields = form(ada, conflict) | {"choice": ["typed"], "value": ["555-3"]}
    seq = two.record(contact).seq
    two.laptop.synced(two.edit((contact, seq), {"phone": "555-2"}, resolves=[conflict.id]))
    page = words(send(ada, conflict, fields))
    assert (
        "Settled already, by Laptop. Phone of Ada Lovelace is “555-2”. You typed “555-3”, which was not used." in page
    )
    assert two.record(contact).cells["phone"] == "555-2"


def test_a_cell_that_was_changed_again_meanwhile_waits_once_more(ada: Browser, two: Pair) -> None:
    contact, conflict = two.conflict(phone=("555-1", "555-2"))
    fields = form(ada, conflict) | {"choice": ["theirs"]}
    two.laptop.synced(two.edit((contact, two.record(contact).seq), {"phone": "555-9"}))
    page = words(send(ada, conflict, fields))
    assert "it waits once more" in page
    (again,) = two.open()
    assert (again.ours, again.theirs) == ("555-9", "555-2")


def test_what_stands_is_what_the_record_holds_by_now(ada: Browser, two: Pair) -> None:
    contact, conflict = two.conflict(phone=("555-1", "555-2"))
    two.phone.synced(two.edit((contact, two.record(contact).seq), {"phone": "555-9"}))
    page = words(ada.get("/inbox"))
    assert "555-9" in page
    choose(ada, conflict, "ours")
    assert two.record(contact).cells["phone"] == "555-9"
    assert two.open() == []


def test_a_kept_value_of_a_contact_deleted_meanwhile_does_not_bring_it_back(ada: Browser, two: Pair) -> None:
    contact, conflict = two.conflict(phone=("555-1", "555-2"))
    two.laptop.synced(two.edit((contact, two.record(contact).seq), None))
    assert "Ada Lovelace is deleted." in words(choose(ada, conflict, "ours"))
    assert two.record(contact).deleted
    assert two.open() == []


# --- undo ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", ["theirs", "both"])
def test_a_choice_can_be_undone(ada: Browser, two: Pair, choice: str) -> None:
    contact, conflict = two.conflict(phone=("555-1", "555-2"))
    page = choose(ada, conflict, choice)
    assert f'action="/inbox/{conflict.id}/undo"' in page.text
    assert "Undone." in undo(ada, conflict).text
    cells = two.record(contact).cells
    assert cells["phone"] == "555-1"
    assert not any(value is True for cell, value in cells.items() if cell.startswith("details/"))


def test_a_deletion_can_be_undone(ada: Browser, two: Pair) -> None:
    contact = two.add()
    two.meet(contact, {"company": "Looms"}, None)
    conflict = two.open()[0]
    choose(ada, conflict, "theirs")
    undo(ada, conflict)
    assert not two.record(contact[0]).deleted


def test_a_choice_that_changed_nothing_offers_no_undo(ada: Browser, two: Pair) -> None:
    _, conflict = two.conflict(phone=("555-1", "555-2"))
    assert "/undo" not in choose(ada, conflict, "ours").text
    assert "Undone." in undo(ada, conflict).text


def test_an_undo_takes_nothing_from_who_came_later(ada: Browser, two: Pair) -> None:
    contact, conflict = two.conflict(phone=("555-1", "555-2"))
    choose(ada, conflict, "theirs")
    two.laptop.synced(two.edit((contact, two.record(contact).seq), {"phone": "555-9"}))
    assert "changed again meanwhile" in undo(ada, conflict).text
    assert two.record(contact).cells["phone"] == "555-9"


# --- all alike -------------------------------------------------------------------------------------------------------


def settle_all(ada: Browser, rule: str) -> TestResponse:
    fields = form_at(ada.get("/inbox").text, "/inbox/all") | {"rule": [rule]}
    return ada.client.post("/inbox/all", data=fields, follow_redirects=True)


@pytest.mark.parametrize(("rule", "phones"), [("ours", ["1", "3"]), ("theirs", ["2", "4"]), ("later", ["2", "3"])])
def test_all_are_settled_alike(ada: Browser, two: Pair, rule: str, phones: list[str]) -> None:
    contacts = [two.add(), two.add()]
    two.meet(contacts[0], {"phone": "1"}, {"phone": "2"})
    for device, phone, at in ((two.laptop, "3", "2026-11-18T17:30:00Z"), (two.phone, "4", "2026-11-18T17:20:00Z")):
        device.synced(two.edit(contacts[1], {"phone": phone}, timestamp=at))
    page = words(settle_all(ada, rule))
    assert "Settled 2 conflicts." in page
    assert "Nothing waits" in page
    assert [two.record(contact).cells["phone"] for contact, _ in contacts] == phones


@pytest.mark.parametrize("rule", ["ours", "theirs", "later"])
def test_every_kind_is_settled_alike_and_nothing_waits_once_more(ada: Browser, two: Pair, rule: str) -> None:
    every_kind(two)
    wanted = {one.key + (one.cell,): one.ours if rule == "ours" else one.theirs for one in two.open()}
    settle_all(ada, rule)
    assert two.open() == []
    for (_, contact, cell), value in wanted.items():
        record = two.record(contact)
        have = not record.deleted if cell == "@exists" else record.cells.get(cell)
        assert have == value or not (have or value)


def test_what_opened_after_the_page_was_shown_is_not_settled_unseen(ada: Browser, two: Pair) -> None:
    two.conflict(phone=("1", "2"))
    two.conflict(phone=("1", "2"))
    fields = form_at(ada.get("/inbox").text, "/inbox/all") | {"rule": ["ours"]}
    _, unseen = two.conflict(phone=("3", "4"))
    assert "Settled 2 conflicts." in ada.client.post("/inbox/all", data=fields, follow_redirects=True).text
    assert two.open() == [unseen]


def test_an_unknown_rule_settles_nothing(ada: Browser, two: Pair) -> None:
    two.conflict(phone=("1", "2"))
    two.conflict(phone=("1", "2"))
    assert settle_all(ada, "mine").status_code == 422
    assert len(two.open()) == 2


def test_thousands_are_settled_in_a_moment(ada: Browser, two: Pair) -> None:
    many(two, 1200)
    assert ada.get("/inbox").text.count('class="conflict"') == 50
    begun = time.perf_counter()
    assert "Settled 1,200 conflicts." in settle_all(ada, "later").text
    assert time.perf_counter() - begun < 10
    assert two.open() == []


def test_a_long_inbox_has_pages(ada: Browser, two: Pair) -> None:
    many(two, 60)
    assert 'href="/inbox?start=50"' in ada.get("/inbox").text
    assert ada.get("/inbox?start=50").text.count('class="conflict"') == 10


# --- whose it is -----------------------------------------------------------------------------------------------------


def test_another_s_conflict_is_not_there(app: App, two: Pair) -> None:
    _, conflict = two.conflict(phone=("555-1", "555-2"))
    pair(app, "eve")
    eve = signed_in(app, "eve")
    for path in (f"/inbox/{conflict.id}", f"/inbox/{conflict.id}/undo"):
        assert eve.post(path, "/settings", choice="theirs", base="1").status_code == 404
    eve.post("/inbox/all", "/settings", rule="theirs", seq=str(2**60))
    assert "555-" not in eve.get("/inbox").text
    assert "badge" not in eve.get("/inbox").text
    assert two.open() == [conflict]


def test_a_person_s_own_edit_is_called_so(app: App, ada: Browser, two: Pair) -> None:
    contact = two.add(company="Navy")
    form_ = form_at(ada.get(f"/c/{contact[0]}/edit").text, f"/c/{contact[0]}/edit") | {"company": ["Yale"]}
    two.laptop.synced(two.edit(contact, {"company": "Harvard"}))
    ada.client.post(f"/c/{contact[0]}/edit", data=form_)
    page = words(ada.get("/inbox"))
    assert "You, in the browserwaits" in page
    assert "Keep yours" in page
    assert parts_of(app).contacts.conflicts(two.book) == 1


def test_the_history_tells_whether_a_choice_still_waits(ada: Browser, two: Pair) -> None:
    contact, conflict = two.conflict(phone=("1", "2"))
    path = f"/c/{contact}/history"
    assert "Edit that waits for a choice" in words(ada.get(path))
    choose(ada, conflict, "theirs")
    told = words(ada.get(path))
    assert "Edit that was left to a choice" in told
    assert "waits" not in told


def test_two_photos_are_shown_as_pictures_and_none_can_be_typed(app: App, ada: Browser, two: Pair) -> None:
    photos = [picture(color=color) for color in ("red", "blue", "green")]
    for photo in photos:
        address, content = named(photo)
        assert two.laptop.ask("PUT", address, data=content).status_code == 201
    before, *hashes = map(sha256_of, photos)
    two.meet(two.add(photo=before), {"photo": hashes[0]}, {"photo": hashes[1]})
    page = ada.get("/inbox").text.replace("&amp;", "&")
    for sha256 in hashes:
        assert f'<img class="value-photo" src="/blobs/{sha256}?size=720" alt="The photo of' in page
    assert f'src="/blobs/{before}?size=96"' in page
    assert not any(sha256 in words(ada.get("/inbox")) for sha256 in (before, *hashes))
    assert "Type another" not in page
