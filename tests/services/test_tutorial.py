"""The tutorial form: a client that knows nothing of this server works with it unchanged, and loses nothing it sent."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from offbook.contacts.tutorial import parse_time_us
from offbook.core.errors import Malformed
from storage.engines.database import Database
from storage.repositories import tutorial as storage_tutorial
from tests.support.sql_spy import hearing
from tests.support.tutorial_client import FIRST_SYNC, Lost, TutorialClient
from tests.support.tutorial_setup import House, Other, Wire
from web.api import tutorial

Post = Callable[[str, dict[str, Any]], tuple[int, Any]]


@pytest.fixture
def house(database: Database, tmp_path: Path, now: int) -> Iterator[House]:
    made = House(database, tmp_path, now)
    yield made
    made.close()


@pytest.fixture
def app(house: House, request: pytest.FixtureRequest) -> TutorialClient:
    made = house.client("app")
    if getattr(request, "param", "") == "no row with deletion":
        made.post = without_row(made.post)
    return made


def without_row(post: Post) -> Post:
    def sent(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        return post(path, {**body, "data": None} if body["operation"] == "DELETE" else body)

    return sent


def lose_answers(client: TutorialClient, method: str, after: bool = True) -> None:
    """From now on the network fails after the server did its part, or before."""
    send = getattr(client, method)

    def fail(*request: Any) -> Any:
        if after:
            send(*request)
        raise Lost

    setattr(client, method, fail)


BOTH_KINDS = pytest.mark.parametrize("app", ["row with deletion", "no row with deletion"], indirect=True)
"""Some apps read the row for every change that they send, others not for a deletion."""


def has_nothing_to_pull(app: TutorialClient) -> bool:
    (since,) = app.conn.execute("SELECT value FROM sync_state").fetchone()
    answer: list[Any] = app.get(f"/changes?since={since}")[1]
    return answer == []


def known_to(app: TutorialClient, house: House, **cells: str) -> tuple[Other, str]:
    """Ada, whom another device added: that device, and her id. The app has her as -1, and the server knows that."""
    laptop = house.other()
    ada = laptop.add("Ada", **cells)
    app.sync()
    app.sync()
    return laptop, ada


# --- the way there and back ----------------------------------------------------------------------------------------


def test_what_the_app_adds_is_on_the_server_and_on_other_devices(house: House, app: TutorialClient) -> None:
    app.add("Ada", "ada@example.org", "1")
    assert app.sync()
    second = house.client("second")
    assert second.sync()
    assert house.contents() == app.contents() == second.contents() == [("Ada", "ada@example.org", "1")]


def test_an_edit_of_the_app_arrives_and_leaves_other_cells_alone(house: House, app: TutorialClient) -> None:
    laptop = house.other()
    ada = laptop.add("Ada", phone="1", notes="wrote the first program", company="Analytical Engines")
    app.sync()
    app.update(-1, phone="2")
    assert app.sync()
    row = house.rows()[ada]
    assert (row["phone"], row["notes"], row["company"]) == ("2", "wrote the first program", "Analytical Engines")


def test_a_cell_that_was_emptied_is_empty_everywhere(house: House, app: TutorialClient) -> None:
    app.add("Ada", "a@example.org", "1")
    app.add("Bob", "b@example.org", "2")
    app.sync()
    app.update(1, email=None)
    app.update(2, email="")
    assert app.sync()
    assert house.contents() == [("Ada", "", "1"), ("Bob", "", "2")]


def test_a_deletion_of_the_app_arrives(house: House, app: TutorialClient) -> None:
    app.add("Ada")
    app.sync()
    app.delete(1)
    assert app.sync()
    assert house.contents() == []


def test_a_deletion_elsewhere_reaches_the_app(house: House, app: TutorialClient) -> None:
    laptop = house.other()
    ada = laptop.add("Ada")
    app.sync()
    laptop.delete(ada)
    assert app.sync()
    assert app.rows() == {}


def test_records_from_elsewhere_get_numbers_that_count_down(house: House, app: TutorialClient) -> None:
    laptop = house.other()
    laptop.add("Ada")
    laptop.add("Bob")
    app.add("Cyd")
    app.sync()
    laptop.add("Dan")
    app.sync()
    assert {number: row[0] for number, row in app.rows().items()} == {1: "Cyd", -1: "Ada", -2: "Bob", -3: "Dan"}


def test_a_deleted_record_that_the_app_never_had_is_not_told(house: House, app: TutorialClient) -> None:
    laptop = house.other()
    laptop.delete(laptop.add("Ada"))
    _, answer = app.get(f"/changes?since={FIRST_SYNC}")
    assert answer == []


def test_timestamps_grow_and_the_last_is_the_cursor(house: House, app: TutorialClient) -> None:
    laptop = house.other()
    for name in ("Ada", "Bob", "Cyd"):
        laptop.add(name)
    _, answer = app.get(f"/changes?since={FIRST_SYNC}")
    stamps = [change["timestamp"] for change in answer]
    assert [len(stamp) for stamp in stamps] == [32, 32, 32]
    assert stamps == sorted(set(stamps))
    assert [parse_time_us(stamp) for stamp in stamps] == [row["seq"] for row in house.rows().values()]
    assert [change["data"]["updated_at"] for change in answer] == stamps
    assert [change["data"]["name"] for change in app.get(f"/changes?since={stamps[0]}")[1]] == ["Bob", "Cyd"]
    assert app.get(f"/changes?since={stamps[-1]}") == (200, [])


def test_one_pull_brings_at_most_so_many_and_the_next_the_rest(
    house: House, app: TutorialClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_tutorial, "ANSWER_MAX", 3)
    app.add("Zoe")
    app.add("Yan")
    app.push()
    laptop = house.other()
    laptop.see()
    for record_id in house.rows():
        laptop.edit(record_id, notes="seen")
    for number in range(5):
        laptop.add(f"No. {number}")
    app.sync()
    assert len(app.rows()) == 2 + 3
    app.sync()
    assert app.contents() == house.contents()


# --- trace 12 ------------------------------------------------------------------------------------------------------


def test_a_contact_added_and_deleted_before_the_first_sync_leaves_nothing(house: House, app: TutorialClient) -> None:
    app.add("Ada")
    app.update(1, phone="1")
    app.delete(1)
    assert app.sync()
    assert (app.unsent(), house.contents()) == (0, [])


def test_an_edit_while_the_own_echo_is_on_its_way_stays(house: House, app: TutorialClient) -> None:
    app.add("Ada", phone="1")
    assert app.sync()
    app.update(1, phone="2")
    assert app.sync()
    assert app.contents() == house.contents() == [("Ada", "", "2")]


def test_an_edit_after_a_push_whose_answer_was_lost_stays(house: House, app: TutorialClient) -> None:
    app.add("Ada", phone="1")
    post = app.post
    lose_answers(app, "post")
    assert not app.sync()
    app.update(1, phone="2")
    app.post = post
    assert app.sync()
    assert app.contents() == house.contents() == [("Ada", "", "2")]
    assert len(house.rows()) == 1


def test_forty_records_made_on_each_side_between_syncs_stay_apart(house: House, app: TutorialClient) -> None:
    laptop = house.other()
    for turn in range(2):
        for number in range(40):
            app.add(f"app {turn} {number}")
            laptop.add(f"laptop {turn} {number}")
        assert app.sync()
    assert app.sync()
    assert len(app.rows()) == 160
    assert app.contents() == house.contents()


def test_two_apps_that_both_made_contact_1_keep_both(house: House, app: TutorialClient) -> None:
    second = house.client("second")
    app.add("Ada")
    second.add("Bob")
    for client in (app, second, app):
        assert client.sync()
    assert house.contents() == [("Ada", "", ""), ("Bob", "", "")]
    assert app.rows() == {1: ("Ada", None, None), -1: ("Bob", None, None)}
    assert second.rows() == {1: ("Bob", None, None), -1: ("Ada", None, None)}
    second.update(-1, phone="9")
    second.sync()
    app.sync()
    assert app.rows()[1] == ("Ada", None, "9")


# --- lost, doubled and late ----------------------------------------------------------------------------------------


def spied_posts(app: TutorialClient) -> tuple[Callable[..., Any], list[tuple[str, Any]]]:
    """What the app posts with, and a list of all that it will have posted."""
    post, sent = app.post, list[tuple[str, Any]]()

    def spied(path: str, body: Any) -> Any:
        sent.append((path, body))
        return post(path, body)

    app.post = spied
    return post, sent


def test_a_request_sent_twice_has_one_effect(house: House, app: TutorialClient) -> None:
    app.add("Ada", phone="1")
    post, sent = spied_posts(app)
    app.sync()
    app.update(1, phone="2")
    app.sync()
    for request in sent:
        assert post(*request)[1]["verdict"] == "applied"
    assert house.contents() == [("Ada", "", "2")]
    assert [past.operation for past in house.history(house.record_id("Ada"))] == ["INSERT", "UPDATE"]


def test_a_late_double_does_not_bring_back_what_was_deleted(house: House, app: TutorialClient) -> None:
    app.add("Ada")
    post, sent = spied_posts(app)
    app.sync()
    app.delete(1)
    app.sync()
    assert post(*sent[0])[1]["verdict"] == "applied"
    assert house.contents() == []


def test_a_pull_whose_answer_was_lost_is_answered_again(house: House, app: TutorialClient) -> None:
    laptop = house.other()
    ada = laptop.add("Ada", phone="1")
    get = app.get
    lose_answers(app, "get")
    assert not app.sync()
    app.get = get
    assert app.sync()
    assert app.rows() == {-1: ("Ada", None, "1")}
    laptop.delete(ada)
    lose_answers(app, "get")
    assert not app.sync()
    app.get = get
    assert app.sync()
    assert app.rows() == {}


def test_a_row_that_may_have_been_replaced_is_served_again_though_it_is_as_it_was(
    house: House, app: TutorialClient
) -> None:
    """The app may hold phone 2, so that phone 1 must be told, though it was the last that the app confirmed."""
    laptop, ada = known_to(app, house, phone="1")
    laptop.edit(ada, phone="2")
    app.get(f"/changes?since={app.conn.execute('SELECT value FROM sync_state').fetchone()[0]}")
    laptop.edit(ada, phone="1")
    _, answer = app.get(f"/changes?since={app.conn.execute('SELECT value FROM sync_state').fetchone()[0]}")
    assert [change["data"]["phone"] for change in answer] == ["1"]


# --- edits that meet -----------------------------------------------------------------------------------------------


def test_edits_of_different_cells_meet_and_the_later_decides(house: House, app: TutorialClient) -> None:
    laptop, ada = known_to(app, house, phone="1", email="a@example.org")
    app.pull()
    laptop.edit(ada, email="b@example.org")
    app.update(-1, phone="2")
    app.push()
    assert house.contents() == [("Ada", "b@example.org", "2")]
    app.sync()
    assert app.contents() == house.contents()


def test_an_edit_that_lost_is_put_right_on_the_device_and_kept_in_the_history(house: House) -> None:
    behind = house.client("behind", ahead_seconds=-3600)
    laptop, ada = known_to(behind, house, phone="1")
    laptop.edit(ada, phone="2")
    behind.update(-1, phone="3")
    assert behind.push()
    assert house.contents() == [("Ada", "", "2")]
    assert behind.sync()
    assert behind.contents() == house.contents()
    assert any(value.value == "3" for entry in house.history(ada) for value in entry.beaten)


def test_an_edit_between_pull_and_push_that_lost_is_put_right_behind_the_cursor(house: House) -> None:
    """The app's cursor is past the row already: it is served again below it, once."""
    behind = house.client("behind", ahead_seconds=-3600)
    laptop, ada = known_to(behind, house, phone="1")
    laptop.edit(ada, phone="2")
    behind.pull()
    behind.update(-1, phone="3")
    assert behind.push()
    assert house.contents() == [("Ada", "", "2")]
    get = behind.get
    lose_answers(behind, "get")
    assert not behind.sync()
    behind.get = get
    assert behind.sync()
    assert behind.contents() == house.contents()
    behind.update(-1, phone="4")
    assert behind.sync()
    assert behind.contents() == house.contents() == [("Ada", "", "4")]


