"""A server whose database takes no writes goes on being read, says so, and takes them again by itself."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import text

from app import App
from offbook import Replica
from offbook.contacts.table import BUILT_IN
from offbook.core.accounts.login_throttle import PER_GUEST, PER_NAME, SECOND_US, WAIT_US_MAX, WINDOW_US
from offbook.core.errors import SyncError
from offbook.core.model import Cursor
from services.accounts.accounts import Accounts
from storage.base import ChangeOrigin
from storage.engines.database import NOTE_SECONDS, Database, open_engines
from storage.engines.sqlite import BUSY_TIMEOUT_MS
from storage.errors import DatabaseDiskFull, Throttled, WrongPassword
from storage.repositories.accounts.devices import SEEN_EVERY_US
from storage.repositories.accounts.sessions import USED_EVERY_US
from tests.conftest import available
from tests.support import event_loop
from tests.support.api_client import NOON, Caller, caller, change
from tests.support.browser import PASSWORD, Browser, app_on, parts_of, signed_in
from tests.support.cookies import cookie_of, copied, earlier_cookie, is_in
from tests.support.databases import MAKERS
from tests.support.dav_client import C, code_of, phone
from tests.support.full_disks import FULL, Disk, refusing, small_disk
from tests.support.live_server import ROOT, serving
from tests.support.websocket_client import listening
from web.live.access_monitor import AccessMonitor
from web.live.feeds import FeedPosition
from web.live.handshake import Subscriber
from web.schema_header import FIRST_VIEW, sender_of_before
from web.server.thread_pool import ThreadPool

TUTORIAL_START = "1970-01-01T00:00:00+00:00"
ADDRESS = "203.0.113.5"


@dataclass
class House:
    """A server on a disk that can be filled."""

    app: App
    disk: Disk
    laptop: Caller

    @property
    def database(self) -> Database:
        found: Database = self.app.extensions["database"]
        return found

    def later(self) -> None:
        """Nobody was seen for a minute, and nothing was written for as long: each is due to be noted again."""
        with self.database.write() as connection:
            connection.execute(text("UPDATE devices SET last_seen_at = last_seen_at - :us"), {"us": SEEN_EVERY_US})
        self.database.wrote_at -= SEEN_EVERY_US / 1_000_000

    def last_seen(self) -> int:
        with self.database.read() as connection:
            return int(connection.execute(text("SELECT max(last_seen_at) FROM devices")).scalar_one())

    def sessions(self) -> int:
        with self.database.read() as connection:
            return int(connection.execute(text("SELECT count(*) FROM sessions")).scalar_one())

    def run(self, *words: str, typed: str = "") -> Result:
        return self.app.test_cli_runner().invoke(args=list(words), input=typed)


@pytest.fixture
def house(engine_name: str, database_template: Path, tmp_path: Path) -> Iterator[House]:
    """One contact, one device, and a disk with room."""
    with ExitStack() as stack:
        folder = tmp_path / "disk"
        disk: Disk
        if engine_name == "sqlite":
            disk = stack.enter_context(small_disk(folder))
            url = MAKERS[engine_name].copy(database_template, folder)
        else:
            url = MAKERS[engine_name].copy(database_template, folder)
            stack.callback(MAKERS[engine_name].free, folder)
            disk = stack.enter_context(refusing(url, engine_name, FULL[engine_name]))
        app = app_on(url, secret_key="x" * 64, instance_path=tmp_path / "instance")
        stack.callback(app.extensions["database"].close)
        laptop = caller(app, "ada")
        laptop.add(name="Ada")
        yield House(app, disk, laptop)


@pytest.fixture
def full(house: House) -> House:
    house.later()
    house.disk.fill()
    return house


# --- reading goes on -------------------------------------------------------------------------------------------------


def test_a_device_reads_on(full: House) -> None:
    for path in ("/contacts", "/changes"):
        answer = full.laptop.get(path)
        assert answer.status_code == 200, answer.text
    answer = full.laptop.get("/changes", since=answer.get_json()["cursor"])
    assert (answer.status_code, answer.get_json()["changes"]) == (200, [])


def test_a_sync_without_changes_is_answered(full: House) -> None:
    found = full.laptop.synced(since=None)
    assert [row["data"]["name"] for row in found["changes"]] == ["Ada"]
    assert full.laptop.synced(since=found["cursor"], parked={"too_long": 2}, sent_at=NOON)["changes"] == []


def test_a_phone_reads_on_and_is_told_that_its_card_is_not_stored(house: House) -> None:
    """What it was served is noted when there is room."""
    book, client = "/dav/ada/contacts/", phone(house.app)
    house.disk.fill()
    (known,) = client.sync(book).changed
    assert known in client.propfind(book, "getetag", depth=1)
    (told,) = client.multiget(book, known).values()
    text = told.text(f"{C}address-data")
    assert "FN:Ada" in text
    refused = client.ask("PUT", known, text.replace("FN:Ada", "FN:Ada King"))
    assert (refused.status_code, code_of(refused)) == (507, "disk_full")
    house.disk.free()
    assert client.ask("PUT", known, text.replace("FN:Ada", "FN:Ada King")).status_code == 204
    assert house.laptop.get("/contacts").get_json()["contacts"][0]["name"] == "Ada King"


@pytest.mark.engines("sqlite")
def test_a_device_compares_and_plans(full: House) -> None:
    ranges = {"table": "contacts", "ranges": [["", None]]}
    assert full.laptop.ask("POST", "/verify", json=ranges).status_code == 200
    assert full.laptop.ask("POST", "/plan", json={"changes": [change()], "since": None}).status_code == 200


@pytest.mark.engines("sqlite")
def test_a_device_listens(full: House) -> None:
    with serving(full.app) as url, listening(url, full.laptop.token) as listener:
        assert listener.names(1) == ["Ada"]


def test_a_person_signs_in_and_reads(full: House) -> None:
    browser = Browser(full.app)
    assert browser.post("/login", name="ada", password=PASSWORD).status_code == 302
    for path in ("/", "/trash", "/inbox", "/activity", "/devices", "/settings", "/export.csv"):
        assert browser.get(path).status_code == 200, path
    assert "Ada" in browser.get("/").text


def test_a_session_goes_on_and_ends_for_every_copy_of_its_cookie(house: House) -> None:
    """One that was stored, one of the last version's cookie, and one that began when there was no room."""
    stored, earlier = signed_in(house.app, "ada"), earlier_cookie(house.app, csrf_token="c" * 40)
    house.disk.fill()
    last, late = copied(house.app, earlier), Browser(house.app)
    late.sign_in("ada")
    browsers = [stored, last, late]
    assert all(map(is_in, browsers * 2))
    assert house.sessions() == 1
    cookies = [cookie_of(browser) for browser in browsers] + [earlier]
    for browser in browsers:
        assert browser.post("/logout", "/devices").status_code == 302
    assert not any(is_in(copied(house.app, cookie)) for cookie in cookies)
    house.disk.free()
    parts_of(house.app).accounts.store_ended()
    started_anew = app_on(str(house.database.engine.url.render_as_string(hide_password=False)), secret_key="x" * 64)
    assert not any(is_in(copied(started_anew, cookie)) for cookie in cookies)
    started_anew.extensions["database"].close()
    assert house.sessions() == 3


