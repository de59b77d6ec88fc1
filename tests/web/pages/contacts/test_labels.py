"""Labels on pages, as a person without scripts uses them: filter, chips, chooser, the page of all; and the order."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest

from app import App
from offbook.contacts.table import LABELS
from offbook.core.schema import record_id_of_key
from storage.imports.jobs import ImportJobs
from storage.values.imports import ImportJob, JobState
from tests.support.api_client import Caller, caller
from tests.support.browser import Browser, parts_of
from tests.support.html_forms import Fields, Forms, form_at
from tests.support.polling import wait_until
from tests.support.sql_spy import hearing
from web.pages.contacts import labels

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database

MARK = re.compile("</?mark>")
"""Around the words of a search where they match."""
ROW = re.compile(r'<span class="row-name">([^<]*)')
CHIP = re.compile(r'<li><a href="([^"]*)">([^<]*)</a></li>')
COUNTED = re.compile(r'<li><a href="([^"]*)"([^>]*)><span>([^<]*)</span><span class="menu-count">([0-9,]+)')
FRIENDS = record_id_of_key(LABELS, "Friends")


@pytest.fixture
def laptop(app: App, ada: Browser) -> Caller:
    return caller(app, "ada")


def person(laptop: Caller, name: str, *groups: str) -> str:
    details = {f"k{number}": {"kind": "group", "value": group} for number, group in enumerate(groups)}
    contact: str = laptop.add(name=name, details=details)["id"]
    return contact


def names(page: str) -> list[str]:
    return ROW.findall(MARK.sub("", page))


def chips(ada: Browser, contact: str) -> list[tuple[str, str]]:
    page = ada.get(f"/c/{contact}").text
    part = page.partition('data-test="contact-labels"')[2].partition("</ul>")[0]
    return [(unescape(address), unescape(name)) for address, name in CHIP.findall(part)]


def counts(page: str) -> dict[str, int]:
    part = page.partition('data-test="label-list"')[2].partition("</ul>")[0]
    return {unescape(name): int(count) for _, _, name, count in COUNTED.findall(part)}


def edit_form(ada: Browser, contact: str) -> Fields:
    return form_at(ada.get(f"/c/{contact}/edit").text, f"/c/{contact}/edit")


def send(ada: Browser, path: str, fields: Fields) -> str:
    return ada.client.post(path, data=fields, follow_redirects=True).text


# --- the list --------------------------------------------------------------------------------------------------------


def test_labels_are_counted_once_for_a_page_that_is_filtered_by_one(app: App, ada: Browser, laptop: Caller) -> None:
    person(laptop, "Ada", "Friends")
    person(laptop, "Bob", "friends")
    person(laptop, "Cy", "Work")
    heard, database = list[str](), app.extensions["database"]
    with hearing(heard.append, database.engine, database.reader):
        page = ada.get("/?label=FRIENDS").text
    assert (names(page), counts(page)) == (["Ada", "Bob"], {"Friends": 2, "Work": 1})
    assert len([text for text in heard if "GROUP BY contact_details" in text]) == 1


def test_the_list_shows_who_has_a_label_however_it_is_written(ada: Browser, laptop: Caller) -> None:
    person(laptop, "Ann", "Friends", "Work")
    person(laptop, "Bob", "friends")
    person(laptop, "Cid", "Friendship")
    page = ada.get("/", query_string={"label": "FRIENDS "}).text
    assert names(page) == ["Ann", "Bob"]
    assert "2 contacts found" in page
    assert 'data-test="label-filter"' in page
    assert names(ada.get("/", query_string={"label": "Friends", "q": "bo"}).text) == ["Bob"]
    nobody = ada.get("/", query_string={"label": "<b>Choir"}).text
    assert "Nobody has the label “&lt;b&gt;Choir”" in nobody


def test_labels_are_listed_with_their_counts_and_links(ada: Browser, laptop: Caller) -> None:
    person(laptop, "Ann", "Friends", "A & B", "* myContacts")
    gone = person(laptop, "Bob", "friends", "Work")
    assert counts(ada.get("/").text) == {"A & B": 1, "Friends": 2, "Work": 1}
    laptop.ask("DELETE", f"/contacts/{gone}")
    page = ada.get("/?sort=last&label=work").text
    assert counts(page) == {"A & B": 1, "Friends": 1, "Work": 0}
    marked = {
        unescape(name): unescape(address) for address, more, name, _ in COUNTED.findall(page) if "current" in more
    }
    assert marked == {"Work": "/?label=Work&sort=last"}
    assert counts(ada.get("/", headers={"X-Fragment": "tools"}).text) == counts(page)


def test_a_book_without_labels_says_so(ada: Browser) -> None:
    assert "No labels yet." in ada.get("/").text


def test_the_label_and_the_order_stay_while_contacts_are_opened_and_saved(ada: Browser, laptop: Caller) -> None:
    contact = person(laptop, "Ann", "Friends")
    within = "?label=Friends&sort=last"
    assert f'href="/c/{contact}?label=Friends&amp;sort=last"' in ada.get(f"/{within}").text
    page = ada.get(f"/c/{contact}{within}").text
    for address in (f"/c/{contact}/edit", f"/c/{contact}/history", "/"):
        assert f'href="{address}{within}"'.replace("&", "&amp;") in page
    form = edit_form(ada, contact) | {"notes": ["x"]}
    saved = ada.client.post(f"/c/{contact}/edit{within}", data=form)
    assert saved.headers["Location"] == f"/c/{contact}{within}"


# --- a contact -------------------------------------------------------------------------------------------------------


def test_the_labels_of_a_contact_are_links_and_googles_own_groups_are_none(ada: Browser, laptop: Caller) -> None:
    contact = person(laptop, "Ann", "Friends & family", "* myContacts", "FRIENDS & family", "* Starred")
    assert chips(ada, contact) == [("/?label=Friends+%26+family", "Friends & family")]


def test_labels_are_chosen_by_boxes_and_a_new_one_is_typed(ada: Browser, laptop: Caller) -> None:
    person(laptop, "Bob", "Work", "Choir")
    contact = person(laptop, "Ann", "Friends", "* myContacts")
    form = edit_form(ada, contact)
    assert form["label"] == ["Friends"]
    send(ada, f"/c/{contact}/edit", form | {"label": ["Work", "Choir"], "label_new": [" Tennis "]})
    assert [name for _, name in chips(ada, contact)] == ["Choir", "Tennis", "Work"]
    details = laptop.get(f"/contacts/{contact}").get_json()["details"]
    assert sorted(entry["value"] for entry in details.values()) == ["* myContacts", "Choir", "Tennis", "Work"]
    assert counts(ada.get("/").text) == {"Choir": 2, "Friends": 0, "Tennis": 1, "Work": 2}


def test_a_form_that_nobody_touched_leaves_the_labels(ada: Browser, laptop: Caller) -> None:
    contact = person(laptop, "Ann", "Friends", "* myContacts", "friends", "  ")
    before = laptop.get(f"/contacts/{contact}").get_json()
    send(ada, f"/c/{contact}/edit", edit_form(ada, contact))
    assert laptop.get(f"/contacts/{contact}").get_json() == before


def test_a_label_that_was_typed_is_a_box_when_the_form_is_shown_again(ada: Browser, laptop: Caller) -> None:
    contact = person(laptop, "Ann", "Friends")
    path = f"/c/{contact}/edit"
    again = form_at(send(ada, path, edit_form(ada, contact) | {"label_new": ["Tennis"], "add": ["group"]}), path)
    assert (again["label"], again["label_new"]) == (["Friends", "Tennis"], [""])
    send(ada, path, again)
    assert [name for _, name in chips(ada, contact)] == ["Friends", "Tennis"]


@pytest.mark.parametrize("name", ["* myContacts", "x" * 2001])
def test_what_can_be_no_label_is_told_beside_the_field(ada: Browser, laptop: Caller, name: str) -> None:
    contact = person(laptop, "Ann", "Friends")
    path = f"/c/{contact}/edit"
    answer = ada.client.post(path, data=edit_form(ada, contact) | {"label_new": [name], "notes": ["typed"]})
    assert answer.status_code == 422
    assert 'id="f-label_new-error"' in answer.text
    again = form_at(answer.text, path)
    assert (again["label"], again["label_new"], again["notes"]) == (["Friends"], [name], ["typed"])


def test_a_label_that_another_gave_meanwhile_stays(ada: Browser, laptop: Caller) -> None:
    contact = person(laptop, "Ann", "Friends")
    form = edit_form(ada, contact)
    laptop.ask("PATCH", f"/contacts/{contact}", json={"details": {"new": {"kind": "group", "value": "Work"}}})
    send(ada, f"/c/{contact}/edit", form | {"label_new": ["Tennis"]})
    assert {name for _, name in chips(ada, contact)} == {"Friends", "Work", "Tennis"}


# --- the page of all labels ------------------------------------------------------------------------------------------


def items(page: str) -> list[tuple[str, str]]:
    return re.findall(r'<a class="item-name" href="[^"]*">([^<]*)</a>\s*<p class="item-more">([^<]*)', page)


def test_a_label_is_added_renamed_and_removed_and_each_is_undone(ada: Browser, laptop: Caller) -> None:
    contact = person(laptop, "Ann", "Friends")
    assert "Added “Work”." in send(
        ada, "/c/labels", form_at(ada.get("/c/labels").text, "/c/labels") | {"name": ["Work"]}
    )
    assert items(ada.get("/c/labels").text) == [("Friends", "1 contact"), ("Work", "0 contacts")]

    rename = f"/c/labels/{FRIENDS}/rename"
    page = send(ada, rename, form_at(ada.get("/c/labels").text, rename) | {"name": ["Pals"]})
    assert items(page) == [("Pals", "1 contact"), ("Work", "0 contacts")]
    assert [name for _, name in chips(ada, contact)] == ["Pals"]
    (undo,) = [action for action in Forms(page).forms if "/undo/" in action]
    assert "Undone." in send(ada, undo, form_at(page, undo))
    assert [name for _, name in chips(ada, contact)] == ["Friends"]

    remove = f"/c/labels/{FRIENDS}/remove"
    page = send(ada, remove, form_at(ada.get("/c/labels").text, remove))
    assert (items(page), chips(ada, contact)) == ([("Work", "0 contacts")], [])
    (undo,) = [action for action in Forms(page).forms if "/undo/" in action]
    send(ada, undo, form_at(page, undo))
    assert [name for _, name in chips(ada, contact)] == ["Friends"]


def test_a_large_undo_goes_on_beside_requests(
    app: App, ada: Browser, laptop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels, "UNDONE_AT_ONCE", 1)
    contact, remove = person(laptop, "Ann", "Friends"), f"/c/labels/{FRIENDS}/remove"
    page = send(ada, remove, form_at(ada.get("/c/labels").text, remove))
    (undo,) = [action for action in Forms(page).forms if "/undo/" in action]
    parts, jobs = parts_of(app), ImportJobs(app.extensions["database"])
    user = parts.accounts.user_named("ada")
    other = ImportJob(user.id, user.book_id, contact, "", "x.vcf", {}, 0, contact, parts.clock())
    assert jobs.begin(other)
    waiting = send(ada, undo, form_at(page, undo))
    assert "Undo this once that is done." in waiting
    assert chips(ada, contact) == []
    assert jobs.save(replace(other, state=JobState.DONE))
    send(ada, undo, form_at(waiting, undo))
    wait_until(lambda: "The change of labels was undone" in ada.get("/import/progress").text)
    assert [name for _, name in chips(ada, contact)] == ["Friends"]


@pytest.mark.parametrize(
    ("name", "words"),
    [("work", "another label with this name"), ("* myContacts", "no such text names a label"), (" ", "The name")],
)
def test_a_name_that_no_label_can_have_is_told(ada: Browser, laptop: Caller, name: str, words: str) -> None:
    person(laptop, "Ann", "Friends", "Work")
    rename = f"/c/labels/{FRIENDS}/rename"
    form = form_at(ada.get("/c/labels").text, rename) | {"name": [name]}
    answer = ada.client.post(rename, data=form)
    assert answer.status_code == 422
    assert words in unescape(answer.text)
    assert items(answer.text) == [("Friends", "1 contact"), ("Work", "1 contact")]


def test_a_label_that_is_there_already_is_not_added_twice(ada: Browser, laptop: Caller) -> None:
    person(laptop, "Ann", "Friends")
    form = form_at(ada.get("/c/labels").text, "/c/labels") | {"name": ["FRIENDS"]}
    assert "There is a label “Friends” already." in send(ada, "/c/labels", form)


# --- the order -------------------------------------------------------------------------------------------------------


def test_the_order_of_the_list_is_chosen_by_links(ada: Browser, laptop: Caller) -> None:
    laptop.add(name="Zoe Abel", given_name="Zoe", family_name="Abel")
    laptop.add(name="Ann Young", given_name="Ann", family_name="Young")
    page = ada.get("/").text
    assert "<summary>Sort: Name</summary>" in page
    for sort, order in (("first", ["Ann Young", "Zoe Abel"]), ("last", ["Zoe Abel", "Ann Young"])):
        assert f'<a href="/?sort={sort}">' in page
        assert names(ada.get(f"/?sort={sort}").text) == order
    assert "Sort: Last name" in ada.get("/?sort=last").text
    assert names(ada.get("/?sort=changed").text) == ["Ann Young", "Zoe Abel"]
