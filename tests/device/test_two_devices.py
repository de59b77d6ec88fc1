"""The main job from end to end: the server as `make serve` starts it, and devices that have the `offbook` command.

Each test has devices of a person, and so a book, of its own; the server is the same for all but those that end it.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from app import App
from offbook import Replica, SyncReport
from offbook.replica import now_ms
from offbook.tables import Table, Text
from tests.support.browser import PASSWORD, add_device, add_user, app_beside, parts_of, signed_in
from tests.support.cli_runner import ROOT, Device
from tests.support.live_server import Process, serving_process

pytestmark = pytest.mark.processes

LEGISLATORS = ROOT.parent / "shared" / "data" / "legislators-google.csv"

BLOCK = re.compile(r"^```(console|python|sql)\n(.+?)^```", re.M | re.S)
README = BLOCK.findall((ROOT / "README.md").read_text().partition("\n## Set up\n")[0])
"""What the README shows before it comes to setting up: each block's language, and its text."""

Tokens = Callable[..., list[str]]
TwoDevices = tuple[Device, Device]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OFFBOOK_DB", "OFFBOOK_TOKEN", "OFFBOOK_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("instance")


@pytest.fixture(scope="module")
def app(instance: Path) -> Iterator[App]:
    with app_beside(instance) as made:
        yield made


@pytest.fixture(scope="module")
def server(instance: Path) -> Iterator[Process]:
    with serving_process(instance) as process:
        yield process


def flask(instance: Path, *words: str, typed: str = "") -> list[str]:
    """A command for admins, as it is typed. Returns the lines that it printed."""
    environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    ran = subprocess.run(
        [sys.executable, "-m", "flask", *words],
        cwd=ROOT,
        env=environ | {"INSTANCE_PATH": str(instance)},
        input=typed,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def tokens_by_flask(instance: Path, person: str) -> list[str]:
    """A new person with two devices: their tokens."""
    flask(instance, "user", "add", person, "--password-stdin", typed=PASSWORD)
    return [flask(instance, "device", "add", person, name)[-1] for name in ("laptop", "phone")]


def tokens_of(app: App, person: str) -> list[str]:
    """The same, faster."""
    add_user(app, person)
    return [add_device(app, person, name)[1] for name in ("laptop", "phone")]


def devices_of(folder: Path, url: str, tokens: list[str]) -> TwoDevices:
    laptop, phone = Device(folder / "laptop.db"), Device(folder / "phone.db")
    for device, token in zip((laptop, phone), tokens, strict=True):
        assert device("init", "--server", url, typed=token + "\n").code == 0
    return laptop, phone


@pytest.fixture
def tokens(app: App, request: pytest.FixtureRequest) -> list[str]:
    return tokens_of(app, request.node.name[:100])


@pytest.fixture
def devices(server: Process, tmp_path: Path, tokens: list[str]) -> TwoDevices:
    return devices_of(tmp_path, server.url, tokens)


def synced(device: Device) -> dict[str, int]:
    told = device("sync", "--json")
    assert told.code == 0, told
    found: dict[str, int] = told.json
    return found


def rows(device: Device, table: str, order: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(device.file)) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY {order}").fetchall()


# --- the README ------------------------------------------------------------------------------------------------------


SQL = 'import sqlite3, sys; sqlite3.connect("laptop.db").executescript(sys.stdin.read())'
RUN = {
    "console": "{}",
    "python": "python - <<'END'\n{}END",
    "sql": f"python -c {shlex.quote(SQL)} <<'END'\n{{}}END",
}
"""How a shell runs each kind of block. Not every machine has the program `sqlite3`."""


def typed(language: str, text: str) -> str:
    return re.sub(r"^\$ ", "", text, flags=re.M) if language == "console" else text


def checkout(folder: Path) -> Path:
    """The project's folder after `make install`, as far as a shell in it can see; what is made there stays there."""
    for entry in ROOT.iterdir():
        if ".db" not in entry.name and entry.name != ".venv":
            (folder / entry.name).symlink_to(entry)
    (folder / ".venv").symlink_to(sys.prefix)
    return folder


def test_the_readme_runs_as_it_is_written(server: Process, instance: Path, tmp_path: Path) -> None:
    """From its first line to its last, in one shell. `make serve` has done its work, and ada made her account."""
    flask(instance, "user", "add", "ada", "--password-stdin", typed=PASSWORD)
    first, *blocks = [(language, typed(language, text)) for language, text in README]
    assert first[0] == "console"
    assert first[1].startswith("make serve ")
    alike = groupby(blocks, key=lambda block: block[0])
    script = "\n".join(RUN[language].format("".join(text for _, text in texts)) for language, texts in alike)
    environ = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "PATH")}
    script = f"{script}\nOFFBOOK_DB=laptop.db offbook list".replace("http://127.0.0.1:5000", server.url)
    ran = subprocess.run(
        ["sh", "-eu", "-c", script],
        cwd=checkout(tmp_path),
        env=environ | {"INSTANCE_PATH": str(instance), "PATH": "/usr/bin:/bin"},
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )
    notes = "".join(f"Added {device}. Its token is shown only now:\n" for device in ("laptop", "phone"))
    assert (ran.returncode, ran.stderr) == (0, notes)
    assert {file.name for file in tmp_path.glob("*.db")} == {"laptop.db", "phone.db"}
    _, phone, laptop = re.split(r"^ID +NAME .*$", ran.stdout, flags=re.M)
    assert re.search(r"^\w{8}  Ada Lovelace +555-1234$", phone, re.M)
    assert re.findall(r"^\w{8}  (\w+) ", laptop, re.M) == ["Ada", "Alan", "Grace"]


