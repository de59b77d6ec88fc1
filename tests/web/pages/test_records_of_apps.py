"""What pages over all tables show of a table that an app brought: conflicts in the inbox, the book as it was."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from app import App
from offbook.tables import Date, Flag, Map, Table, Text
from ops.grow import grow
from storage.engines.database import Database
from tests.support.api_client import Caller, change
from tests.support.app_schemas import of_app
from tests.support.browser import Browser, parts_of, signed_in
from tests.support.conflict_scenarios import EARLY, LATE, Pair, pair
from tests.support.html_forms import form_at

pytestmark = pytest.mark.engines("sqlite")  # the stores behind them have tests on every database

NOTES = Table(
    "notes",
    Text("title", required=True),
    Text("body", limit=10_000, both="join", heading="What it says"),
    Flag("done"),
    Date("due"),
    Map("links", Text("kind"), Text("value"), heading="Addresses"),
    singular="note",
)
KNOWN = {"Offbook-Schema": "0" * 16}
LINK = {"k": {"kind": "page", "value": "example.org"}}


@pytest.fixture
def two(app: App) -> Pair:
    database: Database = app.extensions["database"]
    grow(database, of_app(NOTES), parts_of(app).clock())
    return pair(app)


@pytest.fixture
def ada(app: App, two: Pair) -> Browser:
    return signed_in(app, "ada")


def push(device: Caller, **parts: Any) -> dict[str, Any]:
    answer = device.ask("POST", "/sync", KNOWN, json={"changes": [change(table="notes", **parts)]})
    result: dict[str, Any] = answer.get_json()["results"][0]
    assert result["verdict"] != "rejected", result
    return result


def conflict(two: Pair, ours: dict[str, Any] | None, theirs: dict[str, Any] | None) -> str:
    """A note that both devices edit without knowing of each other, or delete: its id."""
    record_id = change()["record_id"]
    base = push(two.laptop, record_id=record_id, data={"title": "Milk", "body": "fat", "links": LINK})["seq"]
    for device, data, at in ((two.laptop, ours, EARLY), (two.phone, theirs, LATE)):
        what = {"operation": "DELETE"} if data is None else {"operation": "UPDATE", "data": data}
        push(device, record_id=record_id, base=base, timestamp=at, **what)
    return str(record_id)


def words(page: str) -> str:
    """A page as it reads: without its marks."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", re.sub("</?mark>", "", page))))


def settle(ada: Browser, two: Pair, **choice: str) -> str:
    (waiting,) = two.open()
    fields = form_at(ada.get("/inbox").text, f"/inbox/{waiting.id}")
    sent = {name: fields[name][:1] for name in ("csrf_token", "change_id", "base", "next")}
    sent |= {name: [value] for name, value in choice.items()}
    return words(ada.client.post(f"/inbox/{waiting.id}", data=sent, follow_redirects=True).text)


@pytest.mark.parametrize(
    ("ours", "theirs", "shown"),
    [
        ({"title": "Oat milk"}, {"title": "Soy milk"}, ["Oat milk Notes", "Title Before: Milk"]),
        ({"body": "a\nb"}, {"body": "c"}, ["What it says Before: fat", "Keep both"]),
        ({"due": "2026-12-01"}, {"due": "--12-24"}, ["Due Before: nothing", "2026-12-01"]),
        ({"links": {"k": {"value": "a.org"}}}, {"links": {"k": {"value": "b.org"}}}, ["Addresses: value", "b.org"]),
        ({"links": {"k": {"kind": "a"}}}, {"links": {"k": {"kind": "b"}}}, ["Addresses Before: page"]),
        ({"links": {"k": {"kind": "feed"}}}, {"links": {"k": None}}, ["Removed it", "Changed it: feed"]),
        (None, {"title": "Oat milk"}, ["The note itself", "Deleted this note", "Leave it deleted"]),
    ],
)
def test_the_inbox_calls_what_waits_by_its_own_names(
    two: Pair, ada: Browser, ours: dict[str, Any] | None, theirs: dict[str, Any] | None, shown: list[str]
) -> None:
    record_id = conflict(two, ours, theirs)
    page = ada.get("/inbox").text
    assert [text for text in shown if text not in words(page)] == []
    assert f"/c/{record_id}" not in page, "it has no page of contacts"
    assert "Job title" not in page


def test_a_choice_and_a_value_of_ones_own_are_taken(two: Pair, ada: Browser) -> None:
    record_id = conflict(two, {"title": "Oat milk"}, {"title": "Soy milk"})
    assert "Title of Soy milk is “Soy milk”." in settle(ada, two, choice="theirs")
    assert two.laptop.get(f"/tables/notes/{record_id}").get_json()["title"] == "Soy milk"
    two.laptop.ask("DELETE", f"/tables/notes/{record_id}")
    record_id = conflict(two, {"links": {"k": {"value": "a.org"}}}, {"links": {"k": {"value": "b.org"}}})
    assert "Addresses: value of Milk is “c.org”." in settle(ada, two, choice="typed", value="c.org")
    links = two.laptop.get(f"/tables/notes/{record_id}").get_json()["links"]
    assert links == {"k": {"kind": "page", "value": "c.org"}}


def test_the_book_as_it_was_names_what_would_go_back(two: Pair, ada: Browser) -> None:
    first = push(two.laptop, data={"title": "Milk"})["seq"]
    record_id = change()["record_id"]
    base = push(two.laptop, record_id=record_id, data={"title": "Bread", "links": LINK})["seq"]
    push(
        two.laptop, record_id=record_id, base=base, operation="UPDATE", data={"due": "2026-12-01", "links": {"k": None}}
    )
    page = ada.get(f"/past?seq={base}").text
    assert "B Bread Notes Due “2026-12-01” removed Addresses “page”" in words(page)
    assert f"/c/{record_id}" not in page
    assert "Would be deleted 1 B Bread Notes" in words(ada.get(f"/past?seq={first}").text)


def test_the_activity_page_counts_the_records_of_every_table(two: Pair, ada: Browser) -> None:
    assert "Tables of apps Notes 0" in words(ada.get("/activity").text)
    push(two.laptop, data={"title": "Milk"})
    record_id = change()["record_id"]
    push(two.laptop, record_id=record_id, data={"title": "Bread"})
    assert "Tables of apps Notes 2" in words(ada.get("/activity").text)
    two.laptop.ask("DELETE", f"/tables/notes/{record_id}")
    assert "Tables of apps Notes 1" in words(ada.get("/activity").text)
