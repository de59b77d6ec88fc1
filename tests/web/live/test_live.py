"""The live channel: pages that come by themselves, pushes over the same socket, and who may have either."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import update

from app import App
from config import Config
from models import Base
from offbook.contacts.table import BUILT_IN
from offbook.core.protocol.requests import CHANGES_MAX, parse_change
from services.accounts.accounts import Accounts
from storage.base import ChangeOrigin
from storage.commit_notifications import open_notifications
from storage.engines.database import Database, open_engines
from storage.sql.store import SqlStore
from tests.support.api_client import Caller, caller, change, new_id
from tests.support.browser import COOKIE, PASSWORD, Browser, parts_of, signed_in
from tests.support.cookies import cookie_of
from tests.support.live_server import serving
from tests.support.polling import wait_until
from tests.support.pushes import push
from tests.support.websocket_client import Listener, listening, refusal

LISTENERS_ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND datname = %s"


@pytest.fixture
def url(app: App, laptop: Caller) -> Iterator[str]:
    with serving(app) as url:
        yield url


def cursor(device: Caller) -> str:
    """Where the book is now."""
    page = device.get("/changes").get_json()
    assert not page["more"]
    found: str = page["cursor"]
    return found


def named(*names: str) -> list[dict[str, object]]:
    return [change(data={"name": name}) for name in names]


# --- pages -----------------------------------------------------------------------------------------------------------


def test_a_change_is_on_every_other_device_by_itself(url: str, laptop: Caller, phone: Caller) -> None:
    here = cursor(phone)
    with listening(url, phone.token, here) as listener:
        laptop.synced(*named("Ada"))
        page = listener.page()
    assert page["since"] == here
    assert [row["data"]["name"] for row in page["changes"]] == ["Ada"]
    assert page == phone.get("/changes", since=here).get_json()


def test_each_page_goes_on_where_the_last_one_ended(url: str, laptop: Caller, phone: Caller) -> None:
    with listening(url, phone.token, cursor(phone)) as listener:
        laptop.synced(*named("Ada"))
        first = listener.page()
        laptop.synced(*named("Bob"))
        second = listener.page()
    assert second["since"] == first["cursor"]
    assert [row["data"]["name"] for row in second["changes"]] == ["Bob"]


def test_what_was_missed_comes_first(url: str, laptop: Caller, phone: Caller) -> None:
    here = cursor(phone)
    laptop.synced(*named("Ada"))
    with listening(url, phone.token, here) as listener:
        assert listener.names(1) == ["Ada"]


def test_who_has_no_cursor_gets_a_snapshot_of_as_many_pages_as_it_takes(
    url: str, laptop: Caller, phone: Caller
) -> None:
    names = [f"Person {number}" for number in range(CHANGES_MAX + 200)]
    laptop.synced(*named(*names[:CHANGES_MAX]))
    laptop.synced(*named(*names[CHANGES_MAX:]))
    with listening(url, phone.token) as listener:
        first, second = listener.page(), listener.page()
        laptop.synced(*named("Ada"))
        assert listener.names(1) == ["Ada"]
    assert first["since"] is None
    assert (first["more"], second["more"]) == (True, False)
    assert len(first["changes"]) + len(second["changes"]) == len(names)


def test_a_commit_of_another_process_is_noticed(url: str, app: App, laptop: Caller, phone: Caller) -> None:
    other = open_engines(app.extensions["database"].engine.url)
    book_id = parts_of(app).accounts.user_named("ada").book_id
    with listening(url, phone.token, cursor(phone)) as listener:
        item = parse_change(BUILT_IN, change(data={"name": "Ada"}), new_id())
        push(SqlStore(other), book_id, ChangeOrigin(), [item], parts_of(app).clock())
        assert listener.names(1) == ["Ada"]
    other.close()


@pytest.mark.engines("postgresql")
def test_a_commit_is_noticed_though_the_server_lost_its_way_of_hearing(
    url: str, app: App, laptop: Caller, phone: Caller
) -> None:
    database = app.extensions["database"]
    with listening(url, phone.token, cursor(phone)) as listener:
        for name in ("Ada", "Bob"):
            wait_until(lambda: end_listeners(database))
            other = open_engines(database.engine.url)
            book_id = parts_of(app).accounts.user_named("ada").book_id
            item = parse_change(BUILT_IN, change(data={"name": name}), new_id())
            push(SqlStore(other), book_id, ChangeOrigin(), [item], parts_of(app).clock())
            other.close()
            assert listener.names(1) == [name]


@pytest.mark.engines("postgresql")
def test_word_of_one_book_leaves_the_listeners_of_all_others_alone(url: str, app: App, laptop: Caller) -> None:
    stranger, other = caller(app, "bob"), open_engines(app.extensions["database"].engine.url)
    news, book_id = open_notifications(other), parts_of(app).accounts.user_named("ada").book_id
    with listening(url, stranger.token, cursor(stranger)) as away, listening(url, laptop.token, cursor(laptop)) as here:
        item = parse_change(BUILT_IN, change(data={"name": "Ada"}), new_id())
        push(SqlStore(other), book_id, ChangeOrigin(), [item], parts_of(app).clock())
        news.publish([book_id])
        assert here.names(1) == ["Ada"]
        stranger.synced(*named("Bob"))
        assert away.names(1) == ["Bob"]
    news.close()
    other.close()


def end_listeners(database: Database) -> bool:
    """Whether there was a connection that listens: it takes the server a moment to make one, or another one."""
    with database.write() as connection:
        return bool(connection.exec_driver_sql(LISTENERS_ENDED, (database.engine.url.database,)).all())


def test_nobody_hears_of_another_s_book(url: str, app: App, laptop: Caller) -> None:
    stranger = caller(app, "bob")
    with listening(url, stranger.token, cursor(stranger)) as listener:
        laptop.synced(*named("Ada"))
        stranger.synced(*named("Bob"))
        assert listener.names(1) == ["Bob"]


def test_all_who_listen_hear_the_same(url: str, laptop: Caller, phone: Caller) -> None:
    here = cursor(phone)
    with listening(url, phone.token, here) as one, listening(url, laptop.token, here) as other:
        for name in ("Ada", "Bob", "Eve"):
            laptop.synced(*named(name))
        assert one.names(3) == other.names(3) == ["Ada", "Bob", "Eve"]


# --- pushes ----------------------------------------------------------------------------------------------------------


def test_a_push_is_answered_as_sync_answers_and_its_row_comes_as_a_page(url: str, phone: Caller) -> None:
    here, item = cursor(phone), change(data={"name": "Ada"})
    with listening(url, phone.token, here) as listener:
        listener.push(7, item, since=here)
        answer, page = listener.answer(7), listener.page()
    assert answer == {"push": 7, **phone.synced(item)} | {"results": answer["results"]}
    assert [(one["id"], one["verdict"]) for one in answer["results"]] == [(item["id"], "applied")]
    assert [row["seq"] for row in page["changes"]] == [answer["results"][0]["seq"]]


def test_pushes_need_not_wait_for_each_other(url: str, phone: Caller) -> None:
    with listening(url, phone.token, cursor(phone)) as listener:
        for number in range(300):
            listener.push(number, change())
        verdicts = [listener.answer(number)["results"][0]["verdict"] for number in range(300)]
        assert sum(len(listener.page()["changes"]) for _ in range(1)) > 0
    assert verdicts == ["applied"] * 300
    assert len(phone.get("/changes").get_json()["changes"]) == 300


def test_one_bad_change_stops_no_other(url: str, phone: Caller) -> None:
    with listening(url, phone.token, cursor(phone)) as listener:
        listener.push(1, change(data={"name": ""}), change())
        listener.push(2, change())
        verdicts = [one["verdict"] for number in (1, 2) for one in listener.answer(number)["results"]]
    assert verdicts == ["rejected", "applied", "applied"]


@pytest.mark.parametrize(
    ("message", "number", "code"),
    [
        ("{", None, "not_json"),
        ("[]", None, "not_an_object"),
        ("", None, "empty"),
        (b"\xff", None, "not_utf8"),
        ('{"push": 1, "push": 1}', None, "duplicate_key"),
        ({"changes": []}, None, "bad_push"),
        ({"push": True, "changes": []}, None, "bad_push"),
        ({"push": -1, "changes": []}, None, "bad_push"),
        ({"push": 2**63, "changes": []}, None, "bad_push"),
        ({"push": 1, "changes": {}}, 1, "changes_not_a_list"),
        ({"push": 1, "changes": [], "more": 1}, 1, "unknown_key"),
        ({"push": 1, "changes": [], "since": "long ago"}, 1, "bad_cursor"),
        ({"push": 1, "changes": [None] * (CHANGES_MAX + 1)}, 1, "too_many_changes"),
    ],
)
def test_what_is_no_push_is_told_so_and_the_socket_stays(
    url: str, phone: Caller, message: object, number: int | None, code: str
) -> None:
    with listening(url, phone.token, cursor(phone)) as listener:
        listener.say(message)
        assert listener.problem(number) == code
        listener.push(2, change())
        assert listener.answer(2)["results"][0]["verdict"] == "applied"


def test_a_push_beside_a_cursor_that_can_not_be_served_changes_nothing(url: str, phone: Caller) -> None:
    epoch, _, seq = cursor(phone).partition(".")
    with listening(url, phone.token, f"{epoch}.{seq}") as listener:
        listener.push(1, change(), since=f"{new_id()}.{seq}")
        listener.push(2, since=f"{epoch}.{seq}")
        problem = listener.answer(1)["problem"]
        assert listener.answer(2)["results"] == []
    assert (problem["status"], problem["code"], problem["reason"]) == (410, "cursor_gone", "epoch")
    assert phone.get("/changes").get_json()["changes"] == []


def test_what_a_device_tells_with_a_push_is_noted(url: str, app: App, phone: Caller) -> None:
    with listening(url, phone.token, cursor(phone)) as listener:
        listener.push(1, sent_at="2020-01-01T00:00:00.000Z", parked={"too_long": 2})
        listener.answer(1)
    (found,) = [one for one in parts_of(app).accounts.devices(1) if one.name == "phone"]
    assert found.parked == {"too_long": 2}
    assert found.clock_offset_ms is not None
    assert found.clock_offset_ms < -(10**10)


def test_a_fault_in_what_is_noted_of_a_device_fails_no_push(
    url: str, app: App, phone: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The push is committed by then: an error would have the device send it again, or give it up."""
    since = cursor(phone)
    monkeypatch.setattr(app.extensions["database"].adapter, "with_lock_timeout", lambda *_: 1 / 0)
    assert phone.synced(change(), parked={"too_long": 1})["results"][0]["verdict"] == "applied"
    with listening(url, phone.token, since) as listener:
        listener.push(1, change(), parked={"too_long": 2})
        assert [result["verdict"] for result in listener.answer(1)["results"]] == ["applied"]
    assert len(phone.get("/changes").get_json()["changes"]) == 2