def test_the_readme_shows_an_offline_edit_in_ten_lines() -> None:
    shown = [line for language, text in README[:2] for line in text.splitlines() if language == "console"]
    assert shown[0].startswith("$ make serve")
    assert shown[-1].endswith("offbook list")
    assert len(shown) <= 10


# --- two devices -----------------------------------------------------------------------------------------------------


def test_an_offline_edit_arrives_on_the_other_device(devices: TwoDevices) -> None:
    laptop, phone = devices
    laptop("add", "Ada Lovelace", "--phone", "555-1234", "--detail", "phone:boat=555-9")
    assert synced(laptop)["pushed"] == 1
    assert synced(phone)["pulled"] == 1
    laptop("edit", "Ada Lovelace", "--email", "ada@example.org")
    phone("edit", "Ada Lovelace", "--phone", "555-4321", "--detail", "group=Friends")
    for device in (laptop, phone, laptop):
        synced(device)
    ada = laptop("show", "Ada Lovelace", "--json").json
    assert ada == phone("show", "Ada Lovelace", "--json").json
    assert (ada["email"], ada["phone"], len(ada["details"])) == ("ada@example.org", "555-4321", 2)
    phone("rm", "Ada Lovelace")
    synced(phone)
    synced(laptop)
    assert laptop("list", "--json").json == []


def test_a_conflict_is_seen_and_decided_on_either_device(devices: TwoDevices, app: App, request: Any) -> None:
    laptop, phone = devices
    accounts = parts_of(app).accounts
    accounts.set_policy(accounts.user_named(request.node.name[:100]).book_id, "ask")
    laptop("add", "Ada", "--phone", "1")
    for device in (laptop, phone):
        synced(device)
    laptop("edit", "Ada", "--phone", "2")
    phone("edit", "Ada", "--phone", "3")
    for device in (laptop, phone, laptop):
        synced(device)
    (conflict,) = laptop("conflicts", "--json").json
    assert phone("conflicts", "--json").json == [conflict]
    assert (conflict["common"], conflict["ours"], conflict["theirs"]) == ("1", "2", "3")
    assert (conflict["ours_by"]["device"], conflict["theirs_by"]["device"]) == ("laptop", "phone")
    assert "“3” from phone" in laptop("explain", "Ada", "phone").out
    assert laptop("resolve", conflict["id"], "both").code == 0
    for device in (laptop, phone):
        synced(device)
        assert device("conflicts", "--json").json == []
    ada = phone("show", "Ada", "--json").json
    assert [ada["phone"], *(entry["value"] for entry in ada["details"].values())] == ["2", "3"]