def test_cells_that_a_pull_brought_are_not_taken_for_edits(house: House, app: TutorialClient) -> None:
    """Pulled but not confirmed: the row sent back holds the other device's cell, which is no change of the app's."""
    laptop, ada = known_to(app, house, phone="1", email="a@example.org")
    laptop.edit(ada, email="b@example.org")
    app.pull()
    app.update(-1, phone="2")
    app.push()
    assert dict(house.history(ada)[-1].data) == {"phone": "2"}
    laptop.see()
    laptop.edit(ada, email="c@example.org")
    app.sync()
    assert app.contents() == house.contents() == [("Ada", "c@example.org", "2")]


def test_an_edit_beats_a_deletion_that_its_writer_had_not_seen(house: House, app: TutorialClient) -> None:
    laptop, ada = known_to(app, house, phone="1", notes="kept")
    laptop.delete(ada)
    app.update(-1, phone="2")
    app.push()
    app.sync()
    assert app.contents() == house.contents() == [("Ada", "", "2")]
    assert house.rows()[ada]["notes"] == "kept"


def test_a_deletion_that_lost_to_a_later_edit_brings_the_row_back(house: House) -> None:
    behind = house.client("behind", ahead_seconds=-3600)
    laptop, ada = known_to(behind, house, phone="1")
    laptop.edit(ada, phone="2")
    behind.delete(-1)
    assert behind.push()
    assert behind.rows() == {}
    assert behind.sync()
    assert behind.rows() == {-1: ("Ada", None, "2")}