def test_what_goes_on_without_being_stored_is_stored_when_there_is_room(full: House) -> None:
    browser = Browser(full.app)
    browser.sign_in("ada")
    assert is_in(browser)
    assert full.sessions() == 0
    full.disk.free()
    assert is_in(browser)
    assert full.sessions() == 1
    assert is_in(browser)
    assert full.sessions() == 1


@pytest.mark.engines("sqlite")
def test_sessions_that_can_not_be_ended_elsewhere_are_not_said_to_be(house: House) -> None:
    ada, other = signed_in(house.app, "ada"), signed_in(house.app, "ada")
    house.disk.fill()
    assert ada.post("/settings/sessions/end-others", "/settings").status_code == 507
    assert is_in(other)
    assert "disk of the database is full" in house.run("user", "sign-out", "ada").stderr


@pytest.mark.engines("sqlite")
def test_a_page_of_somebody_signed_in_waits_only_a_moment_for_another_program_that_writes(house: House) -> None:
    ada, other = signed_in(house.app, "ada"), open_engines(house.database.engine.url)
    with house.database.write() as connection:
        connection.execute(text("UPDATE sessions SET last_used_at = last_used_at - :us"), {"us": USED_EVERY_US})
    with other.write_while_closed() as connection:
        connection.execute(text("UPDATE settings SET value = value"))
        began = time.monotonic()
        assert is_in(ada)
        assert ada.get("/logout").status_code == 405
        assert time.monotonic() - began < 10
    other.close()


@pytest.mark.engines("sqlite")
def test_a_wrong_password_stays_wrong(full: House) -> None:
    answer = Browser(full.app).post("/login", name="ada", password="a guess of somebody")
    assert answer.status_code == 422
    assert "do not belong together" in answer.text


