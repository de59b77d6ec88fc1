"""The history of a contact and the book as it was, as pages: used as a person without scripts does."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import App
from offbook.contacts.table import BUILT_IN
from offbook.core.merge.retention import RetentionLimits
from offbook.core.protocol.requests import parse_change
from services.retention import prune
from storage.base import ChangeOrigin
from tests.support.browser import csrf_of
from tests.support.html_forms import Forms
from tests.support.pushes import push
from tests.web.pages.contacts.test_views import Person

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database

TAGS = re.compile(r"<[^>]+>")
DAY = 86_400_000_000


@pytest.fixture
def ada(app: App) -> Person:
    return Person(app)


def text_of(page: TestResponse) -> str:
    return " ".join(unescape(TAGS.sub(" ", page.text)).split())


def history(ada: Person, contact: str, **query: Any) -> TestResponse:
    return ada.get(f"/c/{contact}/history", query_string=query)


def restore(ada: Person, contact: str, label: str) -> TestResponse:
    """Press the button that a screen reader calls so."""
    page = history(ada, contact).text
    found = [form for form in re.findall(r"<form.*?</form>", page, re.S) if f'aria-label="{label}' in unescape(form)]
    assert found, f"no button {label!r}"
    ((action, fields),) = Forms(found[0]).forms.items()
    return ada.send(action, fields)


def undo(ada: Person, page: TestResponse) -> TestResponse:
    (action,) = re.findall(r'<form[^>]*action="([^"]+)"[^>]*>(?:(?!<form).)*class="flash-undo"', page.text, re.S)
    return ada.send(unescape(action), {"csrf_token": [csrf_of(page.text)]})


def changes(ada: Person, contact: str) -> int:
    with ada.parts.store.reading(ada.book) as book:
        return len(book.history("contacts", contact))


def cell(ada: Person, contact: str, name: str) -> Any:
    return ada.record(contact).cells.get(name)


# --- one contact -----------------------------------------------------------------------------------------------------


def test_the_history_tells_what_changed_and_from_where(ada: Person) -> None:
    contact = ada.add(name="Grace", company="Navy")
    ada.device_edits(contact, company="Harvard")
    said = text_of(history(ada, contact))
    assert "Edited Bob's phone" in said
    assert "Company “Navy” → “Harvard”" in said
    assert "Added the browser · ada" in said
    assert said.index("Edited") < said.index("Added the browser")


def test_a_value_is_given_back_and_that_is_undone(ada: Person) -> None:
    contact = ada.add(name="Grace", company="Navy")
    ada.device_edits(contact, company="Harvard")
    page = restore(ada, contact, "Restore company “Navy”")
    assert cell(ada, contact, "company") == "Navy"
    assert "Restored a value of Grace." in text_of(page)
    undo(ada, page)
    assert cell(ada, contact, "company") == "Harvard"


def test_a_double_click_makes_one_change(ada: Person) -> None:
    contact = ada.add(name="Grace", company="Navy")
    ada.device_edits(contact, company="Harvard")
    fields = {"form_id": [ada.parts.new_id()], "cell": ["company"], "to": ["before"]}
    with ada.parts.store.reading(ada.book) as book:
        fields["change"] = [book.history("contacts", contact)[-1].id]
    fields["csrf_token"] = [csrf_of(history(ada, contact).text)]
    before = changes(ada, contact)
    pages = [ada.send(f"/c/{contact}/history/restore", fields) for _ in range(2)]
    assert changes(ada, contact) == before + 1
    assert all('class="flash-undo"' in page.text for page in pages)


def test_a_page_that_is_older_than_the_undo_says_so(ada: Person) -> None:
    contact = ada.add(name="Grace", company="Navy")
    ada.device_edits(contact, company="Harvard")
    with ada.parts.store.reading(ada.book) as book:
        change = book.history("contacts", contact)[-1].id
    fields = {"form_id": [ada.parts.new_id()], "cell": ["company"], "to": ["before"], "change": [change]}
    fields["csrf_token"] = [csrf_of(history(ada, contact).text)]
    undo(ada, ada.send(f"/c/{contact}/history/restore", fields))
    page = ada.send(f"/c/{contact}/history/restore", fields)
    assert "load the page again" in text_of(page)
    assert cell(ada, contact, "company") == "Harvard"


def test_what_lost_is_told_with_what_won_and_can_be_given_back(ada: Person) -> None:
    contact = ada.add(name="Grace", phone_value="555-0")
    base = ada.record(contact).seq
    ada.device_edits(contact, company="Navy")
    late = {"id": ada.parts.new_id(), "table": "contacts", "record_id": contact, "operation": "UPDATE", "base": base}
    late |= {"timestamp": "2019-01-01T00:00:00.000Z", "data": {"company": "Late"}}
    change = parse_change(BUILT_IN, late, ada.parts.new_id())
    push(ada.parts.store, ada.book, ChangeOrigin(user_id=1), [change], ada.parts.clock())
    said = text_of(history(ada, contact))
    assert "Edit that lost" in said
    assert "Company “Late” lost to the edit from Bob's phone, which was later" in said
    restore(ada, contact, "Restore company “Late”")
    assert cell(ada, contact, "company") == "Late"


def test_a_whole_version_is_given_back(ada: Person) -> None:
    contact = ada.add(name="Grace", company="Navy", phone_value="555-1")
    for name in ("G. Hopper", "Hopper"):
        ada.device_edits(contact, name=name, company=None, phone=None)
    page = restore(ada, contact, "Restore this version")
    assert cell(ada, contact, "name") == "G. Hopper"
    page = restore(ada, contact, "Restore this version")
    undo(ada, page)
    assert cell(ada, contact, "name") in ("G. Hopper", "Hopper")


def test_a_deleted_contact_has_its_history_and_comes_back_from_it(ada: Person) -> None:
    contact = ada.add(name="Grace", company="Navy")
    ada.device_edits(contact, "DELETE")
    assert f"/c/{contact}/history" in ada.get(f"/c/{contact}").text
    assert "Deleted Bob's phone" in text_of(history(ada, contact))
    restore(ada, contact, "Restore this version")
    assert not ada.record(contact).deleted
    assert "Brought back" in text_of(history(ada, contact))


def test_a_detail_that_was_removed_is_one_line_and_comes_back(ada: Person) -> None:
    contact = ada.add(name="Grace", notes="one")
    ada.device_edits(contact, details={"k9": {"kind": "phone", "label": "Boat", "value": "555-9"}})
    ada.device_edits(contact, details={"k9": None})
    said = text_of(history(ada, contact))
    assert "Phone “555-9” removed" in said
    restore(ada, contact, "Restore phone “555-9”")
    assert cell(ada, contact, "details/k9/@exists") is True
    assert cell(ada, contact, "details/k9/label") == "Boat"


def test_what_changed_nothing_is_not_told(ada: Person) -> None:
    contact = ada.add(name="Grace", company="Navy")
    ada.device_edits(contact, company="Navy")
    assert "Edited" not in text_of(history(ada, contact))


def test_a_long_history_comes_in_pages(ada: Person) -> None:
    contact = ada.add(name="Grace")
    for number in range(30):
        ada.device_edits(contact, company=f"Company {number:02}")
    first = history(ada, contact)
    assert first.text.count('class="event"') == 25
    older = re.search(rf"/c/{contact}/history\?before=\d+", first.text)
    assert older
    ada.device_edits(contact, company="Later")
    second = ada.get(older[0])
    assert "→ “Company 04”" in text_of(second)
    assert "→ “Company 05”" not in text_of(second)
    assert second.text.count('class="event"') == 6
    assert history(ada, contact, skip=26).text.count('class="event"') == 6, "an address from before"


def test_what_a_change_had_not_seen_is_told_on_whatever_page_that_is(ada: Person) -> None:
    contact = ada.add(name="Grace", company="Navy")
    base = ada.record(contact).seq
    ada.device_edits(contact, company="Harvard")
    for number in range(24):
        ada.device_edits(contact, notes=f"{number}")
    late = {"id": ada.parts.new_id(), "table": "contacts", "record_id": contact, "operation": "UPDATE", "base": base}
    late |= {"timestamp": "2999-01-01T00:00:00.000Z", "data": {"company": "Late"}}
    change = parse_change(BUILT_IN, late, ada.parts.new_id())
    push(ada.parts.store, ada.book, ChangeOrigin(user_id=1), [change], ada.parts.clock())
    assert "replaced the edit from Bob's phone that it had not seen" in text_of(history(ada, contact))


def test_a_history_that_was_pruned_says_where_it_begins(ada: Person) -> None:
    contact = ada.add(name="Grace")
    ada.device_edits(contact, company="Navy")
    prune(ada.parts.store, ada.book, RetentionLimits(*[ada.record(contact).created.seq] * 2))
    assert "What happened before is not kept any more." in text_of(history(ada, contact))


def test_the_pane_has_the_history_alone(ada: Person) -> None:
    contact = ada.add(name="Grace")
    page = ada.get(f"/c/{contact}/history", headers={"X-Fragment": "pane"}).text
    assert '<header class="top">' not in page
    assert "History of Grace" in page


# --- the book --------------------------------------------------------------------------------------------------------


def ruined(ada: Person, size: int = 25) -> tuple[str, int]:
    """Grace, and then a lot of contacts that nobody wanted: her id, and the seq between."""
    grace, gone = ada.add(name="Grace", company="Navy"), ada.add(name="Gone Bob")
    head = ada.record(gone).seq
    ada.device_edits(grace, company="Ruined")
    ada.device_edits(gone, "DELETE")
    for number in range(size):
        made = ada.parts.new_id()
        item = {"id": made, "table": "contacts", "record_id": made, "operation": "INSERT", "base": 0}
        item |= {"timestamp": "2020-11-20T17:00:00.000Z", "data": {"name": f"Junk {number:03}"}}
        change = parse_change(BUILT_IN, item, ada.device.uuid)
        push(ada.parts.store, ada.book, ChangeOrigin(ada.device.id), [change], ada.parts.clock())
    return grace, head


def take_back(ada: Person, seq: int) -> TestResponse:
    fields = Forms(ada.get("/past", query_string={"seq": seq}).text).forms["/past"]
    return ada.send("/past", fields)


def test_the_moment_before_a_big_change_is_offered(ada: Person) -> None:
    ruined(ada)
    page = ada.get("/past")
    assert "Before 27 changes from Bob's phone" in text_of(page)
    link = re.search(r"/past\?seq=\d+", page.text)
    assert link
    assert "Junk 000" in ada.get(link[0]).text


def test_what_going_back_would_do_is_counted_and_listed(ada: Person) -> None:
    _, head = ruined(ada)
    said = text_of(ada.get("/past", query_string={"seq": head}))
    assert "Added back 1 Changed 1 Deleted 25" in said
    assert "Grace Company “Ruined” → “Navy”" in said


def test_the_book_goes_back_and_that_is_undone(ada: Person) -> None:
    grace, head = ruined(ada)
    page = take_back(ada, head)
    assert cell(ada, grace, "company") == "Navy"
    assert ada.parts.contacts.count(ada.book) == 2
    assert "The book is as it was on" in text_of(page)
    undo(ada, page)
    assert cell(ada, grace, "company") == "Ruined"
    assert ada.parts.contacts.count(ada.book) == 26


def test_going_back_twice_is_going_back_once_and_can_be_undone_still(ada: Person) -> None:
    _, head = ruined(ada)
    fields = Forms(ada.get("/past", query_string={"seq": head}).text).forms["/past"]
    ada.send("/past", fields)
    before = ada.parts.contacts.trash(ada.book).total
    page = ada.send("/past", fields)
    assert ada.parts.contacts.trash(ada.book).total == before
    undo(ada, page)
    assert ada.parts.contacts.count(ada.book) == 26


def test_what_nobody_looked_at_is_not_taken_back(ada: Person) -> None:
    grace, head = ruined(ada)
    fields = Forms(ada.get("/past", query_string={"seq": head}).text).forms["/past"]
    ada.device_edits(grace, phone="555-new")
    page = ada.send("/past", fields)
    assert "look again" in text_of(page)
    assert cell(ada, grace, "phone") == "555-new"


def test_many_are_counted_and_the_first_of_them_listed(ada: Person) -> None:
    _, head = ruined(ada, 210)
    page = ada.get("/past", query_string={"seq": head})
    assert "… and 10 more." in text_of(page)
    assert page.text.count(">Junk ") == 200


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"at": "2999-01-01T00:00"}, "still to come"),
        ({"at": "soon"}, "Choose a day and a time"),
        ({"at": "0001-01-01T00:00"}, "Choose a day and a time"),
        ({"seq": "-5"}, "Choose a day and a time"),
        ({"seq": str(2**63)}, "Choose a day and a time"),
    ],
)
def test_a_moment_that_can_not_be_is_told_in_a_sentence(ada: Person, query: dict[str, str], said: str) -> None:
    page = ada.get("/past", query_string=query)
    assert page.status_code == 422
    assert said in text_of(page)


def test_a_moment_before_the_kept_history_is_told_in_a_sentence(ada: Person) -> None:
    grace, head = ruined(ada)
    prune(ada.parts.store, ada.book, RetentionLimits(*[ada.record(grace).seq] * 2))
    page = ada.get("/past", query_string={"seq": head})
    assert page.status_code == 422
    assert "does not reach back so far" in text_of(page)


def test_a_time_is_read_as_utc(ada: Person) -> None:
    ruined(ada)
    page = ada.get("/past", query_string={"at": "2020-02-03T04:05"})
    assert "3 February 2020, 04:05 UTC" in text_of(page)


def test_where_nothing_happened_there_is_nothing_to_take_back(ada: Person) -> None:
    ada.add(name="Grace")
    with ada.parts.store.reading(ada.book) as book:
        head = book.book.seq
    assert "nothing to take back" in text_of(ada.get("/past", query_string={"seq": head}))