@BOTH_KINDS
def test_a_deletion_whose_row_a_pull_brought_back_is_told_to_the_device(house: House, app: TutorialClient) -> None:
    laptop = house.other()
    ada = laptop.add("Ada", phone="1")
    app.sync()
    laptop.edit(ada, phone="2")
    app.delete(-1)
    assert app.sync()
    assert (app.contents(), house.contents()) == ([("Ada", "", "2")], [])
    assert app.sync()
    assert app.rows() == {}
    assert has_nothing_to_pull(app)


@BOTH_KINDS
@pytest.mark.parametrize("number", [1, -1])
def test_a_deletion_is_told_whenever_a_row_was_served_before_it(house: House, app: TutorialClient, number: int) -> None:
    """The push fails after the pull that brought the row back, and the next pull confirms that row."""
    laptop = house.other()
    if number > 0:
        app.add("Ada", phone="1")
        app.sync()
        laptop.see()
    else:
        laptop.add("Ada", phone="1")
        app.sync()
    app.sync()
    laptop.edit(house.record_id("Ada"), phone="2")
    app.delete(number)
    post = app.post
    lose_answers(app, "post", after=False)
    assert not app.sync()
    assert not app.sync()
    app.post = post
    assert app.sync()
    assert app.rows() == {number: ("Ada", None, "2")}
    get = app.get
    lose_answers(app, "get")
    assert not app.sync()
    app.get = get
    assert app.sync()
    assert (app.rows(), house.contents()) == ({}, [])
    app.sync()
    assert has_nothing_to_pull(app)


