"""The contacts pages over a real database, used as a person without scripts does."""

from __future__ import annotations

import re
from functools import partial
from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import App
from offbook.contacts.table import BUILT_IN
from offbook.core.merge.retention import RetentionLimits
from offbook.core.model import Record
from offbook.core.protocol.requests import parse_change
from services.retention import prune
from storage.base import ChangeOrigin
from tests.support.browser import Browser, add_device, add_user, parts_of, signed_in
from tests.support.html_forms import Fields, form_at
from tests.support.pushes import push

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database

CURSOR = re.compile(r'<body [^>]*data-cursor="([^"]+)"')
DETAIL = re.compile(r"<dt>([^<]*)</dt><dd>(?:<a [^>]*>)?([^<]*)")


class Person:
    """Somebody with a browser, and one with a device who edits the same book."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.parts = parts_of(app)
        add_user(app, "ada")
        self.browser = signed_in(app, "ada")
        self.book = self.parts.accounts.user_named("ada").book_id
        self.device, _ = add_device(app, device="Bob's phone")

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.browser.get(path, **options)

    def send(self, path: str, fields: Fields, follow: bool = True, **options: Any) -> TestResponse:
        return self.browser.client.post(path, data=fields, follow_redirects=follow, **options)

    def add(self, **fields: str) -> str:
        form = form_at(self.get("/c/new").text, "/c/new") | {name: [value] for name, value in fields.items()}
        self.send("/c/new", form)
        return form["change_id"][0]

    def form(self, contact: str) -> Fields:
        return form_at(self.get(f"/c/{contact}/edit").text, f"/c/{contact}/edit")

    def record(self, contact: str) -> Record:
        found = self.parts.contacts.get(self.book, contact)
        assert found is not None
        return found

    def device_edits(self, contact: str, operation: str = "UPDATE", **data: Any) -> None:
        item: dict[str, Any] = {
            "id": self.parts.new_id(),
            "table": "contacts",
            "record_id": contact,
            "operation": operation,
        }
        item |= {"timestamp": "2020-11-20T17:00:00.000Z", "base": self.record(contact).seq}
        change = parse_change(BUILT_IN, item | ({"data": data} if data else {}), self.device.uuid)
        push(self.parts.store, self.book, ChangeOrigin(self.device.id), [change], self.parts.clock())


def added(contact: str, name: str) -> dict[str, Any]:
    item = {"id": contact, "table": "contacts", "record_id": contact, "operation": "INSERT"}
    return item | {"timestamp": "2026-11-20T17:00:00.000Z", "data": {"name": name}}


@pytest.fixture
def ada(app: App) -> Person:
    return Person(app)


def facts(page: TestResponse) -> list[tuple[str, str]]:
    return DETAIL.findall(page.text)


# --- adding and editing ----------------------------------------------------------------------------------------------


def test_a_new_contact_is_shown_with_what_was_typed(ada: Person) -> None:
    form = form_at(ada.get("/c/new").text, "/c/new") | {"name": ["Grace Hopper"], "company": ["Navy"]}
    form |= {"phone_key": ["", ""], "phone_label": ["Work", "Home"], "phone_value": ["555-1", "555-2"]}
    page = ada.send("/c/new", form)
    assert page.status_code == 200
    assert "Saved." in page.text
    assert facts(page) == [("Work", "555-1"), ("Home", "555-2")]
    assert "<h2>Grace Hopper</h2>" in page.text
    assert ada.record(form["change_id"][0]).cells["phone"] == "555-1"


def test_a_form_that_is_sent_twice_makes_one_contact(ada: Person) -> None:
    form = form_at(ada.get("/c/new").text, "/c/new") | {"name": ["Grace"]}
    ada.send("/c/new", form)
    ada.send("/c/new", form)
    assert ada.parts.contacts.count(ada.book) == 1


def test_saving_without_a_change_writes_nothing(ada: Person) -> None:
    contact = ada.add(name="Grace", notes="one\r\ntwo", phone_value="1")
    before = ada.record(contact)
    ada.send(f"/c/{contact}/edit", ada.form(contact))
    assert ada.record(contact) == before


def test_a_wrong_value_comes_back_beside_its_field_with_all_that_was_typed(ada: Person) -> None:
    form = form_at(ada.get("/c/new").text, "/c/new") | {"name": ["Grace"], "birthday": ["soon"], "notes": ["a <b>"]}
    page = ada.send("/c/new", form)
    assert page.status_code == 422
    assert "Birthday must be a date" in page.text
    assert 'aria-describedby="f-birthday-error"' in page.text
    again = form_at(page.text, "/c/new")
    assert (again["name"], again["notes"], again["change_id"]) == (["Grace"], ["a <b>"], form["change_id"])
    assert ada.parts.contacts.count(ada.book) == 0


@pytest.mark.parametrize("kind", ["phone", "email", "address", "url", "date", "custom"])
def test_another_row_is_given_with_all_that_was_typed_kept(ada: Person, kind: str) -> None:
    contact = ada.add(name="Grace", phone_value="555-1")
    form = ada.form(contact) | {"name": ["Grace B."]}
    page = ada.send(f"/c/{contact}/edit", form | {"add": [kind]})
    more = form_at(page.text, f"/c/{contact}/edit")
    assert len(more[f"{kind}_key"]) == len(form.get(f"{kind}_key", [])) + 1
    assert more["name"] == ["Grace B."]
    assert ada.record(contact).cells["name"] == "Grace"


def test_a_row_is_taken_out_and_gone_after_saving(ada: Person) -> None:
    contact = ada.add(name="Grace", phone_value="555-1")
    page = ada.send(f"/c/{contact}/edit", ada.form(contact) | {"remove": ["phone-0"]})
    ada.send(f"/c/{contact}/edit", form_at(page.text, f"/c/{contact}/edit"))
    assert "phone" not in ada.record(contact).cells


def test_a_broken_form_is_refused_in_words(ada: Person) -> None:
    contact = ada.add(name="Grace")
    page = ada.send(f"/c/{contact}/edit", ada.form(contact) | {"opened": ["{"]})
    assert page.status_code == 400
    assert "load the page again" in page.text


@pytest.mark.parametrize(
    ("name", "value"),
    [("change_id", "x"), ("change_id", ""), ("base", "-1"), ("base", "x"), ("base", ""), ("base", "9" * 18)],
)
def test_hidden_fields_that_were_tampered_with_change_nothing(ada: Person, name: str, value: str) -> None:
    contact = ada.add(name="Grace")
    page = ada.send(f"/c/{contact}/edit", ada.form(contact) | {"name": ["Eve"], name: [value]})
    assert page.status_code == 422
    assert 'role="alert"' in page.text
    assert ada.record(contact).cells["name"] == "Grace"


def test_what_people_type_is_shown_and_never_run(ada: Person) -> None:
    contact = ada.add(
        name="<script>alert(1)</script>", notes="<img src=x>", url_key="", url_value="javascript:alert(1)"
    )
    for path in ("/", f"/c/{contact}", f"/c/{contact}/edit", "/?q=<script>"):
        page = ada.get(path).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert 'href="javascript' not in page


# --- two people editing ----------------------------------------------------------------------------------------------


def test_an_edit_merges_with_what_a_device_changed_meanwhile_and_says_so(ada: Person) -> None:
    contact = ada.add(name="Grace", company="Navy")
    form = ada.form(contact) | {"nickname": ["Amazing"]}
    ada.device_edits(contact, company="Harvard")
    page = ada.send(f"/c/{contact}/edit", form)
    assert "Saved. Meanwhile Bob&#39;s phone changed the company; both are kept." in page.text
    cells = ada.record(contact).cells
    assert (cells["company"], cells["nickname"]) == ("Harvard", "Amazing")


def test_two_first_phones_that_were_added_at_once_are_both_kept(ada: Person) -> None:
    contact = ada.add(name="Grace")
    form = ada.form(contact) | {"phone_value": ["555-2"]}
    ada.device_edits(contact, phone="555-1")
    page = ada.send(f"/c/{contact}/edit", form)
    assert facts(page) == [("Phone", "555-1"), ("Phone", "555-2")]


def test_a_later_edit_of_the_same_field_tells_what_it_replaced(ada: Person) -> None:
    contact = ada.add(name="Grace", company="Navy")
    form = ada.form(contact) | {"company": ["Yale"]}
    ada.device_edits(contact, company="Harvard")
    page = ada.send(f"/c/{contact}/edit", form)
    assert "“Harvard”" in page.text
    assert "is in the history" in page.text
    assert ada.record(contact).cells["company"] == "Yale"


def test_an_edit_brings_back_what_was_deleted_meanwhile(ada: Person) -> None:
    contact = ada.add(name="Grace")
    form = ada.form(contact) | {"company": ["Yale"]}
    ada.device_edits(contact, "DELETE")
    page = ada.send(f"/c/{contact}/edit", form)
    assert "your edit brought it back" in page.text
    assert not ada.record(contact).deleted


def test_what_waits_for_a_person_is_told(ada: Person) -> None:
    ada.parts.accounts.set_policy(ada.book, "ask")
    contact = ada.add(name="Grace", company="Navy")
    form = ada.form(contact) | {"company": ["Yale"]}
    ada.device_edits(contact, company="Harvard")
    page = ada.send(f"/c/{contact}/edit", form)
    assert "until someone chooses" in page.text
    assert ada.record(contact).cells["company"] == "Harvard"


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_shows_what_it_counts_and_finds(ada: Person) -> None:
    ada.add(name="Grace Hopper", company="Navy")
    ada.add(name="Ada Lovelace", notes="engines")
    assert "2 contacts" in ada.get("/").text
    page = ada.get("/?q=ENGINE").text
    assert "1 contact found" in page
    assert "Ada Lovelace" in page
    assert "Grace Hopper" not in page


def test_a_search_marks_what_it_found_and_says_where(ada: Person) -> None:
    ada.add(name="Grace Hopper", company="Navy", notes="<b>wrote</b> the first compiler")
    ada.add(name="Ada Lovelace", email_value="ada@example.org")
    assert '<span class="row-name"><mark>Grace</mark> Hopper</span>' in ada.get("/?q=grace").text
    page = ada.get("/?q=COMPILER").text
    assert 'row-why">Notes: &lt;b&gt;wrote&lt;/b&gt; the first <mark>compiler</mark></span>' in page
    assert "<mark>ada</mark>@example.org" in ada.get("/?q=ada").text
    assert "1 contact found" in ada.get("/?q=company:navy").text


def test_an_empty_book_and_an_empty_search_say_what_to_do(ada: Person) -> None:
    assert "Your book is empty" in ada.get("/").text
    ada.add(name="Grace")
    assert "Nothing found for “zzz”" in ada.get("/?q=zzz").text


def test_a_long_list_comes_in_pages(ada: Person) -> None:
    ids = [ada.parts.new_id() for _ in range(150)]
    batch = [
        parse_change(BUILT_IN, added(change_id, f"Person {number:03}"), change_id)
        for number, change_id in enumerate(ids)
    ]
    push(ada.parts.store, ada.book, ChangeOrigin(), batch, ada.parts.clock())
    first = ada.get("/").text
    second = ada.get(link_to("next", first)).text
    shown = re.findall(r'data-id="([^"]+)"', first) + re.findall(r'data-id="([^"]+)"', second)
    assert sorted(shown) == sorted(ids)
    assert ada.get(link_to("prev", second)).text.count('<li class="row"') == 80
    assert f'href="/c/{ids[-1]}?at=80"' in second
    assert 'href="/?at=80"' in ada.get(f"/c/{ids[-1]}?at=80").text


def link_to(rel: str, page: str) -> str:
    match = re.search(rf'class="more" rel="{rel}" href="([^"]+)"', page)
    assert match
    return unescape(match[1])


def test_letters_lead_to_where_they_begin(ada: Person) -> None:
    for name in ("Bo", "Ada", "Cy", "Al"):
        ada.add(name=name)
    page = ada.get("/?lines=1&at=2").text
    assert re.findall(r'<a href="([^"]+)" data-at="\d+" data-heading="(\w)"', page) == [
        ("/?at=0", "A"),
        ("/?at=2", "B"),
        ("/?at=3", "C"),
    ]
    assert re.findall(r'<h2>(\w)</h2>|row-name">(\w+)', page) == [("B", ""), ("", "Bo")]


def test_a_part_of_a_page_is_only_that_part(ada: Person) -> None:
    contact = ada.add(name="Grace")
    for part, path in (("list", "/"), ("pane", f"/c/{contact}"), ("pane", "/"), ("pane", "/c/new")):
        text = ada.get(path, headers={"X-Fragment": part}).text
        assert "<html" not in text
        assert '<header class="top"' not in text


# --- pages that renew themselves -------------------------------------------------------------------------------------

RENEWAL = {"X-Fragment": "page"}


def test_a_page_carries_the_cursor_at_which_it_was_made(ada: Person) -> None:
    contact = ada.add(name="Grace")
    for path in ("/", f"/c/{contact}", "/trash", "/inbox", "/settings"):
        made = CURSOR.search(ada.get(path).text)
        assert made
        assert made[1].endswith(f".{ada.record(contact).seq}")
    assert not CURSOR.search(Browser(ada.app).get("/login").text)


def test_a_renewal_leaves_what_is_said_to_whoever_comes_next(ada: Person) -> None:
    ada.send("/c/new", form_at(ada.get("/c/new").text, "/c/new") | {"name": ["Grace"]}, follow=False)
    assert "Saved." not in ada.get("/", headers=RENEWAL).text
    assert "Saved." in ada.get("/").text


def test_a_renewal_brings_no_session_back_that_was_signed_out_meanwhile(ada: Person) -> None:
    assert "Set-Cookie" in ada.get("/").headers
    assert "Set-Cookie" not in ada.get("/", headers=RENEWAL).headers


@pytest.mark.parametrize(("asked", "given"), [("lines=50", 50), ("at=140", 10), ("lines=99999", 150), ("at=99999", 1)])
def test_a_script_gets_the_lines_that_it_shows(ada: Person, asked: str, given: int) -> None:
    ids = [ada.parts.new_id() for _ in range(150)]
    batch = [
        parse_change(BUILT_IN, added(change_id, f"Person {number:03}"), change_id)
        for number, change_id in enumerate(ids)
    ]
    push(ada.parts.store, ada.book, ChangeOrigin(), batch, ada.parts.clock())
    assert ada.get(f"/?{asked}").text.count('<li class="row"') == given


def test_a_number_that_is_none_is_told_in_a_sentence(ada: Person) -> None:
    page = ada.get("/?lines=x")
    assert page.status_code == 400
    assert "&#34;lines&#34; must be a whole number from 1 to" in page.text


def test_whoever_edits_is_told_what_came_meanwhile(ada: Person) -> None:
    contact = ada.add(name="Grace")
    form = ada.form(contact)
    query = {"base": form["base"][0], "change_id": form["change_id"][0]}
    said = partial(ada.get, f"/c/{contact}/edit", query_string=query, headers={"X-Fragment": "news"})
    assert said().text.strip() == ""
    ada.device_edits(contact, company="Navy")
    assert "Meanwhile Bob&#39;s phone changed the company." in said().text
    assert f'href="/c/{contact}/history"' in said().text
    ada.device_edits(contact, "DELETE")
    assert "Meanwhile Bob&#39;s phone deleted this contact." in said().text


def test_a_star_stays_and_goes(ada: Person) -> None:
    contact = ada.add(name="Zoe")
    ada.add(name="Ada")
    token = ada.form(contact)["csrf_token"]
    page = ada.send(f"/c/{contact}/star?from=list", {"csrf_token": token, "starred": ["1"]})
    assert page.text.index("Zoe") < page.text.index("Ada")
    ada.send(f"/c/{contact}/star", {"csrf_token": token, "starred": ["0"]})
    assert "starred" not in ada.record(contact).cells


# --- the trash -------------------------------------------------------------------------------------------------------


def deletion(ada: Person, contact: str) -> Fields:
    return form_at(ada.get(f"/c/{contact}").text, f"/c/{contact}/delete")


def test_a_deleted_contact_can_be_undone_at_once(ada: Person) -> None:
    contact = ada.add(name="Grace", phone_value="555-1")
    page = ada.send(f"/c/{contact}/delete", deletion(ada, contact))
    assert "Deleted Grace." in page.text
    assert "Your book is empty" in page.text
    page = ada.send(f"/c/{contact}/restore", form_at(page.text, f"/c/{contact}/restore"))
    assert "Restored Grace." in page.text
    assert facts(page) == [("Phone", "555-1")]


def test_the_trash_gives_back_what_it_holds(ada: Person) -> None:
    contact = ada.add(name="Grace")
    assert "The trash is empty" in ada.get("/trash").text
    ada.send(f"/c/{contact}/delete", deletion(ada, contact))
    page = ada.get("/trash").text
    assert "1 deleted contact" in page
    assert "is in the trash" in ada.get(f"/c/{contact}").text
    ada.send(f"/c/{contact}/restore", form_at(page, f"/c/{contact}/restore"))
    assert not ada.record(contact).deleted


def emptied(ada: Person) -> tuple[str, Fields, Fields]:
    """A contact whose values were pruned; how it could be restored, and edited, on pages that were open before."""
    contact = ada.add(name="Grace", phone_value="555-1")
    edit = ada.form(contact)
    ada.send(f"/c/{contact}/delete", deletion(ada, contact))
    restore = form_at(ada.get(f"/c/{contact}").text, f"/c/{contact}/restore")
    head = ada.record(contact).seq
    prune(ada.parts.store, ada.book, RetentionLimits(0, head))
    return contact, restore, edit


def test_what_left_the_trash_is_not_offered_any_more(ada: Person) -> None:
    contact, _, _ = emptied(ada)
    assert "The trash is empty" in ada.get("/trash").text
    page = ada.get(f"/c/{contact}").text
    assert "This contact was deleted long ago" in page
    assert "its values are gone" in page
    assert "/restore" not in page
    assert "/edit" not in page
    assert ada.get(f"/c/{contact}/edit").location == f"/c/{contact}"


def test_whoever_restores_what_left_the_trash_is_told_that_it_is_gone(ada: Person) -> None:
    contact, restore, _ = emptied(ada)
    page = ada.send(f"/c/{contact}/restore", restore)
    assert "its values are gone: add it again" in page.text
    assert ada.record(contact).deleted


def test_an_edit_of_what_left_the_trash_is_not_lost_on_its_page(ada: Person) -> None:
    contact, _, edit = emptied(ada)
    page = ada.send(f"/c/{contact}/edit", edit | {"company": ["Navy"]})
    assert page.status_code == 422
    assert "long deleted" in page.text
    assert 'value="Navy"' in page.text
    assert ada.record(contact).deleted


def test_a_delete_of_what_a_device_edited_meanwhile_is_not_done_and_told(ada: Person) -> None:
    contact = ada.add(name="Grace")
    form = deletion(ada, contact)
    ada.device_edits(contact, company="Navy")
    page = ada.send(f"/c/{contact}/delete", form)
    assert "Not deleted: meanwhile Bob&#39;s phone changed this contact" in page.text
    assert not ada.record(contact).deleted


# --- what is not there -----------------------------------------------------------------------------------------------


def test_what_is_not_there_gets_a_page_that_says_so(ada: Person) -> None:
    for path in ("/c/0f8fad5b-d9cb-469f-a165-70867728950e", "/c/nonsense", "/nothing"):
        page = ada.get(path)
        assert page.status_code == 404
        assert "data-problem" in page.text


def test_contacts_of_others_are_not_there(ada: Person, app: App) -> None:
    contact = ada.add(name="Grace")
    add_user(app, "eve")
    eve: Browser = signed_in(app, "eve")
    for path in (f"/c/{contact}", f"/c/{contact}/edit"):
        assert eve.get(path).status_code == 404
    assert "Grace" not in eve.get("/").text


def test_the_trash_says_what_it_holds_and_for_how_long_and_is_emptied_after_it_has_asked(ada: Person) -> None:
    contact = ada.add(name="Grace", phone_value="555-1", notes="See https://example.org")
    kept = ada.add(name="Alan")
    ada.send(f"/c/{contact}/delete", deletion(ada, contact))
    page = ada.get("/trash").text
    assert "kept for 30 days at least" in page
    assert "555-1" in page
    assert facts(ada.get(f"/c/{contact}")) == [("Phone", "555-1")]
    assert 'href="https://example.org"' in ada.get(f"/c/{contact}").text
    question, _, button = page.partition('action="/trash/empty"')
    assert question.count('<details class="menu ask">') == 1
    assert "Empty it for good" in button
    emptied = ada.send("/trash/empty", form_at(page, "/trash/empty"))
    assert "The trash is empty: 1 contact can’t be brought back any more." in emptied.text
    assert "its values are gone" in ada.get(f"/c/{contact}").text
    assert not ada.record(kept).deleted
