"""History and conflicts as JSON: what happened to a contact, giving it back, and a person's choice."""

from __future__ import annotations

from typing import Any

import pytest

from app import App
from tests.support.api_client import Caller, change
from tests.support.browser import parts_of
from tests.support.sql_spy import hearing

EARLY, LATE = "2026-11-18T17:00:00.000Z", "2026-11-18T17:07:00.000Z"


class Contested:
    """A contact whose phone number the laptop set to ``2`` and the phone, unseen, to ``3``; it was ``1``."""

    def __init__(self, laptop: Caller, phone: Caller) -> None:
        first = change(data={"name": "Ada", "phone": "1"})
        self.id: str = first["record_id"]
        base = laptop.synced(first)["results"][0]["seq"]
        edit = {"record_id": self.id, "base": base}
        self.mine = change("UPDATE", **edit, data={"phone": "2"}, timestamp=LATE)
        self.theirs = change("UPDATE", **edit, data={"phone": "3"}, timestamp=EARLY)
        laptop.synced(self.mine)
        self.answer = phone.synced(self.theirs)["results"][0]


def ask_for(app: App, policy: str) -> None:
    accounts = parts_of(app).accounts
    accounts.set_policy(accounts.user_named("ada").book_id, policy)


def post(caller: Caller, path: str, **body: Any) -> Any:
    answer = caller.ask("POST", path, json=body)
    return answer.get_json() | {"status": answer.status_code}


def history(caller: Caller, record_id: str, **query: Any) -> Any:
    return caller.get(f"/history/{record_id}", **query).get_json()


# --- history -------------------------------------------------------------------------------------------------------


def test_the_history_tells_who_changed_what_and_what_lost(laptop: Caller, phone: Caller) -> None:
    contested = Contested(laptop, phone)
    lost, won, made = history(laptop, contested.id)["changes"]
    assert (made["created"], made["data"]["phone"], made["user"], made["device"]) == (True, "1", "ada", "laptop")
    assert (won["before"], won["data"], won["created"]) == ({"phone": "1"}, {"phone": "2"}, False)
    assert (lost["verdict"], lost["seq"], lost["device"]) == ("superseded", None, "phone")
    (beaten,) = lost["beaten"]
    assert (beaten["value"], beaten["winner"]["change_id"], beaten["winner"]["device"]) == ("3", won["id"], "laptop")


def test_the_history_is_read_a_page_at_a_time(laptop: Caller, phone: Caller) -> None:
    contested = Contested(laptop, phone)
    newest = history(laptop, contested.id, limit=2)
    older = history(laptop, contested.id, limit=2, before=newest["next"])
    assert [len(newest["changes"]), len(older["changes"]), older["next"]] == [2, 1, None]
    assert laptop.get(f"/history/{contested.id}", before="x").get_json()["code"] == "bad_place"


def test_a_value_that_lost_can_be_given_back(laptop: Caller, phone: Caller) -> None:
    contested = Contested(laptop, phone)
    lost = history(laptop, contested.id)["changes"][0]
    restored = post(laptop, f"/history/{lost['id']}/restore", cells=["phone"], to="after")
    assert (restored["status"], restored["record"]["phone"]) == (200, "3")
    newest = history(laptop, contested.id)["changes"][0]
    assert (newest["before"], newest["verdict"]) == ({"phone": "2"}, "applied"), "itself in the history"


def test_a_value_that_was_replaced_can_be_given_back(laptop: Caller, phone: Caller) -> None:
    contested = Contested(laptop, phone)
    assert post(laptop, f"/history/{contested.mine['id']}/restore")["record"]["phone"] == "1"


def test_a_field_is_given_back_without_reading_all_of_the_history(app: App, laptop: Caller, phone: Caller) -> None:
    contested, statements = Contested(laptop, phone), list[str]()
    with hearing(statements.append, app.extensions["database"].engine):
        assert post(laptop, f"/history/{contested.mine['id']}/restore")["status"] == 200
    assert not [statement for statement in statements if "ORDER BY changes.id" in statement]


def test_a_whole_contact_becomes_what_it_was(laptop: Caller, phone: Caller) -> None:
    contested = Contested(laptop, phone)
    made = history(laptop, contested.id)["changes"][-1]
    seq = laptop.synced(change("DELETE", record_id=contested.id, base=contested.answer["seq"]))["results"][0]["seq"]
    assert seq is not None
    restored = post(laptop, f"/history/{contested.id}/version", seq=made["seq"])
    assert (restored["record"]["name"], restored["record"]["phone"]) == ("Ada", "1")


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("restore", {"to": "never"}, "bad_choice"),
        ("restore", {"cells": "phone"}, "wrong_type"),
        ("restore", {"cells": ["email"]}, "unknown_cell"),
        ("restore", {"what": 1}, "unknown_key"),
        ("restore", [], "not_an_object"),
    ],
)
def test_a_restore_that_can_not_be_understood_says_why(
    laptop: Caller, phone: Caller, path: str, body: Any, code: str
) -> None:
    contested = Contested(laptop, phone)
    answer = laptop.ask("POST", f"/history/{contested.mine['id']}/{path}", json=body)
    assert 400 <= answer.status_code < 500
    assert answer.get_json()["code"] == code