@BOTH_KINDS
def test_a_deletion_of_what_was_pruned_meanwhile_is_told(house: House, app: TutorialClient) -> None:
    laptop, ada = known_to(app, house, phone="1")
    laptop.edit(ada, phone="2")
    app.delete(-1)
    app.pull()
    laptop.delete(ada)
    house.prune()
    assert app.push()
    assert app.sync()
    assert app.rows() == {}
    app.sync()
    assert has_nothing_to_pull(app)


def test_a_deletion_of_what_the_app_added_and_was_never_served_is_not_told(house: House, app: TutorialClient) -> None:
    app.add("Ada")
    app.sync()
    app.delete(1)
    app.sync()
    assert has_nothing_to_pull(app)


def test_a_deletion_that_was_told_and_confirmed_is_not_told_again(house: House, app: TutorialClient) -> None:
    known_to(app, house)
    app.delete(-1)
    for _ in range(3):
        app.sync()
    app.log(-1, "DELETE", app.now())
    assert app.push()
    assert has_nothing_to_pull(app)


@pytest.mark.parametrize("new", [False, True])
def test_an_edit_of_what_was_deleted_and_pruned_after_the_pull_keeps_the_record(
    house: House, app: TutorialClient, new: bool
) -> None:
    laptop, ada = known_to(app, house, phone="1")
    app.pull()
    laptop.delete(ada)
    house.prune()
    if new:
        laptop.add("Bob")
    app.update(-1, email="typed")
    assert app.push()
    assert app.sync()
    assert app.contents() == house.contents()
    assert ("Ada", "typed", "1") in house.contents()
    app.sync()
    assert has_nothing_to_pull(app)