# --- who may ---------------------------------------------------------------------------------------------------------


def test_a_token_is_needed(url: str) -> None:
    assert refusal(url) == (401, "not_authorized")
    assert refusal(url, "ob_" + "0" * 32 + "_" + "x" * 43) == (401, "not_authorized")


def test_a_cursor_that_can_not_be_served_is_refused_before_anything(url: str, phone: Caller) -> None:
    assert refusal(url, phone.token, "long-ago") == (400, "bad_cursor")
    assert refusal(url, phone.token, f"{new_id()}.5") == (410, "cursor_gone")


def test_another_protocol_is_refused(url: str, phone: Caller) -> None:
    assert refusal(url, phone.token, **{"Offbook-Protocol": "2"}) == (400, "unknown_protocol")


def test_a_plain_request_is_told_what_is_there(phone: Caller) -> None:
    answer = phone.get("/live")
    assert (answer.status_code, answer.get_json()["code"]) == (426, "upgrade_required")
    assert answer.headers["Upgrade"] == "websocket"


def test_a_page_of_ours_listens_with_its_session(url: str, app: App, laptop: Caller) -> None:
    with listening(url, since=cursor(laptop), Cookie=cookie(app), Origin=url) as listener:
        laptop.synced(*named("Ada"))
        assert listener.names(1) == ["Ada"]
        listener.push(1, change())
        assert listener.problem(1) == "forbidden"