def test_passwords_are_guessed_no_more_often(house: House, now: int) -> None:
    """The attempts before, during and after count together."""
    accounts = parts_of(house.app).accounts
    guess(accounts, PER_GUEST // 2, now)
    house.disk.fill()
    guess(accounts, PER_GUEST - PER_GUEST // 2, now + 1)
    with pytest.raises(Throttled):
        accounts.check_password("ada", PASSWORD, ADDRESS, now + 2)
    house.disk.free()
    with pytest.raises(Throttled):
        accounts.check_password("ada", PASSWORD, ADDRESS, now + 3)
    assert accounts.check_password("ada", PASSWORD, ADDRESS, now + 2 + WINDOW_US).name == "ada"


def test_a_name_that_many_try_at_is_slowed_down_alike(house: House, now: int) -> None:
    """The turn that was given before the disk was full is good once, and so is the one that was given since."""
    accounts = parts_of(house.app).accounts
    for number in range(PER_NAME):
        guess(accounts, 1, now, f"198.51.100.{number}")
    with pytest.raises(Throttled):
        accounts.check_password("ada", PASSWORD, ADDRESS, now)
    house.disk.fill()
    for _ in range(2):
        now += WAIT_US_MAX
        guess(accounts, 1, now)
        with pytest.raises(Throttled) as throttled:
            accounts.check_password("ada", PASSWORD, ADDRESS, now)
        assert throttled.value.wait_seconds < WAIT_US_MAX // SECOND_US
    house.disk.free()
    with pytest.raises(Throttled):
        accounts.check_password("ada", PASSWORD, ADDRESS, now)
    assert accounts.check_password("ada", PASSWORD, ADDRESS, now + WAIT_US_MAX).name == "ada"


@pytest.mark.engines("sqlite")
def test_a_right_password_takes_its_attempts_back(full: House, now: int) -> None:
    accounts = parts_of(full.app).accounts
    for _ in range(PER_GUEST + 1):
        assert accounts.check_password("ada", PASSWORD, ADDRESS, now).name == "ada"
    assert full.database.refused is not None, "that there was nothing to take back shows no room"


@pytest.mark.engines("sqlite")
def test_a_password_whose_hash_is_outdated_opens_all_the_same(full: House, now: int) -> None:
    """Its hash would be renewed otherwise."""
    effort = parts_of(full.app).config
    assert effort.argon2_time_cost == 1
    assert Accounts(full.database).check_password("ada", PASSWORD, ADDRESS, now).name == "ada"


def guess(accounts: Accounts, times: int, now: int, address: str = ADDRESS) -> None:
    for _ in range(times):
        with pytest.raises(WrongPassword):
            accounts.check_password("ada", "a guess of somebody", address, now)


# --- what would be stored is refused, and why ------------------------------------------------------------------------


def test_a_push_is_refused_by_the_name_of_the_disk_and_stored_later(full: House) -> None:
    sent = change(data={"name": "Bob"})
    for _ in range(2):
        answer = full.laptop.sync(sent)
        problem = answer.get_json()
        assert (answer.status_code, problem["code"]) == (507, "disk_full")
        assert "disk of the server's database is full" in problem["detail"]
        assert "make room" in problem["detail"]
        assert answer.headers["Retry-After"] == "30"
    full.disk.free()
    assert full.laptop.verdicts(sent) == ["applied"]


def test_a_push_over_a_socket_is_refused_alike(full: House) -> None:
    with serving(full.app) as url, listening(url, full.laptop.token) as listener:
        listener.push(1, change())
        assert listener.answer(1)["problem"]["code"] == "disk_full"
        full.disk.free()
        listener.push(2, change())
        assert listener.answer(2)["results"][0]["verdict"] == "applied"


@pytest.mark.engines("sqlite")
def test_a_replica_keeps_its_edits_and_is_told_why(full: House, tmp_path: Path) -> None:
    with serving(full.app) as url, Replica(tmp_path / "device.db", url, full.laptop.token) as book:
        book.sync()
        book.contacts.add(name="Bob")
        with pytest.raises(SyncError, match="^The disk of the server's database is full") as told:
            book.sync()
        assert told.value.retry_after_seconds == 30
        assert (book.status().pending, len(book.contacts.list())) == (1, 2)
        full.disk.free()
        assert book.sync().pushed == 1


def test_what_an_app_of_the_tutorial_form_has_must_be_noted(full: House) -> None:
    """It is served nothing that would not be known of later; where there is nothing to serve, it is told so."""
    assert full.laptop.get("/changes", since=TUTORIAL_START).get_json()["code"] == "disk_full"
    item = {"table": "contacts", "record_id": 1, "operation": "INSERT", "timestamp": TUTORIAL_START}
    answer = full.laptop.ask("POST", "/sync", json=item | {"data": {"id": 1, "name": "Bob"}})
    assert (answer.status_code, answer.get_json()["code"]) == (507, "disk_full")
    full.disk.free()
    (row,) = full.laptop.get("/changes", since=TUTORIAL_START).get_json()
    full.laptop.get("/changes", since=row["timestamp"])
    full.disk.fill()
    assert full.laptop.get("/changes", since=row["timestamp"]).get_json() == []


@pytest.mark.engines("sqlite")
def test_a_person_is_told_on_a_page(full: House) -> None:
    answer = signed_in(full.app, "ada").post("/devices", name="phone")
    assert answer.status_code == 507
    assert "database is full" in answer.text
    assert str(full.database.engine.url.database) not in answer.text


@pytest.mark.engines("sqlite")
def test_how_far_a_listener_came_that_has_left_is_noted_when_there_is_room(full: House) -> None:
    device = parts_of(full.app).accounts.devices(1)[0]
    subscriber = Subscriber(
        device.book_id, None, ChangeOrigin(device.id, device.user_id), sender_of_before(BUILT_IN), device
    )

    async def note_twice() -> None:
        threads: ThreadPool[object] = ThreadPool(1)
        monitor, socket = (
            AccessMonitor(parts_of(full.app), threads),
            Left(subscriber, FeedPosition(Cursor("epoch", 7), FIRST_VIEW)),
        )
        monitor.add(socket)
        monitor.remove(socket)
        await monitor._note_cursors(is_all=True)
        full.disk.free()
        await monitor._note_cursors(is_all=False)
        threads.close()

    event_loop.run(note_twice())
    assert parts_of(full.app).accounts.devices(1)[0].cursor_seq == 7


@dataclass(eq=False)
class Left:
    """A socket that was closed."""

    subscriber: Subscriber
    place: FeedPosition

    def end(self, code: int) -> None:
        raise AssertionError


def test_the_admin_is_told_once_where_the_room_is_missing(full: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "offbook"):
        for _ in range(3):
            full.laptop.get("/changes")
            full.laptop.sync(change())
        full.disk.free()
        full.laptop.sync(change())
    told = [record.getMessage() for record in caplog.records if record.name == "offbook"]
    assert len(told) == 2
    assert "The disk of the database is full (" in told[0]
    assert str(full.database.engine.url.database) in told[0]
    assert told[1] == "The database takes changes again"


def test_what_was_not_noted_is_noted_when_there_is_room(full: House) -> None:
    before = full.last_seen()
    full.laptop.get("/changes")
    assert full.last_seen() == before
    full.disk.free()
    full.laptop.get("/changes")
    assert full.last_seen() > before


# --- who looks after the server knows --------------------------------------------------------------------------------


def test_healthz_tells_alive_from_able_to_write(full: House) -> None:
    client = full.app.test_client()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.get_json()["status"]) == (200, "ok")
    assert (answer.get_json()["writable"], answer.get_json()["code"]) == (False, "disk_full")
    full.disk.free()
    assert client.get("/healthz").get_json() == {"status": "ok", "writable": True}


@pytest.mark.engines("sqlite")
def test_healthz_finds_out_by_itself_and_seldom(house: House) -> None:
    """Nobody wrote for a while; and a monitor that asks all the time writes once."""
    house.later()
    client = house.app.test_client()
    assert client.get("/healthz").get_json() == {"status": "ok", "writable": True}
    house.disk.fill()
    assert client.get("/healthz").get_json() == {"status": "ok", "writable": True}
    house.database.wrote_at -= 60
    assert client.get("/healthz").get_json()["writable"] is False


def test_doctor_tells(full: House) -> None:
    looked = full.run("doctor")
    assert looked.exit_code == 1
    assert not looked.stderr
    assert looked.exception is None or isinstance(looked.exception, SystemExit)
    assert "! The disk of the database is full (" in looked.stdout
    assert "The database is whole." in looked.stdout
    assert "The secrets are kept from others." in looked.stdout


def test_commands_that_read_do_and_others_say_why_not(full: House) -> None:
    for words in (("user", "list"), ("device", "list"), ("stream", "list")):
        assert full.run(*words).exit_code == 0, words
    for line in ("user add bob --password-stdin", "device add ada phone", "book policy ada ask", "book prune ada"):
        refused = full.run(*line.split(), typed=PASSWORD + "\n")
        assert refused.exit_code == 1, (line, refused.output)
        assert "The disk of the database is full (" in refused.stderr, line
        assert len(refused.stderr.splitlines()) == 1
    full.disk.free()
    assert full.run("user", "list").stdout.count("\n") == 1


@pytest.mark.engines("sqlite")
def test_a_server_with_people_starts(full: House) -> None:
    """It made a set-up link only to find that nobody needs one."""
    assert parts_of(full.app).accounts.open_setup() is None


# --- SQLite: what only a disk of one's own can show ------------------------------------------------------------------


@pytest.mark.engines("sqlite")
def test_a_vacuum_and_a_migration_that_find_no_room_say_so(full: House) -> None:
    with full.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM contacts")).scalar_one() == 1
    with pytest.raises(DatabaseDiskFull):
        full.database.vacuum()
    with pytest.raises(DatabaseDiskFull), full.database.migrate() as connection:
        connection.execute(text("CREATE TABLE more (id INTEGER)"))


@pytest.mark.engines("sqlite")
def test_what_can_not_even_be_opened_for_want_of_room_is_told_in_a_line(full: House) -> None:
    """SQLite keeps an index of its log beside the file while it is open. The last who closes it takes that away."""
    full.database.close()
    full.disk.fill()
    for words in (("user", "list"), ("db", "upgrade")):
        told = full.run(*words)
        assert told.exit_code == 1, words
        assert isinstance(told.exception, SystemExit), words
        assert "The disk of the database is full (" in told.stderr + str(told.exception), words
    looked = full.run("doctor")
    assert looked.exit_code == 1
    assert isinstance(looked.exception, SystemExit)
    assert "! The database can't be read. The disk of the database is full (" in looked.stdout


@pytest.mark.processes
@pytest.mark.engines("sqlite")
def test_a_server_does_not_start_where_it_could_not_even_read(full: House) -> None:
    full.database.close()
    full.disk.fill()
    environ = os.environ | {"DATABASE_URL": str(full.database.engine.url), "PORT": "0", "HOST": "127.0.0.1"}
    environ |= {"INSTANCE_PATH": str(parts_of(full.app).config.instance_path)}
    started = subprocess.run(
        [sys.executable, "asgi.py"], cwd=ROOT, env=environ, text=True, capture_output=True, timeout=60, check=False
    )
    assert started.returncode == 1
    assert started.stderr.splitlines()[-1].startswith("The database can't be read. The disk of the database is full (")


# --- whatever else a database has against a write --------------------------------------------------------------------

REFUSED = [
    ("postgresql", "25006", (503, "read_only")),
    ("postgresql", "42501", (500, "unwritable")),
    ("mysql", "1021", (507, "disk_full")),
    ("mysql", "1030 Got error 28 from storage engine", (507, "disk_full")),
    ("mysql", "1290", (503, "read_only")),
    ("mysql", "1142", (503, "unwritable")),
]
"""A disk that is full in other words, a standby, an account without the right.

With each, the status of a push, and the code in /healthz."""


@pytest.mark.parametrize(("engine", "code", "told"), REFUSED)
def test_a_note_that_is_refused_for_any_reason_fails_nothing(
    engine: str, code: str, told: tuple[int, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    maker = MAKERS[available(engine)]
    url = maker.copy(maker.template(tmp_path), tmp_path)
    request.addfinalizer(lambda: maker.free(tmp_path))
    app = app_on(url)
    request.addfinalizer(app.extensions["database"].close)
    laptop = caller(app, "ada")
    with refusing(url, engine, code) as refused:
        refused.fill()
        assert laptop.get("/changes").status_code == 200
        assert laptop.synced(since=None)["changes"] == []
        assert Browser(app).post("/login", name="ada", password=PASSWORD).status_code == 302
        health = app.test_client().get("/healthz").get_json()
        assert (health["status"], health["writable"], health["code"]) == ("ok", False, told[1])
        app.testing = False  # a fault of ours would be raised, and an account without rights looks like one
        assert laptop.sync(change()).status_code == told[0]
        with serving(app) as url, listening(url, laptop.token) as listener:
            listener.push(1, change())
            assert listener.answer(1)["problem"]["status"] == told[0]


@pytest.mark.engines("sqlite")
def test_a_note_waits_only_a_moment_for_another_program_that_writes(house: House) -> None:
    """As a vacuum or a migration does. A push waits for its turn as ever."""
    house.later()
    other = open_engines(house.database.engine.url)
    with other.write_while_closed() as connection:
        connection.execute(text("UPDATE settings SET value = value"))
        began = time.monotonic()
        assert house.laptop.get("/changes").status_code == 200
        assert NOTE_SECONDS / 2 < time.monotonic() - began < 10
    other.close()
    with house.database.write() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == BUSY_TIMEOUT_MS
    before = house.last_seen()
    house.laptop.get("/changes")
    assert house.last_seen() > before