@BOTH_KINDS
def test_an_edit_of_a_row_that_came_back_after_its_deletion_stays(house: House, app: TutorialClient) -> None:
    laptop, ada = known_to(app, house, phone="1", notes="kept")
    laptop.edit(ada, phone="2")
    app.delete(-1)
    app.pull()
    app.update(-1, email="typed")
    assert app.push()
    assert app.sync()
    assert app.contents() == house.contents() == [("Ada", "typed", "2")]
    assert house.rows()[ada]["notes"] == "kept"
    assert any(past.data.get("email") == "typed" for past in house.history(ada))


@BOTH_KINDS
def test_a_row_that_came_back_is_no_edit_of_what_others_wrote_since(house: House, app: TutorialClient) -> None:
    laptop, ada = known_to(app, house, phone="1")
    laptop.edit(ada, phone="2")
    app.delete(-1)
    app.pull()
    laptop.edit(ada, phone="3")
    app.update(-1, email="typed")
    assert app.push()
    assert app.sync()
    assert app.contents() == house.contents() == [("Ada", "typed", "3")]


def test_a_deletion_that_comes_with_a_row_does_not_win_by_having_been_late(house: House, app: TutorialClient) -> None:
    """It was typed before the other edit, and sent after a second pull that confirmed the row of that edit."""
    laptop, ada = known_to(app, house, phone="1")
    app.delete(-1)
    laptop.edit(ada, phone="2")
    app.pull()
    assert app.sync()
    assert app.sync()
    assert app.contents() == house.contents() == [("Ada", "", "2")]


def test_a_record_revived_elsewhere_comes_back_under_its_number(house: House, app: TutorialClient) -> None:
    app.add("Ada", phone="1")
    app.sync()
    laptop = house.other()
    laptop.see()
    ada = house.record_id("Ada")
    app.delete(1)
    app.sync()
    laptop.edit(ada, phone="2")
    app.sync()
    assert app.rows() == {1: ("Ada", None, "2")}


def test_an_edit_elsewhere_of_what_the_app_can_not_see_does_not_replace_its_row(
    house: House, app: TutorialClient
) -> None:
    app.add("Ada", phone="1")
    app.sync()
    laptop = house.other()
    laptop.see()
    laptop.edit(house.record_id("Ada"), notes="new")
    app.update(1, phone="2")
    assert app.sync()
    assert app.contents() == house.contents() == [("Ada", "", "2")]


def test_the_policy_of_the_book_stays_what_it_is(house: House, app: TutorialClient) -> None:
    house.accounts.set_policy(house.book_id, "ask")
    laptop, ada = known_to(app, house, phone="1")
    laptop.edit(ada, phone="2")
    app.update(-1, phone="3")
    app.push()
    assert house.accounts.book(house.book_id).policy == "ask"
    assert house.contents() == [("Ada", "", "3")]


# --- what does not fit ---------------------------------------------------------------------------------------------


def test_a_rejected_change_does_not_stop_the_queue(house: House, app: TutorialClient) -> None:
    app.add("Ada", phone="1")
    app.sync()
    app.update(1, name="")
    app.add("Bob")
    assert app.sync()
    assert (app.unsent(), house.contents()) == (0, [("Ada", "", "1"), ("Bob", "", "")])
    app.update(1, name="Ada L", phone="2")
    assert app.sync()
    assert house.contents() == [("Ada L", "", "2"), ("Bob", "", "")]


def test_an_addition_that_was_rejected_is_made_by_the_edit_that_mends_it(house: House, app: TutorialClient) -> None:
    app.add("", phone="1")
    assert app.sync()
    assert house.contents() == []
    app.update(1, name="Ada")
    assert app.sync()
    assert app.contents() == house.contents() == [("Ada", "", "1")]


def change(**values: Any) -> dict[str, Any]:
    data = {"id": 1, "name": "Ada", "email": None, "phone": None, "updated_at": "2026-11-20T17:00:00+00:00"}
    return {
        "table": "contacts",
        "record_id": 1,
        "operation": "INSERT",
        "timestamp": "2026-11-20T17:00:00+00:00",
        "data": data,
    } | values