def test_a_page_of_another_site_does_not(url: str, app: App) -> None:
    assert refusal(url, Cookie=cookie(app), Origin="http://evil.example") == (403, "wrong_origin")
    assert refusal(url, Cookie=cookie(app)) == (403, "wrong_origin")


def test_a_page_learns_by_a_plain_request_why_it_got_no_socket(app: App, laptop: Caller) -> None:
    ada = signed_in(app, "ada")
    answers = [ada.get("/live", query_string={"since": one}) for one in (cursor(laptop), f"{new_id()}.5")]
    answers.append(app.test_client().get("/live"))
    assert [answer.get_json()["code"] for answer in answers] == ["upgrade_required", "cursor_gone", "not_authorized"]


def cookie(app: App) -> str:
    found = signed_in(app, "ada").client.get_cookie("offbook")
    assert found is not None
    return f"{found.key}={found.value}"


def test_a_revoked_token_closes_its_sockets_within_a_second(url: str, app: App, laptop: Caller, phone: Caller) -> None:
    parts = parts_of(app)
    (found,) = [one for one in parts.accounts.devices(1) if one.name == "phone"]
    with listening(url, phone.token, cursor(phone)) as gone, listening(url, laptop.token, cursor(phone)) as stays:
        parts.accounts.revoke_device(found.user_id, found.uuid, parts.clock())
        assert gone.close_code() == 4401
        laptop.synced(*named("Ada"))
        assert stays.names(1) == ["Ada"]