def test_what_was_is_told_explained_and_given_back(devices: TwoDevices) -> None:
    laptop, phone = devices
    laptop("add", "Ada", "--phone", "1", "--company", "C")
    for device in (laptop, phone):
        synced(device)
    phone("edit", "Ada", "--phone", "2")
    synced(phone)
    told = laptop("history", "Ada")
    assert "  phone (" in told.out
    assert "  Phone: “1” -> “2”\n" in told.out
    edit, made = laptop("history", "Ada", "--json").json
    assert (made["created"], edit["before"], edit["device"]) == (True, {"phone": "1"}, "phone")
    synced(laptop)
    laptop("edit", "Ada", "--company", "D")
    why = laptop("explain", "Ada").out
    assert "Phone: “2”\n  phone (" in why
    assert "it counts whatever the clocks say." in why
    assert "Company: “D”\n  This device changed it to “D” at " in why
    assert laptop("restore", edit["id"][:8], "--contact", "Ada").out.startswith("Given back.")
    assert laptop("show", "Ada", "--json").json["phone"] == "1"
    laptop("rm", "Ada")
    synced(laptop)
    ada = made["data"]["name"]
    assert laptop("history", ada).code == 0
    assert laptop("restore", "--contact", ada, "--at", made["id"]).code == 0
    for device in (laptop, phone):
        synced(device)
        contact = device("show", "Ada", "--json").json
        assert (contact["phone"], contact["company"]) == ("1", "C")
    assert laptop("restore", "--contact", "Ada", "--at", made["id"]).out.startswith("It is so already")


def test_a_plan_tells_what_a_sync_then_does(devices: TwoDevices) -> None:
    laptop, phone = devices
    laptop("add", "Ada", "--phone", "1")
    laptop("add", "Bob")
    for device in (laptop, phone):
        synced(device)
    assert laptop("plan").out == "A sync would do nothing: nothing is new on either side.\n"
    phone("edit", "Ada", "--phone", "2")
    phone("rm", "Bob")
    phone("add", "Eve")
    synced(phone)
    laptop("edit", "Ada", "--company", "C")
    laptop("add", "Dan")
    before = rows(laptop, "change_log", "id"), rows(laptop, "sync_state", "id"), rows(laptop, "contacts", "id")
    told = laptop("plan").out
    after = rows(laptop, "change_log", "id"), rows(laptop, "sync_state", "id"), rows(laptop, "contacts", "id")
    assert before == after
    assert told == (
        "Sends 1 change:\n  add Dan\n"
        "Merges: change Ada meets an edit that it had not seen: some of it counts\n  Company  C here, C then\n"
        "Adds 1 contact here:\n  Eve\nChanges 1 contact here:\n  Ada\nDeletes 1 contact here:\n  Bob\n"
    )
    assert laptop("plan", "--json").json["merge"][0]["verdict"] == "merged"
    assert synced(laptop)["pushed"] == 2


def test_what_a_sync_did_is_told(devices: TwoDevices) -> None:
    laptop, phone = devices
    laptop("add", "Ada")
    laptop("add", "Bob")
    assert laptop("sync").out == "Sent 2 changes.\n"
    phone("add", "Eve")
    assert phone("sync").out == "Sent 1 change and received 2 records.\n"
    assert phone("sync").out == "Nothing new on either side.\n"


def test_what_only_one_side_knows_is_named_and_not_compared(devices: TwoDevices) -> None:
    laptop, _ = devices
    laptop("add", "Ada")
    laptop("sync")
    with Replica(laptop.file, tables=[Table("notes", Text("title"))]) as book:
        book.notes.add(title="Milk")
    told = laptop("verify")
    assert told.out == "1 record agrees with the server.\nNot compared, since only one side knows it: notes.\n"
    assert laptop("verify", "--json").json["not_compared"] == ["notes"]


def test_a_device_is_compared_with_the_server_and_mended(devices: TwoDevices) -> None:
    laptop, _ = devices
    laptop("add", "Ada")
    verified = laptop("verify")
    assert (verified.code, verified.out) == (0, "1 record agrees with the server.\n")
    laptop("add", "Bob", "--phone", "555-1", "--detail", "email=bob@example.org")
    laptop("add", "Eve")
    assert laptop("verify").out == "3 records agree with the server.\n"
    damage(laptop, "UPDATE contacts SET phone = '555-2' WHERE name = 'Bob'", "DELETE FROM contacts WHERE name = 'Ada'")
    damage(laptop, "UPDATE contact_details SET value = 'eve@example.org'")
    verified = laptop("verify")
    assert verified.code == 5
    first, *lines, last = verified.out.splitlines()
    assert first == "Mended 2 of 3 records:"
    assert "  Ada: was missing here" in lines
    assert "    Phone: 555-2 -> 555-1" in lines
    assert any("E-mail: eve@example.org -> E-mail: bob@example.org" in line for line in lines)
    assert last.endswith("is not lost: see `offbook parked`.")
    as_json = laptop("verify", "--json").json
    assert (as_json["compared"], as_json["repaired"], as_json["requests"]) == (3, [], 2), "a request for each table"