@pytest.mark.parametrize(
    ("body", "verdict", "code"),
    [
        (change(), "applied", None),
        (change(data=None), "applied", None),
        (change(operation="UPDATE"), "applied", None),
        (change(operation="UPDATE", data=None), "applied", None),
        (change(operation="DELETE"), "applied", None),
        (change(operation="DELETE", record_id=-7), "applied", None),
        (change(record_id=-7), "rejected", "unknown_record"),
        (change(operation="UPDATE", record_id=-7), "rejected", "unknown_record"),
        (change(table="invoices"), "rejected", "unknown_table"),
        (change(data={}), "rejected", "missing"),
        (change(data={"name": " "}), "rejected", "missing"),
        (change(data={"name": "Ada", "phone": 5551234}), "applied", None),
        (change(data={"name": 5, "email": 5.5, "phone": 5551234.0}), "applied", None),
        (change(data={"name": "Ada", "phone": 10**400}), "rejected", "too_long"),
        (change(data={"name": True}), "rejected", "wrong_type"),
        (change(data={"name": 1e300}), "rejected", "wrong_type"),
        (change(data={"name": "x" * 301}), "rejected", "too_long"),
        (change(data={"name": "a\0b"}), "rejected", "bad_text"),
        (change(data={"name": "Ada", "address": "Main Street", "shoe": 38}), "applied", None),
        (change(timestamp="2026-11-20 17:00:00"), "applied", None),
        (change(timestamp="9999-12-31T23:59:59-23:59"), "applied", None),
        (change(synced=0, id=12), "applied", None),
    ],
)
def test_every_change_of_the_form_gets_a_verdict(house: House, body: Any, verdict: str, code: str | None) -> None:
    wire = Wire(house, house.login("app"))
    for _ in range(2):
        status, answer = wire.post("/sync", body)
        assert (status, answer["verdict"], answer.get("code")) == (200, verdict, code)
        assert answer["status"] == ("rejected" if code else "ok")
    assert len(house.rows()) <= 1


@pytest.mark.parametrize(
    "body",
    [
        {"table": "contacts"},
        {"operation": "INSERT"},
        change(table=None),
        change(table=["contacts"]),
        change(operation="insert"),
        change(operation="UPSERT"),
        change(operation={}),
        change(record_id=None),
        change(record_id="1"),
        change(record_id=1.0),
        change(record_id=True),
        change(record_id=2**63 - 1 + 1),
        change(timestamp=None),
        change(timestamp=1795021600),
        change(timestamp="yesterday"),
        change(timestamp="2026-13-01T00:00:00+00:00"),
        change(data="row"),
        change(data=[1]),
        change(data={"name": {"first": "Ada"}}),
        change(data={"name": [["Ada"]]}),
    ],
)
def test_what_is_no_change_of_the_form_is_refused(house: House, body: Any) -> None:
    wire = Wire(house, house.login("app"))
    assert wire.post("/sync", body)[0] == 400
    assert house.rows() == {}


def test_text_that_is_not_utf_8_is_rejected(house: House) -> None:
    body = change(data={"name": "\ud800"}, timestamp="2026-11-20T17:00:00Z")
    assert tutorial.push(house.tutorial, house.login("app"), body, house.clock())["code"] == "bad_text"


@pytest.mark.parametrize(
    ("body", "is_it"),
    [
        (change(), True),
        ({"operation": "INSERT"}, True),
        ({"table": "contacts"}, True),
        ({"changes": [], "table": "contacts"}, False),
        ({"changes": []}, False),
        ({"since": None}, False),
        ({}, False),
        ([], False),
        (None, False),
        ("table", False),
    ],
)
def test_a_push_of_the_form_is_known_by_its_keys(body: Any, is_it: bool) -> None:
    assert tutorial.is_tutorial_push(body) is is_it


@pytest.mark.parametrize(
    ("since", "is_it"),
    [
        (FIRST_SYNC, True),
        ("1970-01-01T00:00:00 00:00", True),
        ("2026-11-20T17:00:00", True),
        ("0f8fad5b-d9cb-469f-a165-70867728950e.1795021600000000", False),
        ("0f8fad5b-d9cb-469f-a165-70867728950e.1795021600000000.5", False),
        ("1795021600000000", False),
        ("0", True),
        ("", True),
        ("null", True),
        ("None", True),
        ("undefined", False),
        ("yesterday", False),
    ],
)
def test_a_since_of_the_form_is_known_by_being_a_time(since: str, is_it: bool) -> None:
    assert tutorial.is_tutorial_since(since) is is_it


