"""Labels as plain REST clients see them."""

from __future__ import annotations

from typing import Any

import pytest

from app import App
from offbook.contacts.table import LABELS
from offbook.core.schema import record_id_of_key
from tests.support.api_client import Caller, caller

FRIENDS = record_id_of_key(LABELS, "Friends")


@pytest.fixture
def ada(app: App) -> Caller:
    return caller(app, "ada")


def person(ada: Caller, *groups: str) -> str:
    details = {f"k{number}": {"kind": "group", "value": group} for number, group in enumerate(groups)}
    contact: str = ada.add(details=details)["id"]
    return contact


def groups(ada: Caller, contact: str) -> list[str]:
    details = ada.get(f"/contacts/{contact}").get_json()["details"]
    return sorted(entry["value"] for entry in details.values())


def listed(ada: Caller, **query: Any) -> dict[str, int]:
    return {label["name"]: label["contacts"] for label in ada.get("/labels", **query).get_json()["labels"]}


def test_labels_are_listed_with_the_number_of_contacts_that_have_them(ada: Caller) -> None:
    person(ada, "Work", "Friends", "* myContacts")
    person(ada, "friends")
    assert ada.ask("POST", "/labels", json={"name": "Family"}).status_code == 201
    assert list(listed(ada).items()) == [("Family", 0), ("Friends", 2), ("Work", 1)]
    assert listed(ada, search="wor") == {"Work": 1}
    page = ada.get("/labels", limit=2).get_json()
    assert [label["name"] for label in page["labels"]] == ["Family", "Friends"]
    assert listed(ada, after=page["next"]) == {"Work": 1}


def test_a_label_that_is_there_is_answered_as_it_is(ada: Caller) -> None:
    person(ada, "Friends")
    answer = ada.ask("POST", "/labels", json={"name": " FRIENDS"})
    assert (answer.status_code, answer.get_json()["id"]) == (200, FRIENDS)
    assert ada.ask("POST", "/labels", json={"name": "Work"}).headers["Location"].startswith("/tables/labels/")


def test_a_label_is_renamed_in_all_contacts_and_undone_as_one_batch(ada: Caller) -> None:
    first, second = person(ada, "Friends", "Work"), person(ada, "friends")
    answer = ada.ask("PATCH", f"/labels/{FRIENDS}", json={"name": "Pals"})
    assert (answer.status_code, answer.get_json()["name"]) == (200, "Pals")
    assert (groups(ada, first), groups(ada, second)) == (["Pals", "Work"], ["Pals"])
    batch, *_ = ada.get("/batches").get_json()["batches"]
    assert batch["tables"] == {"contacts": 2, "labels": 1}
    assert ada.ask("POST", f"/batches/{batch['id']}/undo").status_code == 200
    assert (groups(ada, first), groups(ada, second)) == (["Friends", "Work"], ["friends"])
    assert listed(ada) == {"Friends": 2, "Work": 1}


def test_a_deleted_label_is_taken_from_all_contacts(ada: Caller) -> None:
    contact = person(ada, "Friends", "Work")
    assert ada.ask("DELETE", f"/labels/{FRIENDS}").status_code == 204
    assert (groups(ada, contact), listed(ada)) == (["Work"], {"Work": 1})
    assert ada.ask("DELETE", f"/labels/{FRIENDS}").status_code == 404
    assert ada.ask("PATCH", f"/labels/{FRIENDS}", json={"name": "Pals"}).status_code == 404


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_label_that_has_changed_since_is_left_alone(ada: Caller, method: str) -> None:
    contact = person(ada, "Friends")
    etag = ada.ask("POST", "/labels", json={"name": "Friends"}).headers["ETag"]
    ada.ask("PATCH", f"/labels/{FRIENDS}", json={"name": "Pals"})
    answer = ada.ask(method, f"/labels/{FRIENDS}", {"If-Match": etag}, json={"name": "Mates"})
    assert (answer.status_code, answer.get_json()["code"]) == (412, "precondition_failed")
    assert groups(ada, contact) == ["Pals"]
    etag = ada.get(f"/tables/labels/{FRIENDS}").headers["ETag"]
    assert ada.ask(method, f"/labels/{FRIENDS}", {"If-Match": etag}, json={"name": "Mates"}).status_code < 300


