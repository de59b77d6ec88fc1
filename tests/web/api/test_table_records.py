"""The records of any table as JSON: lists by the values of fields, one record with its ETag, its history."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from app import App
from tests.support.api_client import Caller, typed

KINDS = {"k1": {"kind": "phone", "value": "1"}}


def names_of(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [record["name"] for record in answer.get_json()["records"]]


def is_told(answer: TestResponse, status: int, code: str, *words: str) -> None:
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert all(word in answer.get_json()["detail"] for word in words)


NOBODYS = "d0000000-0000-4000-8000-000000000002"
"""An id that no record has."""


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/tables/boats"),
        ("POST", "/tables/boats"),
        ("GET", f"/tables/boats/{NOBODYS}"),
        ("PATCH", f"/tables/boats/{NOBODYS}"),
        ("DELETE", f"/tables/boats/{NOBODYS}"),
        ("GET", f"/tables/boats/{NOBODYS}/history"),
        ("GET", f"/history/{NOBODYS}?table=boats"),
        ("POST", f"/history/{NOBODYS}/version?table=boats"),
    ],
)
@pytest.mark.engines("sqlite")
def test_a_table_that_there_is_not_is_told(laptop: Caller, method: str, path: str) -> None:
    answer = laptop.ask(method, path, json={"seq": 1} if method in ("POST", "PATCH") else None)
    is_told(answer, 404, "not_found", "There is no table 'boats' on this server", "GET /tables")


def test_a_record_is_read_and_written_as_at_its_other_address(laptop: Caller) -> None:
    made = laptop.ask("POST", "/tables/contacts", json={"name": "Ada", "details": KINDS})
    record, key = made.get_json(), made.get_json()["id"]
    assert (made.status_code, made.headers["Location"]) == (201, f"/tables/contacts/{key}")
    assert laptop.get(f"/tables/contacts/{key}").get_json() == laptop.get(f"/contacts/{key}").get_json() == record
    changed = laptop.ask("PATCH", f"/tables/contacts/{key}", {"If-Match": made.headers["ETag"]}, json={"phone": "2"})
    assert changed.get_json()["phone"] == "2"
    late = laptop.ask("DELETE", f"/tables/contacts/{key}", {"If-Match": made.headers["ETag"]})
    is_told(late, 412, "precondition_failed", "The contact has changed since.")
    history = laptop.get(f"/tables/contacts/{key}/history").get_json()
    assert (
        history
        == laptop.get(f"/history/{key}", table="contacts").get_json()
        == laptop.get(f"/history/{key}").get_json()
    )
    assert laptop.ask("DELETE", f"/tables/contacts/{key}").status_code == 204
    assert laptop.get(f"/tables/contacts/{key}").status_code == 404


def test_a_record_becomes_what_it_was(laptop: Caller) -> None:
    made = laptop.add(phone="1")
    laptop.ask("PATCH", f"/tables/contacts/{made['id']}", json={"phone": "2"})
    path, first = f"/history/{made['id']}", laptop.get(f"/history/{made['id']}").get_json()["changes"][-1]["seq"]
    restored = laptop.ask("POST", f"{path}/version?table=contacts", json={"seq": first})
    assert restored.get_json()["record"]["phone"] == "1"


def test_a_list_is_filtered_by_the_values_of_fields(laptop: Caller) -> None:
    laptop.add(name="Ada", company="Analytical", starred=True)
    laptop.add(name="Bob", company="analytical ", birthday="--02-29")
    laptop.add(name="Eve", company="Analytical")
    laptop.add(name="Zoe")
    assert names_of(laptop.get("/tables/contacts")) == ["Ada", "Bob", "Eve", "Zoe"]
    assert names_of(laptop.get("/tables/contacts", company="Analytical")) == ["Ada", "Eve"]
    assert names_of(laptop.get("/tables/contacts", company="Analytical", starred="false")) == ["Eve"]
    assert names_of(laptop.get("/tables/contacts", starred="true")) == ["Ada"]
    assert names_of(laptop.get("/tables/contacts", starred="")) == ["Bob", "Eve", "Zoe"]
    assert names_of(laptop.get("/tables/contacts", company="", search="z")) == ["Zoe"]
    assert names_of(laptop.get("/tables/contacts", birthday="--02-29")) == ["Bob"]


def test_pages_follow_each_other_without_a_gap(laptop: Caller) -> None:
    for number in range(7):
        laptop.add(name=f"Contact {number}", company="x" if number % 2 else "")
    names: list[str] = []
    query: dict[str, Any] = {"limit": 2, "company": "x"}
    while True:
        page = laptop.get("/tables/contacts", **query)
        names += names_of(page)
        if page.get_json()["next"] is None:
            break
        query["after"] = page.get_json()["next"]
    assert names == ["Contact 1", "Contact 3", "Contact 5"]


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ({"fax": "1"}, "bad_filter", "'fax' is no field of contacts"),
        ({"details": "{}"}, "bad_filter", "'details' is no field"),
        ({"starred": "yes"}, "bad_filter", '"starred" must be true or false'),
        ({"starred": "1"}, "bad_filter", "starred"),
        ({"birthday": "2026-02-30"}, "bad_filter", "birthday"),
        ({"name": "x" * 301}, "bad_filter", "name"),
        ({"search": "x" * 201}, "bad_search", "200"),
        ({"after": "[1]"}, "bad_place", "place"),
        ({"after": '["\\u0000","a"]'}, "bad_place", "place"),
        ({"limit": "0"}, "bad_limit", "limit"),
    ],
)
@pytest.mark.engines("sqlite")
def test_what_no_list_can_be_asked_for_is_told(laptop: Caller, query: dict[str, Any], code: str, words: str) -> None:
    is_told(laptop.get("/tables/contacts", **query), 400, code, words)


@pytest.mark.engines("sqlite")
def test_what_cannot_be_stored_is_told_and_nothing_is_stored(app: App, laptop: Caller) -> None:
    before = typed(app)
    is_told(laptop.ask("POST", "/tables/contacts", json=[]), 400, "not_an_object", "the contact's fields")
    is_told(laptop.ask("POST", "/tables/contacts", json={"name": "Ada", "id": 5}), 422, "bad_id")
    is_told(laptop.ask("POST", "/tables/contacts", json={"name": ""}), 422, "missing")
    assert typed(app) == before