@pytest.mark.parametrize("since", ["", "0", "null", "None"])
def test_an_app_without_a_timestamp_gets_everything(house: House, app: TutorialClient, since: str) -> None:
    house.other().add("Ada")
    assert [entry["data"]["name"] for entry in app.get(f"/changes?since={since}")[1]] == ["Ada"]


def test_a_number_is_stored_as_its_text_and_is_no_edit_when_it_comes_again(house: House, app: TutorialClient) -> None:
    app.add("Ada")
    app.conn.execute("ALTER TABLE contacts RENAME COLUMN phone TO old")
    app.conn.execute("ALTER TABLE contacts ADD COLUMN phone")  # without a type, it keeps numbers as numbers
    app.conn.execute("UPDATE contacts SET phone = 5551234")
    app.sync()
    app.update(1, email="a@example.org")
    app.sync()
    assert house.contents() == [("Ada", "a@example.org", "5551234")]
    assert dict(house.history(house.record_id("Ada"))[-1].data) == {"email": "a@example.org"}


def test_a_since_that_is_no_time_is_refused(house: House) -> None:
    with pytest.raises(Malformed):
        tutorial.pull(house.tutorial, house.login("app"), "yesterday")


# --- numbers -------------------------------------------------------------------------------------------------------


def test_a_number_that_is_used_again_is_another_record(house: House, app: TutorialClient) -> None:
    """A table without AUTOINCREMENT gives the last deleted number out again."""
    app.add("Ada", phone="1")
    app.sync()
    laptop = house.other()
    laptop.see()
    laptop.edit(house.record_id("Ada"), notes="of Ada")
    app.delete(1)
    app.sync()
    app.conn.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'contacts'")
    app.add("Bob")
    assert app.sync()
    assert app.contents() == house.contents() == [("Bob", "", "")]
    assert house.rows()[house.record_id("Bob")]["notes"] is None


@BOTH_KINDS
def test_a_number_that_is_used_again_before_anything_was_sent_is_another_record(
    house: House, app: TutorialClient
) -> None:
    app.add("Ada", phone="1")
    app.sync()
    laptop = house.other()
    laptop.see()
    laptop.edit(house.record_id("Ada"), phone="2", notes="of Ada")
    app.sync()
    app.sync()
    app.delete(1)
    app.conn.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'contacts'")
    app.add("Bob")
    assert app.sync()
    assert has_nothing_to_pull(app)
    assert app.contents() == house.contents() == [("Bob", "", "")]
    assert house.rows()[house.record_id("Bob")]["notes"] is None


def test_a_record_that_lost_its_number_to_another_gets_a_new_one(house: House) -> None:
    """Its deletion lost to a later edit, and its number was used again before the app heard of that."""
    behind = house.client("behind", ahead_seconds=-3600)
    behind.post = without_row(behind.post)
    behind.add("Ada", phone="1")
    behind.sync()
    laptop = house.other()
    laptop.see()
    laptop.edit(house.record_id("Ada"), phone="2")
    behind.delete(1)
    behind.conn.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = 'contacts'")
    behind.add("Bob")
    assert behind.push()
    assert behind.sync()
    assert behind.rows() == {1: ("Bob", None, None), -1: ("Ada", None, "2")}
    assert behind.contents() == house.contents()


def test_a_device_knows_only_its_own_numbers(house: House, app: TutorialClient) -> None:
    app.add("Ada")
    app.sync()
    second = house.client("second")
    second.log(1, "DELETE", second.now())
    assert second.sync()
    assert house.contents() == [("Ada", "", "")]


def test_an_app_that_lost_its_file_gets_everything_again(house: House, app: TutorialClient) -> None:
    app.add("Ada", phone="1")
    house.other().add("Bob")
    app.sync()
    app.sync()
    app.conn.executescript("DELETE FROM contacts; DELETE FROM change_log; DELETE FROM sync_state;")
    assert [entry["operation"] for entry in app.get(f"/changes?since={FIRST_SYNC}")[1]] == ["INSERT", "INSERT"]
    assert app.sync()
    assert app.rows() == {1: ("Ada", None, "1"), -1: ("Bob", None, None)}
    app.update(1, phone="2")
    assert app.sync()
    assert app.contents() == house.contents()