def damage(device: Device, *statements: str) -> None:
    """What no trigger logs."""
    with closing(sqlite3.connect(device.file)) as connection, connection:
        connection.execute("UPDATE offbook_guard SET applying = 1")
        for sql in statements:
            connection.execute(sql)
        connection.execute("UPDATE offbook_guard SET applying = 0")


def test_537_contacts_arrive_equal_in_every_field(devices: TwoDevices, tmp_path: Path) -> None:
    if not LEGISLATORS.exists():
        pytest.skip(f"{LEGISLATORS} is not on this machine")
    laptop, phone = devices
    assert laptop("import", str(LEGISLATORS)).out == "Added 537 contacts.\n"
    assert synced(laptop)["pushed"] == 537
    assert synced(phone)["pulled"] == 538, "with the one label that they have"
    synced(laptop)
    for table, order in (("contacts", "id"), ("contact_details", "contact_id, entry_id")):
        arrived = rows(phone, table, order)
        assert len(arrived) >= 537
        assert arrived == rows(laptop, table, order)
    assert phone("import", str(LEGISLATORS), "--json").json["added"] == 0
    exported = phone("export").out
    assert exported == laptop("export").out
    assert cells(exported) == cells(LEGISLATORS.read_text())
    other = Device(tmp_path / "other.db")
    other("import", "-", typed=exported)
    assert other("export").out == exported


def cells(text: str) -> list[list[tuple[str, str]]]:
    """What the rows of a CSV say, whatever the order of rows and columns."""
    return sorted(
        sorted((name, value) for name, value in row.items() if value) for row in csv.DictReader(io.StringIO(text))
    )


def test_what_is_deleted_on_one_device_is_not_imported_again_on_the_other(devices: TwoDevices) -> None:
    laptop, phone = devices
    typed = "First Name,Last Name,Phone 1 - Value\nAda,Lovelace,555\n"
    laptop("import", "-", typed=typed)
    for device in devices:
        synced(device)
    laptop("rm", "Ada Lovelace")
    for device in devices:
        synced(device)
    assert phone("import", "-", "--json", typed=typed).json["deleted_before"] == 1


def test_a_watching_device_tells_what_arrives(devices: TwoDevices) -> None:
    laptop, phone = devices
    synced(laptop)
    with laptop.watching("--json") as child:
        assert child.stdout is not None
        events = (json.loads(line) for line in child.stdout)
        assert [next(events)["event"] for _ in range(2)] == ["watching", "live"]
        phone("add", "Ada")
        synced(phone)
        assert (arrived := next(events))["name"] == "Ada"
        assert arrived["event"] == "added"
        laptop("add", "Bob")
        awaited = {("added", "Bob"), ("sent", 1)}
        while awaited:
            event = next(events)
            awaited.discard((event["event"], event.get("name") or event.get("changes")))
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
    assert laptop("status", "--json").json["pending"] == 0


# --- clocks ----------------------------------------------------------------------------------------------------------

YEAR_MS = 8_766 * 3_600_000


