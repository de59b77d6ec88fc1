"""Contacts and users as JSON, for programs that know nothing of syncing: each write is a change like any device's."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import App
from tests.support.api_client import Caller, caller, change, new_id, seq_of, typed
from tests.support.browser import Browser, add_user, parts_of, signed_in

HOME = {"kind": "address", "label": "home", "street": "12 St James's Square", "city": "London", "country": "England"}


@pytest.fixture
def ada(laptop: Caller) -> str:
    key: str = laptop.add(phone="555-1234", details={"k1": HOME})["id"]
    return key


def patched(laptop: Caller, key: str, **data: Any) -> dict[str, Any]:
    answer = laptop.ask("PATCH", f"/contacts/{key}", json=data)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def names_of(answer: TestResponse) -> list[str]:
    return [contact["name"] for contact in answer.get_json()["contacts"]]


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_has_the_starred_first_and_then_goes_by_name(laptop: Caller) -> None:
    for name, starred in (("bob", False), ("Zoe", True), ("Émile", False), ("Ada", False)):
        laptop.add(name=name, starred=starred)
    answer = laptop.get("/contacts")
    assert names_of(answer) == ["Zoe", "Ada", "bob", "Émile"]
    assert answer.get_json()["next"] is None


def test_a_listed_contact_is_the_whole_contact(laptop: Caller, ada: str) -> None:
    (listed,) = laptop.get("/contacts").get_json()["contacts"]
    assert listed == laptop.get(f"/contacts/{ada}").get_json()
    assert listed["details"] == {"k1": HOME}


def test_pages_of_the_list_follow_each_other_without_a_gap(laptop: Caller) -> None:
    for number in range(7):
        laptop.add(name=f"Contact {number}", starred=number == 3)
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = laptop.get("/contacts", **query)
        found += names_of(page)
        if page.get_json()["next"] is None:
            break
        query["after"] = page.get_json()["next"]
    assert found == [f"Contact {number}" for number in (3, 0, 1, 2, 4, 5, 6)]


def test_a_search_looks_through_every_field_and_needs_every_word(laptop: Caller, ada: str) -> None:
    laptop.add(name="Charles Babbage", notes="of London")
    assert names_of(laptop.get("/contacts", search="LONDON")) == ["Ada Lovelace", "Charles Babbage"]
    assert names_of(laptop.get("/contacts", search="london square")) == ["Ada Lovelace"]
    assert names_of(laptop.get("/contacts", search="lond_n")) == []


def test_pages_of_a_search_follow_each_other_too(laptop: Caller) -> None:
    for number in range(3):
        laptop.add(name=f"Ada {number}")
        laptop.add(name=f"Bob {number}")
    first = laptop.get("/contacts", search="ada", limit=2)
    second = laptop.get("/contacts", search="ada", limit=2, after=first.get_json()["next"])
    assert names_of(first) + names_of(second) == ["Ada 0", "Ada 1", "Ada 2"]


def test_a_deleted_contact_is_not_listed(laptop: Caller, ada: str) -> None:
    laptop.ask("DELETE", f"/contacts/{ada}")
    assert laptop.get("/contacts").get_json() == {"contacts": [], "next": None}


# --- one contact -----------------------------------------------------------------------------------------------------


def test_a_contact_comes_with_its_seq_as_etag(laptop: Caller, ada: str) -> None:
    answer = laptop.get(f"/contacts/{ada}")
    (row,) = laptop.get("/changes").get_json()["changes"]
    assert seq_of(answer) == row["seq"]
    assert answer.get_json().items() >= row["data"].items()


def test_what_one_has_already_is_not_sent_again(laptop: Caller, ada: str) -> None:
    tag = laptop.get(f"/contacts/{ada}").headers["ETag"]
    same = laptop.get(f"/contacts/{ada}", {"If-None-Match": tag})
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", tag)
    patched(laptop, ada, phone="2")
    assert laptop.get(f"/contacts/{ada}", {"If-None-Match": tag}).status_code == 200


def test_the_etag_is_the_same_for_a_packed_answer(laptop: Caller) -> None:
    key = laptop.add(notes="x" * 5000)["id"]
    plain, packed = laptop.get(f"/contacts/{key}"), laptop.get(f"/contacts/{key}", {"Accept-Encoding": "gzip"})
    assert (packed.headers["Content-Encoding"], packed.headers["ETag"]) == ("gzip", plain.headers["ETag"])


def test_a_contact_that_is_not_there_is_told_so(laptop: Caller) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        answer = laptop.ask(method, f"/contacts/{new_id()}", json={"phone": "1"})
        assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


# --- creating --------------------------------------------------------------------------------------------------------


def test_a_new_contact_says_where_it_is(laptop: Caller) -> None:
    answer = laptop.ask("POST", "/contacts", json={"name": "Ada", "details": {"k1": HOME}})
    made = answer.get_json()
    assert (answer.status_code, made["details"]) == (201, {"k1": HOME})
    assert answer.headers["Location"] == f"/contacts/{made['id']}"
    assert laptop.get(answer.headers["Location"]).get_json() == made


def test_an_id_of_ones_own_is_kept_in_small_letters(laptop: Caller) -> None:
    key = new_id()
    assert laptop.add(id=key.upper())["id"] == key
    assert laptop.get(f"/contacts/{key.upper()}").status_code == 200


def test_creating_again_with_ones_own_id_makes_one_contact(app: App, laptop: Caller) -> None:
    """An answer may get lost: then the same request is sent once more."""
    body = {"id": new_id(), "name": "Ada", "notes": "", "details": {"k1": HOME}}
    first = laptop.ask("POST", "/contacts", json=body)
    before = typed(app)
    again = laptop.ask("POST", "/contacts", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.get_json() == first.get_json()
    assert again.headers["Location"] == first.headers["Location"]
    assert typed(app) == before


def test_another_contact_with_an_id_that_is_taken_is_refused(app: App, laptop: Caller, ada: str) -> None:
    before = typed(app)
    answer = laptop.ask("POST", "/contacts", json={"id": ada, "name": "Bob"})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "exists")
    assert answer.headers["Location"] == f"/contacts/{ada}"
    assert typed(app) == before


def test_creating_does_not_bring_back_what_was_deleted(laptop: Caller) -> None:
    body = {"id": new_id(), "name": "Ada"}
    laptop.ask("POST", "/contacts", json=body)
    laptop.ask("DELETE", f"/contacts/{body['id']}")
    assert laptop.ask("POST", "/contacts", json=body).status_code == 409


def test_what_the_server_makes_is_ignored_in_a_body(laptop: Caller) -> None:
    made = laptop.add(created_at="1900-01-01", updated_at=None)
    assert made["created_at"].startswith("20")
    assert patched(laptop, made["id"], id=new_id(), phone="1")["id"] == made["id"]


# --- patching --------------------------------------------------------------------------------------------------------


def test_a_patch_changes_what_it_names_and_nothing_else(laptop: Caller, ada: str) -> None:
    before = laptop.get(f"/contacts/{ada}").get_json()
    after = patched(laptop, ada, email="ada@example.org")
    assert after == before | {"email": "ada@example.org", "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]


@pytest.mark.parametrize("nothing", [None, ""])
def test_null_and_empty_text_empty_a_field(laptop: Caller, ada: str, nothing: str | None) -> None:
    assert patched(laptop, ada, phone=nothing)["phone"] is None


def test_a_patch_of_the_city_keeps_the_street(laptop: Caller, ada: str) -> None:
    assert patched(laptop, ada, details={"k1": {"city": "Surrey"}})["details"] == {"k1": HOME | {"city": "Surrey"}}


def test_a_patch_of_the_label_keeps_the_address(laptop: Caller, ada: str) -> None:
    assert patched(laptop, ada, details={"k1": {"label": "town"}})["details"] == {"k1": HOME | {"label": "town"}}


def test_null_empties_one_part_of_an_address(laptop: Caller, ada: str) -> None:
    entry = patched(laptop, ada, details={"k1": {"country": None}})["details"]["k1"]
    assert entry == {name: part for name, part in HOME.items() if name != "country"}


def test_null_removes_an_entry_and_the_others_stay(laptop: Caller, ada: str) -> None:
    boat = {"kind": "phone", "label": "boat", "value": "555-9"}
    assert patched(laptop, ada, details={"k2": boat})["details"] == {"k1": HOME, "k2": boat}
    assert patched(laptop, ada, details={"k1": None})["details"] == {"k2": boat}


def test_a_patch_that_changes_nothing_leaves_the_seq(laptop: Caller, ada: str) -> None:
    tag = laptop.get(f"/contacts/{ada}").headers["ETag"]
    for data in ({}, {"phone": "555-1234"}):
        assert laptop.ask("PATCH", f"/contacts/{ada}", json=data).headers["ETag"] == tag


def test_a_patch_shows_the_new_seq(laptop: Caller, ada: str) -> None:
    answer = laptop.ask("PATCH", f"/contacts/{ada}", json={"phone": "1"})
    assert seq_of(answer) == seq_of(laptop.get(f"/contacts/{ada}"))


def test_without_a_condition_a_write_is_on_top_of_what_is_there(app: App, laptop: Caller, ada: str) -> None:
    """The contact as it is now is the base: nothing is concurrent, whatever the policy and whoever wrote before."""
    user = parts_of(app).accounts.user_named("ada")
    for policy in ("merge", "ask", "last-write-wins"):
        parts_of(app).accounts.set_policy(user.book_id, policy)
        assert patched(caller(app, "ada", "phone"), ada, phone=f"first under {policy}")
        assert patched(laptop, ada, phone=f"then under {policy}")["phone"] == f"then under {policy}"


# --- conditions ------------------------------------------------------------------------------------------------------


def test_a_write_happens_if_nothing_changed_since(laptop: Caller, ada: str) -> None:
    tag = laptop.get(f"/contacts/{ada}").headers["ETag"]
    changed = laptop.ask("PATCH", f"/contacts/{ada}", {"If-Match": f'"1", {tag}'}, json={"phone": "1"})
    assert changed.status_code == 200
    assert laptop.ask("DELETE", f"/contacts/{ada}", {"If-Match": changed.headers["ETag"]}).status_code == 204


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_stale_condition_is_told(app: App, laptop: Caller, ada: str, method: str) -> None:
    tag = laptop.get(f"/contacts/{ada}").headers["ETag"]
    patched(laptop, ada, phone="1")
    before = typed(app)
    answer = laptop.ask(method, f"/contacts/{ada}", {"If-Match": tag}, json={"phone": "2"})
    assert (answer.status_code, answer.get_json()["code"]) == (412, "precondition_failed")
    assert typed(app) == before


def test_a_star_asks_only_that_there_is_a_contact(laptop: Caller, ada: str) -> None:
    assert laptop.ask("PATCH", f"/contacts/{ada}", {"If-Match": "*"}, json={"phone": "1"}).status_code == 200
    assert laptop.ask("PATCH", f"/contacts/{new_id()}", {"If-Match": "*"}, json={"phone": "1"}).status_code == 404


# --- deleting --------------------------------------------------------------------------------------------------------


def test_deleting_says_nothing_and_a_second_time_finds_nothing(laptop: Caller, ada: str) -> None:
    answer = laptop.ask("DELETE", f"/contacts/{ada}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert laptop.ask("DELETE", f"/contacts/{ada}").status_code == 404
    assert laptop.get(f"/contacts/{ada}").status_code == 404


def test_devices_hear_of_what_was_written_here(laptop: Caller, ada: str) -> None:
    cursor = laptop.get("/changes").get_json()["cursor"]
    patched(laptop, ada, phone="1")
    assert [row["data"]["phone"] for row in laptop.get("/changes", since=cursor).get_json()["changes"]] == ["1"]
    laptop.ask("DELETE", f"/contacts/{ada}")
    assert [row["operation"] for row in laptop.get("/changes", since=cursor).get_json()["changes"]] == ["DELETE"]


def test_what_was_written_here_is_in_the_history(app: App, laptop: Caller, ada: str) -> None:
    patched(laptop, ada, phone="1")
    user = parts_of(app).accounts.user_named("ada")
    with parts_of(app).store.reading(user.book_id) as book:
        made, edited = book.history("contacts", ada)
    assert (made.operation, edited.operation) == ("INSERT", "UPDATE")
    assert (edited.before, edited.data) == ({"phone": "555-1234"}, {"phone": "1"})
    assert edited.user == user.name


def test_an_edit_from_before_merges_with_what_was_written_here(app: App, laptop: Caller, ada: str) -> None:
    base = seq_of(laptop.get(f"/contacts/{ada}"))
    patched(laptop, ada, phone="1")
    offline = change("UPDATE", record_id=ada, base=base, data={"email": "a@b.c"})
    (result,) = caller(app, "ada", "phone").synced(offline)["results"]
    assert result["verdict"] in ("applied", "merged")
    found = laptop.get(f"/contacts/{ada}").get_json()
    assert (found["phone"], found["email"]) == ("1", "a@b.c")


# --- users -----------------------------------------------------------------------------------------------------------


TIMES = {"created_at", "disabled_at", "removed_at", "kept_until"}


def test_an_admin_sees_who_there_is_and_no_secret(app: App) -> None:
    boss = caller(app, "ada", admin=True)
    add_user(app, "bob")
    answer = boss.get("/users")
    users = answer.get_json()["users"]
    assert [(user["name"], user["admin"]) for user in users] == [("ada", True), ("bob", False)]
    assert {key for user in users for key in user} == {"id", "name", "admin", "status"} | TIMES
    assert "argon2" not in answer.text


def test_others_do_not_see_who_there_is(app: App, laptop: Caller) -> None:
    add_user(app, "boss", admin=True)
    for answer in (laptop.get("/users"), signed_in(app, "ada").get("/users")):
        assert (answer.status_code, answer.get_json()["code"]) == (403, "forbidden")
        assert "boss" not in answer.text
    assert Browser(app).get("/users").status_code == 401


def test_a_signed_in_admin_sees_it_without_a_device(app: App) -> None:
    add_user(app, "boss", admin=True)
    assert signed_in(app, "boss").get("/users").get_json()["users"][0]["name"] == "boss"


def test_the_pages_session_opens_nothing_that_is_for_devices(app: App, laptop: Caller, ada: str) -> None:
    """A cookie goes along with requests that another site made: it must not be enough where no form token is asked."""
    browser = signed_in(app, "ada")
    before = typed(app)
    assert browser.get("/contacts").status_code == 401
    for method, path in (("POST", "/contacts"), ("PATCH", f"/contacts/{ada}"), ("DELETE", f"/contacts/{ada}")):
        assert browser.client.open(path, method=method, json={"name": "Eve"}).status_code == 401
    assert browser.client.post("/sync", json={"changes": [change()]}).status_code == 401
    assert typed(app) == before