def test_an_app_that_lost_its_cursor_alone_hears_of_deletions(house: House, app: TutorialClient) -> None:
    laptop = house.other()
    bob = laptop.add("Bob")
    app.add("Ada")
    app.sync()
    app.sync()
    laptop.see()
    laptop.delete(bob)
    house.prune()
    laptop.delete(house.record_id("Ada"))
    laptop.add("Cyd")
    app.conn.execute("UPDATE sync_state SET value = '0'")
    for _ in range(2):
        assert app.sync()
        assert app.contents() == house.contents() == [("Cyd", "", "")]
    assert has_nothing_to_pull(app)


def test_a_first_request_that_comes_again_later_makes_no_edit_of_a_row(house: House, app: TutorialClient) -> None:
    laptop, ada = known_to(app, house, phone="1", email="a@example.org")
    laptop.edit(ada, phone="2")
    app.get(f"/changes?since={FIRST_SYNC}")
    app.update(-1, email="b@example.org")
    assert app.push()
    assert house.contents() == [("Ada", "b@example.org", "2")]
    assert app.sync()
    assert app.contents() == house.contents()


# --- cursors that can't be served ----------------------------------------------------------------------------------


def test_a_deletion_that_was_pruned_meanwhile_still_reaches_the_app(house: House, app: TutorialClient) -> None:
    app.add("Ada")
    laptop = house.other()
    bob = laptop.add("Bob")
    app.sync()
    app.sync()
    laptop.see()
    laptop.delete(bob)
    laptop.delete(house.record_id("Ada"))
    house.prune()
    laptop.add("Cyd")
    get = app.get
    lose_answers(app, "get")
    assert not app.sync()
    app.get = get
    assert app.sync()
    assert app.contents() == house.contents() == [("Cyd", "", "")]
    assert app.sync()
    assert app.get(f"/changes?since={app.conn.execute('SELECT value FROM sync_state').fetchone()[0]}")[1] == []


def test_an_app_that_never_pulled_anything_hears_of_a_pruned_deletion(house: House, app: TutorialClient) -> None:
    app.add("Ada")
    app.sync()
    laptop = house.other()
    laptop.see()
    laptop.delete(house.record_id("Ada"))
    house.prune()
    assert app.sync()
    assert app.rows() == {}
    assert app.sync()


def test_a_cursor_from_the_future_is_answered_with_all_that_the_app_may_lack(house: House, app: TutorialClient) -> None:
    app.add("Ada")
    laptop = house.other()
    laptop.add("Bob")
    app.sync()
    _, answer = app.get("/changes?since=2999-01-01T00:00:00+00:00")
    assert [change["data"]["name"] for change in answer] == ["Bob"]


def test_a_cursor_from_the_future_brings_what_this_server_never_offered(house: House, app: TutorialClient) -> None:
    """The server was put back from a backup that knew nothing of what the app was offered since."""
    app.add("Ada")
    app.sync()
    app.sync()
    house.other().add("Bob")
    _, answer = app.get("/changes?since=2999-01-01T00:00:00+00:00")
    assert [(change["record_id"], change["data"]["name"]) for change in answer] == [(-1, "Bob")]


def test_a_pull_that_has_nothing_to_say_writes_nothing(house: House, app: TutorialClient) -> None:
    app.add("Ada")
    house.other().add("Bob")
    app.sync()
    app.sync()
    sent: list[str] = []
    with hearing(sent.append, house.database.engine):
        assert app.pull()
    assert {statement.split()[0] for statement in sent} <= {"BEGIN", "SELECT", "COMMIT"}


def test_sqlite_counts_on_from_positive_numbers_beside_negative_ones() -> None:
    """What negative numbers rely on."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE contacts (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)")
    connection.executemany("INSERT INTO contacts VALUES (?, 'x')", [(-1,), (-2,)])
    assert connection.execute("INSERT INTO contacts (name) VALUES ('y')").lastrowid == 1
    connection.close()