def test_what_no_label_can_be_called_is_refused(ada: Caller) -> None:
    person(ada, "Friends", "Work")
    taken = ada.ask("PATCH", f"/labels/{FRIENDS}", json={"name": "work"})
    assert (taken.status_code, taken.get_json()["code"]) == (409, "exists")
    for name, code in (("", "missing"), ("* myContacts", "bad_choice"), ("x" * 2001, "too_long"), (5, "wrong_type")):
        for method, path in (("POST", "/labels"), ("PATCH", f"/labels/{FRIENDS}")):
            answer = ada.ask(method, path, json={"name": name})
            assert (answer.status_code, answer.get_json()["code"]) == (422, code)
    assert listed(ada) == {"Friends": 1, "Work": 1}


def test_the_address_of_any_record_does_the_same(ada: Caller) -> None:
    contact = person(ada, "Friends")
    assert ada.ask("PATCH", f"/tables/labels/{FRIENDS}", json={"name": "Pals"}).status_code == 200
    assert groups(ada, contact) == ["Pals"]
    assert ada.ask("DELETE", f"/tables/labels/{FRIENDS}").status_code == 204
    assert groups(ada, contact) == []


# --- many contacts ---------------------------------------------------------------------------------------------------


def members(ada: Caller, label: str = FRIENDS, **body: list[str]) -> dict[str, Any]:
    answer = ada.ask("POST", f"/labels/{label}/contacts", json=body)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.get_json()
    return report


def test_many_contacts_get_a_label_and_others_lose_it_as_one_batch(ada: Caller) -> None:
    has_it, first, second = person(ada, "friends", "Work"), person(ada), person(ada, "Work")
    gone = person(ada)
    ada.ask("DELETE", f"/contacts/{gone}")
    ada.ask("POST", "/labels", json={"name": "Friends"})
    label = next(row["id"] for row in ada.get("/labels").get_json()["labels"] if row["name"] == "friends")
    report = members(ada, label, add=[first, second.upper(), first], remove=[has_it, gone])
    batch = report.pop("batch")
    assert report == {"added": 2, "removed": 1, "unknown": [gone], "rejected": []}
    assert [groups(ada, contact) for contact in (has_it, first, second)] == [["Work"], ["friends"], ["Work", "friends"]]
    assert ada.get(f"/batches/{batch}").get_json()["tables"] == {"contacts": 3}
    assert ada.ask("POST", f"/batches/{batch}/undo").status_code == 200
    assert [groups(ada, contact) for contact in (has_it, first, second)] == [["Work", "friends"], [], ["Work"]]


def test_who_has_a_label_already_is_not_changed(ada: Caller) -> None:
    has_it, other = person(ada, "Friends"), person(ada)
    before = ada.get(f"/contacts/{has_it}").headers["ETag"]
    nothing: dict[str, Any] = {"batch": None, "added": 0, "removed": 0, "unknown": [], "rejected": []}
    assert members(ada, add=[has_it], remove=[other]) == nothing
    assert ada.get(f"/contacts/{has_it}").headers["ETag"] == before


def test_a_contact_without_room_for_a_label_is_named_and_the_others_get_it(ada: Caller) -> None:
    full = ada.add(details={f"k{number}": {"kind": "custom", "value": "x"} for number in range(500)})["id"]
    other = person(ada, "Friends")
    members(ada, remove=[other])
    report = members(ada, add=[full, other])
    assert (report["added"], [row["id"] for row in report["rejected"]]) == (1, [full])
    assert report["rejected"][0]["code"] == "too_many_entries"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], "not_an_object"),
        ({}, "bad_ids"),
        ({"add": "x"}, "bad_ids"),
        ({"add": ["x"]}, "bad_ids"),
        ({"add": [5]}, "bad_ids"),
        ({"add": [FRIENDS], "remove": [FRIENDS.upper()]}, "bad_ids"),
        ({"add": [FRIENDS], "set": []}, "unknown_key"),
        ({"add": [f"00000000-0000-4000-8000-{number:012}" for number in range(1001)]}, "bad_ids"),
    ],
)
def test_what_names_no_contacts_is_refused_before_anything_is_written(ada: Caller, body: Any, code: str) -> None:
    person(ada, "Friends")
    answer = ada.ask("POST", f"/labels/{FRIENDS}/contacts", json=body)
    assert (answer.status_code, answer.get_json()["code"]) == (400, code)


def test_a_label_that_is_not_there_is_given_to_nobody(ada: Caller) -> None:
    contact = person(ada, "Friends")
    ada.ask("DELETE", f"/labels/{FRIENDS}")
    answer = ada.ask("POST", f"/labels/{FRIENDS}/contacts", json={"add": [contact]})
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")
    assert groups(ada, contact) == []