@pytest.mark.parametrize(("years", "told"), [(10, "10 years ahead"), (-10, "10 years behind")])
def test_a_clock_ten_years_off_loses_nothing_and_both_sides_tell(
    devices: TwoDevices, app: App, request: pytest.FixtureRequest, years: int, told: str
) -> None:
    laptop, phone = devices
    laptop("add", "Ada", "--phone", "555-1")
    for device in devices:
        synced(device)
    with Replica(phone.file, clock=lambda: now_ms() + years * YEAR_MS) as book:
        (ada,) = (contact["id"] for contact in book.contacts.list())
        book.contacts.update(ada, phone="555-2", email="ada@example.org")
        book.contacts.add(name="Bob")
        assert book.sync() == SyncReport(pushed=2)
        synced(laptop)
        laptop("edit", "Ada", "--email", "lovelace@example.org")
        synced(laptop)
        assert book.sync() == SyncReport(pulled=1)
        book.contacts.update(ada, company="Engines", email="countess@example.org")
        assert book.sync() == SyncReport(pushed=1)
    synced(laptop)
    assert {contact["name"]: (contact["phone"], contact["email"]) for contact in laptop("list", "--json").json} == {
        "Ada": ("555-2", "countess@example.org"),
        "Bob": (None, None),
    }
    assert f"This device's clock is {told.replace('ahead', 'ahead of')} the server's. Nothing is lost" in flowing(phone)
    assert phone("status", "--json").json["clock_offset_ms"] == pytest.approx(-years * YEAR_MS, abs=60_000)
    page = signed_in(app, request.node.name[:100]).get("/devices").text
    assert f'<span class="tag warn">Clock {told}</span> Nothing is lost' in page
    assert page.count("tag warn") == 1


def flowing(device: Device) -> str:
    return " ".join(device("status").out.split())


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_server_that_goes_and_comes_back_loses_nothing(tmp_path: Path) -> None:
    with app_beside(tmp_path) as app:
        tokens = tokens_of(app, "ada")
    with serving_process(tmp_path) as process:
        laptop, phone = devices_of(tmp_path, process.url, tokens)
        laptop("add", "Ada")
        synced(laptop)
        process.child.kill()
        process.child.wait(20)
        laptop("edit", "Ada", "--phone", "555-1234")
        told = laptop.really("sync")
        assert (told.code, told.out) == (3, "Offline: 1 change waits; it goes out with the next sync.\n")
        for words in (("list",), ("show", "Ada"), ("add", "Bob"), ("status",), ("log",), ("parked",), ("export",)):
            assert laptop(*words).code == 0
    port = urlsplit(process.url).port
    with serving_process(tmp_path, PORT=str(port)):
        assert synced(laptop)["pushed"] == 2
        assert laptop("status", "--json").json["pending"] == 0
        assert synced(phone)["pulled"] == 2
        assert phone("show", "Ada", "--json").json["phone"] == "555-1234"


def test_a_revoked_token_pauses_and_drops_nothing(devices: TwoDevices, instance: Path, tokens: list[str]) -> None:
    laptop, _ = devices
    synced(laptop)
    flask(instance, "device", "revoke", str(UUID(tokens[0].split("_")[1])))
    laptop("add", "Ada")
    told = laptop.really("sync")
    assert told.code == 4
    assert "1 change waits" in told.out
    assert "`offbook init --server " in told.out
    as_json = laptop("sync", "--json")
    assert (as_json.code, as_json.json["error"]) == (4, "not_authorized")
    assert laptop("status", "--json").json["pending"] == 1
    laptop("init", "--server", as_json.json["status"]["server"], typed=tokens[1])
    assert synced(laptop)["pushed"] == 1


def test_a_parked_change_is_corrected_and_sent(devices: TwoDevices) -> None:
    laptop, phone = devices
    with closing(sqlite3.connect(laptop.file)) as connection, connection:
        connection.execute("INSERT INTO contacts (name, phone) VALUES ('Ada', ?)", ("5" * 500,))
    laptop("add", "Bob")
    told = laptop.really("sync")
    assert told.code == 5
    assert told.out == "Sent 1 change.\n1 change can't be sent: see `offbook parked`.\n"
    (one,) = laptop("parked", "--json").json
    assert laptop("parked", "retry", one["change_id"], "--phone", "555-1234").code == 0
    assert laptop.really("sync").code == 0
    synced(phone)
    assert {contact["name"]: contact["phone"] for contact in phone("list", "--json").json} == {
        "Ada": "555-1234",
        "Bob": None,
    }


def test_a_token_of_another_book_sends_nothing(devices: TwoDevices, app: App) -> None:
    laptop, _ = devices
    laptop("add", "Ada")
    synced(laptop)
    other, _ = tokens_of(app, "someone else")
    laptop("init", "--server", laptop("status", "--json").json["server"], typed=other)
    laptop("add", "Bob")
    told = laptop("sync", "--json")
    assert (told.code, told.json["error"]) == (1, "other_book")
    assert laptop("status", "--json").json["pending"] == 1