def test_what_is_not_in_the_history_can_not_be_given_back(laptop: Caller, phone: Caller) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    assert post(laptop, f"/history/{nobody}/restore")["status"] == 404
    assert post(laptop, f"/history/{nobody}/version", seq=1)["status"] == 404
    assert post(laptop, f"/history/{Contested(laptop, phone).id}/version", seq=-1)["code"] == "bad_base"
    assert laptop.get(f"/history/{nobody}").status_code == 404


# --- conflicts -----------------------------------------------------------------------------------------------------


@pytest.fixture
def asked(app: App, laptop: Caller, phone: Caller) -> Contested:
    ask_for(app, "ask")
    return Contested(laptop, phone)


def the_conflict(caller: Caller) -> Any:
    (conflict,) = caller.get("/conflicts").get_json()["conflicts"]
    return conflict


def test_a_conflict_tells_both_versions_what_they_began_with_and_who_wrote_them(
    laptop: Caller, asked: Contested
) -> None:
    conflict = the_conflict(laptop)
    assert (conflict["common"], conflict["ours"], conflict["theirs"]) == ("1", "2", "3")
    assert (conflict["ours_by"]["device"], conflict["theirs_by"]["device"]) == ("laptop", "phone")
    assert conflict["choices"] == ["ours", "theirs", "both"]


@pytest.mark.parametrize(
    ("body", "numbers"),
    [
        ({"choice": "ours"}, ["2"]),
        ({"choice": "theirs"}, ["3"]),
        ({"choice": "both"}, ["2", "3"]),
        ({"value": "4"}, ["4"]),
    ],
)
def test_a_choice_settles_the_conflict(laptop: Caller, asked: Contested, body: Any, numbers: list[str]) -> None:
    record = post(laptop, f"/conflicts/{the_conflict(laptop)['id']}", **body)["record"]
    assert [record["phone"], *(entry["value"] for entry in record["details"].values())] == numbers
    assert laptop.get("/conflicts").get_json()["conflicts"] == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "missing"),
        ({"choice": "ours", "value": "4"}, "missing"),
        ({"choice": "mine"}, "bad_choice"),
        ({"choice": ["ours"]}, "bad_choice"),
        ({"value": ["1", "2"]}, "wrong_type"),
        ({"value": {"a": 1}}, "wrong_type"),
        ({"value": "5" * 101}, "too_long"),
    ],
)
def test_a_choice_that_can_not_stand_is_refused_and_the_conflict_waits(
    laptop: Caller, asked: Contested, body: Any, code: str
) -> None:
    assert post(laptop, f"/conflicts/{the_conflict(laptop)['id']}", **body)["code"] == code
    assert the_conflict(laptop)["ours"] == "2"


def test_a_conflict_is_settled_once(laptop: Caller, phone: Caller, asked: Contested) -> None:
    conflict = the_conflict(laptop)
    post(laptop, f"/conflicts/{conflict['id']}", choice="theirs")
    assert post(phone, f"/conflicts/{conflict['id']}", choice="ours")["status"] == 404
    assert laptop.get(f"/contacts/{asked.id}").get_json()["phone"] == "3"


def test_conflicts_reach_every_device_and_leave_it_when_they_are_settled(
    laptop: Caller, phone: Caller, asked: Contested
) -> None:
    conflict, snapshot = the_conflict(laptop), phone.synced(since=None)
    (row,) = [row for row in snapshot["changes"] if row["table"] == "conflicts"]
    assert (row["record_id"], row["data"]) == (conflict["id"], conflict)
    settles = change("UPDATE", record_id=asked.id, base=row["seq"], data={"phone": "2"})
    settles["resolves"] = [conflict["id"]]
    assert laptop.synced(settles)["results"][0]["verdict"] == "applied"
    after = phone.synced(since=snapshot["cursor"])["changes"]
    assert {(row["table"], row["data"] is None) for row in after} == {("contacts", False), ("conflicts", True)}
    assert not [row for row in laptop.synced(since=None)["changes"] if row["table"] == "conflicts"]


# --- a rehearsal ---------------------------------------------------------------------------------------------------


def test_a_plan_answers_as_a_sync_would_and_does_nothing(laptop: Caller, phone: Caller) -> None:
    contested = Contested(laptop, phone)
    cursor = phone.synced(since=None)["cursor"]
    body = {"changes": [change("UPDATE", record_id=contested.id, base=0, data={"phone": "9"}, timestamp=LATE)]}
    planned = phone.ask("POST", "/plan", json=body | {"since": cursor}).get_json()
    assert planned["results"][0]["verdict"] in ("merged", "superseded")
    assert planned["cursor"] == cursor
    assert phone.synced(since=cursor)["changes"] == []
    assert len(history(laptop, contested.id)["changes"]) == 3