def test_a_new_password_closes_the_pages_that_were_opened_with_the_old_one(url: str, app: App, laptop: Caller) -> None:
    with listening(url, since=cursor(laptop), Cookie=cookie(app), Origin=url) as listener:
        parts_of(app).accounts.set_password(1, PASSWORD + "!", parts_of(app).clock())
        assert listener.close_code() == 4401


def test_signing_out_closes_the_sockets_of_that_session_at_once_and_no_others(
    app: App, laptop: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without waiting for the next look at all of them, which other processes do."""
    monkeypatch.setattr("web.live.access_monitor.CHECK_SECONDS", 3600.0)
    ada, other = signed_in(app, "ada"), signed_in(app, "ada")
    with serving(app) as url, page_of(url, ada, laptop) as gone, page_of(url, other, laptop) as stays:
        ada.post("/logout", "/devices")
        assert gone.close_code() == 4401
        laptop.synced(*named("Ada"))
        assert stays.names(1) == ["Ada"]
        parts_of(app).accounts.end_sessions(1, parts_of(app).clock())
        assert stays.close_code() == 4401


def test_a_session_that_another_process_ended_closes_its_sockets_within_a_second(
    url: str, app: App, laptop: Caller
) -> None:
    ada = signed_in(app, "ada")
    elsewhere = Accounts(app.extensions["database"])
    with page_of(url, ada, laptop) as gone:
        assert elsewhere.end_sessions(1, parts_of(app).clock()) == 1
        assert gone.close_code() == 4401


def page_of(url: str, browser: Browser, laptop: Caller) -> AbstractContextManager[Listener]:
    """A page of this browser that is open."""
    return listening(url, since=cursor(laptop), Cookie=f"{COOKIE}={cookie_of(browser)}", Origin=url)


def test_a_database_that_was_put_back_closes_every_socket(url: str, app: App, phone: Caller) -> None:
    books = Base.metadata.tables["books"]
    with listening(url, phone.token, cursor(phone)) as listener:
        with app.extensions["database"].write() as connection:
            connection.execute(update(books).values(epoch=new_id()))
        assert listener.close_code() == 4410


def test_one_device_has_so_many_sockets_and_no_more(app: App, laptop: Caller, phone: Caller) -> None:

    here = cursor(phone)
    with (
        serving(app, Config(sockets_per_guest_max=1)) as url,
        listening(url, phone.token, here),
        listening(url, laptop.token, here),
    ):
        assert refusal(url, phone.token, here) == (429, "too_many_sockets")
