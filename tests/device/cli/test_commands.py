"""The `offbook` command on one device: what it answers, and with which exit code."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from offbook.cli import paths
from offbook.contacts.table import CONTACTS
from offbook.core.schema import Type
from tests.support.cli_runner import ROOT, Device

COMMANDS = (
    *("init", "sync", "verify", "watch", "status", "add", "list", "show", "edit", "rm", "import", "export", "log"),
    *("parked", "parked retry", "parked drop", "conflicts", "resolve", "history", "restore", "explain", "plan"),
    *("tables", "table"),
    *("ingest", "photo"),
)
GOOGLE = "First Name,Last Name,Phone 1 - Label,Phone 1 - Value,Birthday\n"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TZ", "UTC")
    for name in ("OFFBOOK_DB", "OFFBOOK_TOKEN", "OFFBOOK_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """A device with a book of its own, and no server."""
    device = Device(tmp_path / "book.db")
    assert device("init").code == 0
    return device


@pytest.fixture
def nowhere() -> Iterator[str]:
    """The address of a server that can't be reached: the port is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def offline(device: Device, nowhere: str) -> Device:
    """A device that knows a server, which is down."""
    assert device("init", "--server", nowhere, typed="ob_token\n").code == 0
    return device


def ask_sql(device: Device, sql: str, *values: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(device.file)) as connection, connection:
        return connection.execute(sql, values).fetchall()


# --- the command line ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_help_fits_into_80_columns(device: Device, command: str) -> None:
    answer = device(*command.split(), "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"usage: offbook {command}".rstrip())
    assert max(map(len, answer.out.splitlines())) <= 80


def test_the_help_lists_every_command_and_exit_code(device: Device) -> None:
    answer = device("--help").out
    assert all(f"\n    {command}" in answer for command in COMMANDS if " " not in command)
    assert all(f" {code} " in answer for code in range(6))


def test_the_version_is_told(device: Device) -> None:
    assert device("--version").out == "offbook 0.1.0\n"


@pytest.mark.parametrize(
    "words",
    [(), ("nope",), ("add",), ("list", "--nope"), ("add", "x", "--phon", "1"), ("log", "-n", "0"), ("init", "--token")],
)
def test_a_wrong_command_line_is_told_in_a_sentence(device: Device, words: tuple[str, ...]) -> None:
    answer = device(*words)
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.startswith("offbook: ")
    assert answer.err.count("\n") == 1


def test_options_for_all_commands_may_stand_before_or_behind_the_command(device: Device, tmp_path: Path) -> None:
    assert device("add", "Ada", "--db", str(tmp_path / "other.db")).code == 0
    assert device("list", "--json").json == []
    assert [contact["name"] for contact in device("list", "--db", str(tmp_path / "other.db"), "--json").json] == ["Ada"]
    assert device("--json", "list").json == []


def test_errors_are_json_for_programs(device: Device) -> None:
    wrong = device("nope", "--json")
    assert (wrong.code, wrong.json["error"], wrong.err) == (2, "usage", "")
    missing = device("--json", "show", "Ada")
    assert (missing.code, missing.json["error"]) == (1, "not_found")
    assert "Ada" in missing.json["detail"]


def test_a_command_that_only_reads_makes_no_book(tmp_path: Path) -> None:
    answer = Device(tmp_path / "typo.db")("list")
    assert answer.code == 1
    assert "`offbook init`" in answer.err
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_with_a_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("This is no database, only a text that is long enough to be one." * 20)
    answer = Device(tmp_path / "text.db")("list")
    assert (answer.code, answer.err) == (1, f"offbook: {tmp_path}/text.db can't be used: file is not a database.\n")
    answer = Device(tmp_path / "no folder" / "book.db")("add", "Ada")
    assert (answer.code, answer.err) == (1, f"offbook: {tmp_path}/no folder/book.db: No such file or directory.\n")


def test_a_fault_of_ours_is_no_traceback_but_where_it_is_asked_for(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offbook.records.Records.list", lambda *_: 1 / 0)
    answer = device("list")
    assert answer.code == 1
    assert "ZeroDivisionError" in answer.err
    assert answer.err.count("\n") == 1
    monkeypatch.setenv("OFFBOOK_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        device("list")


def test_a_command_on_this_device_loads_nothing_that_it_does_not_need(device: Device) -> None:
    heavy = "{'requests', 'rich', 'websockets', 'asyncio'}"
    code = f"import sys; from offbook.__main__ import main; main(); print({heavy} & set(sys.modules))"
    words = [sys.executable, "-c", code, "--db", str(device.file), "list"]
    ran = subprocess.run(words, cwd=ROOT, text=True, capture_output=True, timeout=60, check=True)
    assert ran.stdout.splitlines()[-1] == "set()"


def test_a_device_is_the_folder_offbook_and_nothing_else(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "offbook", tmp_path / "only" / "offbook", ignore=shutil.ignore_patterns("__pycache__"))
    code = "import sys; sys.path[:1] = [sys.argv.pop(1)]; import offbook; from offbook.__main__ import main; main()"
    tell = "; print(offbook.__file__); print(offbook.Replica.__name__); import storage"
    words = [sys.executable, "-c", code + tell, str(tmp_path / "only"), "--db", str(tmp_path / "new.db"), "add", "Ada"]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(words, cwd=tmp_path, env=environ, text=True, capture_output=True, timeout=60, check=False)
    added, where, name = ran.stdout.splitlines()
    assert added.startswith("Added Ada (")
    assert (where, name) == (str(tmp_path / "only" / "offbook" / "__init__.py"), "Replica")
    assert "No module named 'storage'" in ran.stderr


def test_a_reader_that_had_enough_is_no_error(device: Device) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with device.started("status", stdout=writing) as child:
        os.close(writing)
        assert child.stderr is not None
        assert (child.stderr.read(), child.wait(60)) == ("", 141)


def test_a_full_disk_behind_the_output_is_told_in_a_sentence(device: Device) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full, device.started("status", stdout=full) as child:
        assert child.stderr is not None
        assert child.stderr.read() == "offbook: Standard output takes nothing more: No space left on device.\n"
        assert child.wait(60) == 1


# --- where the book is -----------------------------------------------------------------------------------------------


def test_the_book_is_where_it_is_said_to_be(tmp_path: Path) -> None:
    environ = {"OFFBOOK_DB": str(tmp_path / "from-environment.db"), "XDG_DATA_HOME": str(tmp_path / "data")}
    assert paths.book_path("given.db", environ) == Path("given.db")
    assert paths.book_path(None, environ) == tmp_path / "from-environment.db"
    assert paths.book_path(None, environ | {"OFFBOOK_DB": ""}) == tmp_path / "data" / "offbook" / "contacts.db"


def test_the_folder_for_it_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    file = paths.book_path(None, {"XDG_DATA_HOME": str(tmp_path / "data")})
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("linux", {}, "~/.local/share/offbook"),
        ("linux", {"XDG_DATA_HOME": "relative"}, "~/.local/share/offbook"),
        ("linux", {"XDG_DATA_HOME": "/data"}, "/data/offbook"),
        ("darwin", {"XDG_DATA_HOME": "/data"}, "~/Library/Application Support/offbook"),
        ("win32", {}, "~/AppData/Local/offbook"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/offbook"),
    ],
)
def test_each_system_has_its_own_data_folder(platform: str, environ: dict[str, str], folder: str) -> None:
    assert paths.data_folder(environ, platform) == Path(folder).expanduser()


# --- contacts --------------------------------------------------------------------------------------------------------


def test_every_field_has_an_option(device: Device) -> None:
    values = {field.name: field.name for field in CONTACTS.fields if field.name != "starred"}
    values |= {"name": "Ada Lovelace", "birthday": "1815-12-10", "kind": "person"}
    words = [
        word for name, value in values.items() if name != "name" for word in (f"--{name}".replace("_", "-"), value)
    ]
    added = device("add", "Ada Lovelace", *words, "--starred", "--json")
    assert added.code == 0
    assert {name: added.json[name] for name in CONTACTS.by_name} == values | {"starred": True}
    assert all(field.type in (Type.TEXT, Type.DATE, Type.FLAG, Type.CHOICE) for field in CONTACTS.fields)


def test_an_added_contact_is_listed_and_shown(device: Device) -> None:
    added = device("add", "Ada Lovelace", "--phone", "555-1234", "--phone-label", "Home", "--notes", "one\ntwo")
    id = device.id_of("Ada Lovelace")
    assert (added.code, added.out) == (0, f"Added Ada Lovelace ({id[:8]}).\n")
    assert device("list").out.splitlines() == [
        "ID        NAME          E-MAIL  PHONE     COMPANY",
        f"{id[:8]}  Ada Lovelace          555-1234",
    ]
    shown = device("show", id).out
    assert "Phone       555-1234 (Home)\nFirst name  Ada\nLast name   Lovelace\n" in shown
    assert f"Notes       one\n            two\nId          {id}\n" in shown


def test_what_is_refused_is_refused_at_once(device: Device) -> None:
    answer = device("add", "Ada", "--birthday", "tomorrow")
    assert (answer.code, answer.out) == (1, "")
    assert "birthday must be a date like 1815-12-10" in answer.err
    assert device("add", " ").code == 1
    assert device("add", "\udcff").code == 1
    assert device("list", "--json").json == []


def test_details_are_typed_as_kind_label_and_value(device: Device) -> None:
    details = ("phone:boat=555=9", "PHONE=1", "group=Friends", "address:Home=12 Park Lane; London")
    words = [word for text in details for word in ("--detail", text)]
    contact = device("add", "Ada", *words, "--json").json
    assert sorted(contact["details"].values(), key=str) == [
        {"kind": "address", "label": "Home", "value": "12 Park Lane; London", "position": 2},
        {"kind": "group", "value": "Friends", "position": 2},
        {"kind": "phone", "label": "boat", "value": "555=9", "position": 2},
        {"kind": "phone", "value": "1", "position": 3},
    ]


def test_an_address_may_name_its_parts(device: Device) -> None:
    typed = "address:Work=street=12 Park Lane; city=London;country=UK"
    (entry,) = device("add", "Ada", "--detail", typed, "--json").json["details"].values()
    assert (entry["street"], entry["city"], entry["country"]) == ("12 Park Lane", "London", "UK")
    assert "value" not in entry
    assert "Address     12 Park Lane, London, UK (Work)" in device("show", "Ada").out


@pytest.mark.parametrize("text", ["phone", "phone:boat", "boat=555", "=555", ""])
def test_a_detail_in_another_form_is_refused(device: Device, text: str) -> None:
    answer = device("add", "Ada", "--detail", text)
    assert answer.code == 2
    assert "KIND:LABEL=VALUE" in answer.err


def test_an_edit_changes_what_it_names_and_nothing_else(device: Device) -> None:
    device("add", "Ada", "--phone", "1", "--email", "a@example.org", "--company", "Engines")
    changed = device("edit", "Ada", "--phone", "2", "--company", "", "--name", "Ada Lovelace")
    assert changed.code == 0
    contact = device("show", "Ada Lovelace", "--json").json
    assert (contact["phone"], contact["email"], contact["company"]) == ("2", "a@example.org", None)
    data = ask_sql(device, "SELECT data FROM change_log ORDER BY id DESC LIMIT 1")[0][0]
    parts = {"prefix": None, "given_name": "Ada", "middle_name": None, "family_name": "Lovelace", "suffix": None}
    assert json.loads(data) == {"name": "Ada Lovelace", "phone": "2", "company": None, **parts}


def test_an_edit_of_nothing_says_how_to_name_something(device: Device) -> None:
    device("add", "Ada")
    answer = device("edit", "Ada")
    assert answer.code == 2
    assert "--phone" in answer.err


def test_details_are_added_and_taken_away_by_their_keys(device: Device) -> None:
    device("add", "Ada", "--detail", "phone=1")
    (key,) = device("show", "Ada", "--json").json["details"]
    assert f"Phone       1 [{key}]" in device("show", "Ada").out
    changed = device("edit", "Ada", "--remove-detail", key[:6], "--detail", "phone:boat=2", "--json").json
    (entry,) = changed["details"].values()
    assert (entry["label"], entry["value"]) == ("boat", "2")
    missing = device("edit", "Ada", "--remove-detail", "nope")
    assert missing.code == 1
    assert "The keys here: " in missing.err


def test_a_contact_is_named_by_its_id_the_beginning_of_it_or_its_whole_name(device: Device) -> None:
    device("add", "Ada Lovelace")
    id = device.id_of("Ada Lovelace")
    assert {device("show", text, "--json").json["id"] for text in (id, id[:6], id[:8].upper())} == {id}
    assert device("show", "Ada").code == 1


def test_the_beginning_of_an_id_is_no_accident(device: Device) -> None:
    """Names are letters too: `rm dead` must not delete whoever's id begins so."""
    ask_sql(device, "INSERT INTO contacts (id, name) VALUES ('deadbeef-0000-4000-8000-000000000000', 'Ada')")
    assert device("rm", "dead").code == 1
    assert device("rm", "deadbe").code == 0


def test_what_may_mean_several_contacts_does_nothing(device: Device) -> None:
    device("add", "Ada")
    device("add", "Ada")
    answer = device("rm", "Ada")
    assert answer.code == 1
    assert "Several contacts are “Ada”" in answer.err
    assert answer.err.count("(Ada)") == 2
    assert device("rm", "Ada", "--json").json["error"] == "ambiguous"
    assert len(device("list", "--json").json) == 2


def test_several_are_deleted_together_or_not_at_all(device: Device) -> None:
    for name in ("Ada", "Bob", "Eve"):
        device("add", name)
    assert device("rm", "Ada", "Nobody").code == 1
    gone = device("rm", "Ada", "Bob", "Ada", "--json")
    assert (gone.code, [contact["name"] for contact in gone.json["deleted"]]) == (0, ["Ada", "Bob"])
    assert [contact["name"] for contact in device("list", "--json").json] == ["Eve"]


def test_a_list_is_searched_by_words_in_any_field(device: Device) -> None:
    device("add", "Zoë", "--company", "Engines")
    device("add", "Ada", "--detail", "phone:boat=555")
    assert [contact["name"] for contact in device("list", "ENGINES", "zoe", "--json").json] == ["Zoë"]
    assert [contact["name"] for contact in device("list", "boat", "--json").json] == ["Ada"]
    assert device("list", "nothing").out == "No contact has “nothing”.\n"


def test_a_list_is_searched_by_an_option_as_by_words(device: Device) -> None:
    device("add", "Zoë Lee", "--company", "Engines")
    device("add", "Ada Lee", "--detail", "phone:boat=555")
    matches = device("list", "--search", "engines zoe", "--json")
    assert (matches.code, [contact["name"] for contact in matches.json]) == (0, ["Zoë Lee"])
    assert matches.json == device("list", "engines", "zoe", "--json").json
    assert device("list", "--search", "lee").out == device("list").out
    assert device("list", "--search=BOAT").out.splitlines()[1].split()[1] == "Ada"
    assert [contact["name"] for contact in device("list", "lee", "--search", "zoe", "--json").json] == ["Zoë Lee"]
    assert device("list", "--search", "no one").out == "No contact has “no one”.\n"
    assert device("list", "--search", "no one", "--json").json == []
    assert "--search TEXT" in device("list", "--help").out


def test_what_a_terminal_would_obey_is_shown_as_text(device: Device) -> None:
    device("add", "\x1b[31mRed\x07", "--notes", "\x9b2J\u202e")
    answer = device("list").out + device("show", device("list", "--json").json[0]["id"]).out
    assert "\\x1b[31mRed\\x07" in answer
    assert "\\x9b2J\\u202e" in answer
    assert all(letter.isprintable() for letter in answer.replace("\n", ""))


# --- init, status and being offline ----------------------------------------------------------------------------------


def test_the_token_comes_from_standard_input(device: Device) -> None:
    answer = device("init", "--server", "http://localhost:5000/", typed="ob_secret\n")
    assert answer.code == 0
    assert "syncs with http://localhost:5000." in answer.out
    assert "ob_secret" not in answer.out
    assert ask_sql(device, "SELECT server, token FROM sync_state") == [("http://localhost:5000", "ob_secret")]
    assert stat.S_IMODE(device.file.stat().st_mode) == 0o600


def test_the_token_comes_from_the_environment(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFBOOK_TOKEN", "ob_secret")
    assert device("init", "--server", "http://localhost:5000").code == 0
    assert ask_sql(device, "SELECT token FROM sync_state") == [("ob_secret",)]


def token_of(device: Device) -> str:
    ((token,),) = ask_sql(device, "SELECT token FROM sync_state")
    return str(token)


@pytest.mark.parametrize("from_environment", [False, True])
def test_a_token_alone_is_taken_where_the_server_is_known(
    offline: Device, nowhere: str, monkeypatch: pytest.MonkeyPatch, from_environment: bool
) -> None:
    if from_environment:
        monkeypatch.setenv("OFFBOOK_TOKEN", "ob_second")
    answer = offline("init", typed="" if from_environment else "ob_second\n")
    assert (answer.code, token_of(offline)) == (0, "ob_second")
    assert (
        answer.out.splitlines()[0]
        == f"The book is in {offline.file} and syncs with {nowhere}, with the token that was given."
    )
    assert "ob_second" not in answer.out


def test_no_token_leaves_the_one_that_is_there(offline: Device, nowhere: str) -> None:
    answer = offline("init")
    assert (answer.code, token_of(offline)) == (0, "ob_token")
    assert answer.out.splitlines() == [f"The book is in {offline.file} and syncs with {nowhere}."]


@pytest.mark.parametrize("token", ["\n", "two words\n", "pässword\n", b"p\xff\n"])
def test_what_can_t_be_a_token_is_refused_where_the_server_is_known(offline: Device, token: str | bytes) -> None:
    answer = offline("init", typed=token)
    assert answer.code == 2
    assert "OFFBOOK_TOKEN" in answer.err
    assert token_of(offline) == "ob_token"


def test_a_token_for_no_server_is_not_dropped_in_silence(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input may be anyone's where there is no server: it is left alone, and what is missing is told."""
    answer = device("init", typed="ob_first\n")
    assert answer.code == 0
    assert "`offbook init --server URL`" in answer.out
    monkeypatch.setenv("OFFBOOK_TOKEN", "ob_first")
    answer = device("init")
    assert answer.code == 2
    assert "--server" in answer.err
    assert "ob_first" not in answer.err


@pytest.mark.parametrize("token", ["", "\n", "two words\n", "pässword\n"])
def test_what_can_t_be_a_token_is_refused(device: Device, token: str) -> None:
    answer = device("init", "--server", "http://localhost:5000", typed=token)
    assert answer.code == 2
    assert "OFFBOOK_TOKEN" in answer.err
    assert ask_sql(device, "SELECT server FROM sync_state") == [(None,)]


@pytest.mark.parametrize("server", ["localhost:5000", "ftp://localhost", "http://", "http://a b", ""])
def test_what_can_t_be_a_server_is_refused(device: Device, server: str) -> None:
    answer = device("init", "--server", server, typed="ob_secret\n")
    assert answer.code == 2
    assert "http://" in answer.err


def test_a_device_without_a_server_is_told_how_to_name_one(device: Device) -> None:
    for command in ("sync", "watch"):
        answer = device(command)
        assert answer.code == 1
        assert "`offbook init --server URL`" in answer.err
    assert "`offbook init --server URL`" in device("status").out


def test_the_status_is_told(offline: Device, nowhere: str) -> None:
    offline("add", "Ada")
    answer = offline("status").out
    assert f"{offline.file} with 1 contact\n" in answer
    assert f"Server     {nowhere}\n" in answer
    assert "Waiting    1 change waits; it goes out with the next sync (oldest: " in answer
    status = offline("status", "--json").json
    assert (status["server"], status["pending"], status["parked"], status["contacts"]) == (nowhere, 1, 0, 1)


@pytest.mark.parametrize(
    ("offset", "row", "seems"),
    [
        (0, "right", ""),
        (5_000, "5 seconds behind the server's", ""),
        (3 * 3_600_000, "3 hours behind the server's", "older"),
        (-90 * 60_000, "1 hour ahead of the server's", "newer"),
        (-2 * 366 * 86_400_000, "2 years ahead of the server's", "newer"),
    ],
)
def test_a_clock_that_is_wrong_is_told_with_what_to_do(device: Device, offset: int, row: str, seems: str) -> None:
    with closing(sqlite3.connect(device.file)) as connection, connection:
        connection.execute("UPDATE sync_state SET clock_offset_ms = ?", (offset,))
    answer = device("status").out.splitlines()
    assert f"Clock      {row}" in answer
    advice = (
        f"This device's clock is {row}. Nothing is lost by that; set it right, so that this device's edits"
        f" do not count as {seems} than they are."
    )
    assert answer[-1] == advice if seems else "This device's clock" not in answer[-1]
    assert device("status", "--json").json["clock_offset_ms"] == offset


def test_offline_is_a_normal_state(offline: Device) -> None:
    for name in ("Ada", "Bob", "Eve"):
        assert offline("add", name).code == 0
    answer = offline.really("sync")
    assert answer.code == 3
    assert answer.out.splitlines()[0] == "Offline: 3 changes wait; they go out with the next sync."
    assert "can't be reached" in answer.out
    for words in (("list",), ("show", "Ada"), ("edit", "Ada", "--phone", "1"), ("rm", "Bob"), ("status",), ("log",)):
        assert offline(*words).code == 0


def test_offline_is_one_line_where_the_server_was_reached_before(offline: Device) -> None:
    ask_sql(offline, "UPDATE sync_state SET last_success_ms = 1795000000000")
    assert offline("sync").out == "Offline: no change waits.\n"


def test_a_comparison_is_put_off_as_a_sync_is(device: Device, offline: Device) -> None:
    answer = offline("verify", "--json")
    assert (answer.code, answer.json["error"]) == (3, "offline")
    assert offline("verify").out.startswith("Offline: no change waits.")


def test_offline_is_told_to_programs(offline: Device) -> None:
    offline("add", "Ada")
    answer = offline("sync", "--json")
    assert (answer.code, answer.json["error"], answer.json["status"]["pending"]) == (3, "offline", 1)


# --- import and export -----------------------------------------------------------------------------------------------


def test_importing_twice_adds_nothing(device: Device, tmp_path: Path) -> None:
    (tmp_path / "google.csv").write_text(GOOGLE + "Ada,Lovelace,Home,555,\nCharles,Babbage,,,1791-12-26\n")
    first = device("import", str(tmp_path / "google.csv"))
    assert (first.code, first.out) == (0, "Added 2 contacts.\n")
    again = device("import", str(tmp_path / "google.csv"))
    assert (again.code, again.out) == (0, "Added 0 contacts.\n2 are here already.\n")
    assert len(device("list", "--json").json) == 2
    assert device("show", "Charles Babbage", "--json").json["birthday"] == "1791-12-26"


def test_an_import_is_one_change_per_contact(device: Device) -> None:
    device("import", "-", typed=GOOGLE + "Ada,Lovelace,Home ::: Work,555 ::: 556,\n")
    ((operation, data),) = ask_sql(device, "SELECT operation, data FROM change_log")
    assert operation == "INSERT"
    assert json.loads(data)["name"] == "Ada Lovelace"


def test_an_import_brings_nothing_back_that_was_deleted(device: Device) -> None:
    typed = GOOGLE + "Ada,Lovelace,,,\nCharles,Babbage,,,\n"
    device("import", "-", typed=typed)
    device("rm", "Ada Lovelace")
    answer = device("import", "-", "--json", typed=typed)
    assert answer.json == {
        "format": "google",
        "batch": None,
        "added": 0,
        "changed": 0,
        "already_here": 1,
        "deleted_before": 1,
        "doubtful": 0,
        "problems": [],
    }
    ask_sql(device, "DELETE FROM change_log")
    deleted = "INSERT INTO server_rows (table_name, record_id, seq, deleted) VALUES ('contacts', ?, 1, 1)"
    charles = device.id_of("Charles Babbage")
    device("rm", "Charles Babbage")
    ask_sql(device, deleted, charles)
    ask_sql(device, "DELETE FROM change_log")
    assert device("import", "-", "--json", typed=typed).json["deleted_before"] == 1


def test_an_edited_contact_stays_as_it_was_edited(device: Device) -> None:
    typed = GOOGLE + "Ada,Lovelace,,,\n"
    device("import", "-", typed=typed)
    device("edit", "Ada Lovelace", "--phone", "555")
    device("import", "-", typed=typed)
    assert [contact["phone"] for contact in device("list", "--json").json] == ["555"]


def test_rows_that_can_t_be_taken_are_told_and_the_others_added(device: Device) -> None:
    typed = GOOGLE + f"Ada,Lovelace,,,\nBob,{'x' * 500},,,\nEve,,,,,,too many\n"
    answer = device("import", "-", typed=typed)
    assert answer.code == 1
    assert answer.out.splitlines()[0] == "Added 1 contact."
    assert "\nRow 3: " in answer.out
    assert "\nRow 4: " in answer.out


@pytest.mark.parametrize("typed", [b"<html>", b"a b\n1,2\n", b"\xff\xfe\x00", b"\x00\x01\xff"])
def test_what_is_no_file_of_contacts_is_refused_in_a_sentence(device: Device, typed: bytes) -> None:
    answer = device("import", "-", typed=typed)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("offbook: This ")


@pytest.mark.parametrize("end", [b"Bob", b'"Bob,Lee,,,\n', b"Zo\xc3"], ids=["cells", "a quote", "a character"])
def test_a_file_that_was_cut_off_is_refused_whole(device: Device, end: bytes) -> None:
    answer = device("import", "-", typed=GOOGLE.encode() + b"Ada,Lovelace,,,\n" + end)
    assert (answer.code, answer.out) == (1, "")
    assert "cut off" in answer.err
    assert answer.err.count("\n") == 1
    assert device("list", "--json").json == []


def test_a_missing_file_is_told_in_a_sentence(device: Device, tmp_path: Path) -> None:
    answer = device("import", str(tmp_path / "none.csv"))
    assert (answer.code, answer.err) == (1, f"offbook: {tmp_path}/none.csv: No such file or directory.\n")


CARDS = """BEGIN:VCARD
VERSION:3.0
UID:ada
FN:Ada Lovelace
ORG:Engines
TEL;TYPE=CELL:+1 555 0100 200
END:VCARD
"""


def test_cards_are_imported_and_exported(device: Device, tmp_path: Path) -> None:
    rehearsed = device("import", "-", "--dry-run", "--label", "Friends", typed=CARDS)
    assert rehearsed.out == "Would add 1 contact.\n"
    assert device("list", "--json").json == []
    answer = device("import", "-", "--label", "Friends", "--json", typed=CARDS)
    assert (answer.json["format"], answer.json["added"]) == ("vcard4", 1)
    assert device("export", "--label", "nobody", "--format", "vcard3").out == ""
    text = device("export", "--label", "friends", "--format", "vcard3").out
    assert "FN:Ada Lovelace" in text
    assert "CATEGORIES:Friends" in text
    other = Device(tmp_path / "other.db")
    assert other("import", "-", typed=text).out == "Added 1 contact.\n"
    assert other("export", "--format", "vcard4").out == device("export", "--format", "vcard4").out
    assert device("import", "-", typed=text).out == "Added 0 contacts.\n1 is here already.\n"
    assert device("export", "--format", "xls").code == 2
    assert device("export", "--format", "outlook").code == 2, "it is only read"


@pytest.mark.parametrize("command", ["import", "export"])
def test_a_group_of_google_s_is_no_label(device: Device, command: str) -> None:
    answer = device(command, "-", "--label", "My Contacts", typed=CARDS)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "offbook: label can't be 'My Contacts': no such text names a label.\n"


TABLE = "Wer,Büro\nAda King,555 0100\n"


def test_a_table_is_read_by_a_mapping_that_is_proposed_changed_and_remembered(device: Device, tmp_path: Path) -> None:
    rehearsed = device("import", "-", "--dry-run", "--json", typed=TABLE)
    assert rehearsed.json["mapping"] == {"Wer": "details.custom:Wer", "Büro": "details.phone"}
    map_ = tmp_path / "map.json"
    map_.write_text(json.dumps({**rehearsed.json, "mapping": {"Wer": "name", "Büro": "details.phone:Work"}}))
    assert device("import", "-", "--map", str(map_), "--dry-run", typed=TABLE).out == (
        "The columns are (change it by --map):\n  Wer: name\n  Büro: details.phone:Work\nWould add 1 contact.\n"
    )
    assert device("import", "-", "--map", str(map_), typed=TABLE).out == "Added 1 contact.\n"
    contact = device("show", "Ada King", "--json").json
    assert (contact["phone"], contact["phone_label"]) == ("555 0100", "Work")
    again = device("import", "-", "--json", typed=TABLE.replace("Ada", "Bo"))
    assert (again.json["added"], again.json["mapping"]["Wer"]) == (1, "name")
    map_.write_text('{"Wer": "company"}')
    device("import", "-", "--map", str(map_), typed=TABLE.replace("Ada", "Cy"))
    assert device("import", "-", "--dry-run", "--json", typed=TABLE).json["mapping"]["Wer"] == "company"


@pytest.mark.parametrize("mapping", ["", "{", "[]", '{"Wer": "nam"}', '{"Wen": "name"}', '{"Büro": "title"}'])
def test_a_mapping_that_does_not_fit_is_a_wrong_command_line(device: Device, tmp_path: Path, mapping: str) -> None:
    (tmp_path / "map.json").write_text(mapping)
    answer = device("import", "-", "--map", str(tmp_path / "map.json"), "--json", typed=TABLE)
    assert (answer.code, answer.json["error"]) == (2, "bad_mapping")
    assert device("list", "--json").json == []


def test_a_table_that_says_nothing_is_refused_and_its_columns_are_told(device: Device) -> None:
    typed = "Wer,Wo\nAda King,London\n"
    answer = device("import", "-", typed=typed)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("offbook: No column of this file is known to hold names")
    rehearsed = device("import", "-", "--dry-run", typed=typed)
    assert (rehearsed.code, "  Wo: details.custom:Wo\n" in rehearsed.out) == (1, True)


def test_what_only_programs_read_of_a_card_is_not_shown(device: Device) -> None:
    parameters = "TEL;TYPE=VOICE;PID=1.1:1\nitem1.EMAIL;LANGUAGE=de:a@x.example\nitem1.X-ABUID:u\nGENDER:F\n"
    device("import", "-", typed=CARDS.replace("ORG:Engines\n", parameters))
    shown = device("show", "Ada Lovelace").out
    assert not [text for text in ("@GROUP", "item1", "[[", "ABUID") if text in shown]
    assert [text in shown for text in ("language de", "Gender: F")] == [True, True]


def test_several_files_are_imported_and_who_changed_gets_what_is_new(device: Device, tmp_path: Path) -> None:
    (tmp_path / "a.vcf").write_text(CARDS)
    newer = CARDS.replace("UID:ada\n", "").replace("ORG:Engines\n", "TITLE:Countess\n")
    (tmp_path / "b.vcf").write_text(newer)
    first, second = device("import", str(tmp_path / "a.vcf"), str(tmp_path / "b.vcf"), "--json").json
    assert (first["added"], second["changed"], second["added"]) == (1, 1, 0)
    contact = device("show", "Ada Lovelace", "--json").json
    assert (contact["company"], contact["title"]) == ("Engines", "Countess")


@pytest.mark.parametrize(("choice", "count"), [("keep", 2), ("merge", 1), ("skip", 1)])
def test_who_may_be_somebody_else_is_for_the_user_to_decide(device: Device, choice: str, count: int) -> None:
    device("add", "Ada Lovelace", "--title", "Countess")
    answer = device("import", "-", "--on-duplicate", choice, typed=CARDS)
    assert "1 may be one that is here: see --on-duplicate." in answer.out
    assert len(device("list", "--json").json) == count


def test_an_export_says_what_it_leaves_out(device: Device, tmp_path: Path) -> None:
    device("add", "Ada Lovelace", "--role", "countess")
    assert device("export", str(tmp_path / "out.csv")).out.splitlines()[1] == (
        "1 value of them stayed out: google has no place for such."
    )


def test_an_export_for_a_spreadsheet_executes_nothing(device: Device, tmp_path: Path) -> None:
    device("add", "Ada Lovelace", "--notes", "=1+1", "--phone", "+49 30 1234567")
    plain = device("export", str(tmp_path / "plain.csv"))
    assert plain.out.splitlines()[1:] == [
        "Some cells begin as formulas do, and are as they stand in the book: see --spreadsheet."
    ]
    harmless = device("export", str(tmp_path / "harmless.csv"), "--spreadsheet")
    assert harmless.out == f"Wrote 1 contact to {tmp_path}/harmless.csv.\n"
    text = (tmp_path / "harmless.csv").read_bytes().decode()
    assert text == device("export", "--spreadsheet").out
    assert ("'=1+1" in text, "'+49" in text, text[0]) == (True, True, "\ufeff")
    assert device("export", "--spreadsheet", "--format", "vcard4").code == 2


def test_an_export_imports_as_the_same_contacts(device: Device, tmp_path: Path) -> None:
    device("add", "Ada Lovelace", "--detail", "phone:boat=555", "--starred")
    answer = device("export", str(tmp_path / "out.csv"))
    assert (answer.code, answer.out) == (0, f"Wrote 1 contact to {tmp_path}/out.csv.\n")
    text = device("export").out
    assert text.encode() == (tmp_path / "out.csv").read_bytes()
    other = Device(tmp_path / "other.db")
    assert other("import", "-", typed=text).code == 0
    assert other("export").out == text
    assert [contact["name"] for contact in device("export", "--json").json] == ["Ada Lovelace"]


FATTEN = """WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
  INSERT INTO contacts (name, notes) SELECT 'Contact ' || i, hex(zeroblob(2000)) FROM n"""


def test_an_export_that_fails_leaves_the_old_file_and_names_it(device: Device, tmp_path: Path) -> None:
    ask_sql(device, FATTEN)
    out = tmp_path / "out.csv"
    out.write_text("the old one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
    try:
        answer = device("export", str(out))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (answer.code, answer.err) == (1, f"offbook: {out}: File too large.\n")
    assert out.read_text() == "the old one"
    assert device("export", str(out)).code == 0
    assert out.stat().st_size > 500_000
    assert sorted(file.name for file in tmp_path.iterdir()) == ["book.db", "out.csv"]


def test_an_export_is_for_those_who_may_read_the_book(device: Device, tmp_path: Path) -> None:
    device("add", "Ada")
    fresh, wide, narrow = (tmp_path / name for name in ("fresh.csv", "wide.csv", "narrow.csv"))
    wide.touch(0o666)
    narrow.touch(0o600)
    device.file.chmod(0o640)
    modes = []
    for file in (fresh, wide, narrow):
        assert device("export", str(file)).code == 0
        modes.append(stat.S_IMODE(file.stat().st_mode))
    assert modes == [0o640, 0o640, 0o600]


def test_an_export_goes_where_a_link_leads(device: Device, tmp_path: Path) -> None:
    device("add", "Ada")
    (tmp_path / "elsewhere").mkdir()
    real, link = tmp_path / "elsewhere" / "real.csv", tmp_path / "link.csv"
    link.symlink_to(real)
    for _ in range(2):  # a link that leads nowhere yet, and one to a file
        assert device("export", str(link)).code == 0
        assert link.is_symlink()
        assert real.read_bytes() == device("export").out.encode()
        assert [file.name for file in real.parent.iterdir()] == ["real.csv"]


@pytest.mark.parametrize("name", ["book.db", "book.db-wal", "book.db-journal", "link.csv", "twin.csv"])
def test_an_export_never_takes_the_place_of_the_book(device: Device, tmp_path: Path, name: str) -> None:
    device("add", "Ada")
    (tmp_path / "link.csv").symlink_to(device.file)
    (tmp_path / "twin.csv").hardlink_to(device.file)
    with closing(sqlite3.connect(device.file)) as other:  # has the log beside the book
        other.execute("SELECT count(*) FROM contacts").fetchone()
        answer = device("export", str(tmp_path / name))
    assert (answer.code, answer.out) == (2, "")
    assert "is the book itself" in answer.err
    assert [contact["name"] for contact in device("list", "--json").json] == ["Ada"]


def test_a_file_that_may_not_be_written_is_not_replaced(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out.csv").write_text("theirs")
    (tmp_path / "out.csv").chmod(0o400)
    access = os.access  # for the superuser, who runs tests in containers, nothing is forbidden
    monkeypatch.setattr("os.access", lambda path, mode: access(path, mode) and bool(os.stat(path).st_mode & 0o200))
    answer = device("export", str(tmp_path / "out.csv"))
    assert (answer.code, answer.err) == (1, f"offbook: {tmp_path}/out.csv: Permission denied.\n")
    assert (tmp_path / "out.csv").read_text() == "theirs"


@pytest.mark.parametrize("name", [".", "no folder/out.csv", "loop.csv"])
def test_a_place_where_no_export_can_be_is_named(device: Device, tmp_path: Path, name: str) -> None:
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    answer = device("export", str(tmp_path / name))
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"offbook: {tmp_path / name}: ")
    assert answer.err.count("\n") == 1


def test_an_export_goes_into_a_pipe_and_a_device(device: Device, tmp_path: Path) -> None:
    device("add", "Ada")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with device.started("export", str(pipe)) as child:
        assert pipe.read_bytes() == device("export").out.encode()
        assert child.wait(60) == 0
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert device("export", os.devnull).code == 0
    answer = device("export", "/dev/full")
    assert (answer.code, answer.err) == (1, "offbook: /dev/full: No space left on device.\n")


def test_standard_output_may_be_named_like_a_file(device: Device, tmp_path: Path) -> None:
    device("add", "Ada")
    csv = device("export").out
    out = tmp_path / "out.csv"
    for name in ("/dev/stdout", str(out)):
        out.write_text("before\n")
        with out.open("a") as appending, device.started("export", name, stdout=appending) as child:
            assert child.wait(60) == 0
        assert out.read_bytes().decode() == "before\n" + csv


# --- log, parked, conflicts ------------------------------------------------------------------------------------------


def test_the_log_tells_the_last_changes(device: Device) -> None:
    assert device("log").out == "Nothing was changed on this device yet.\n"
    device("add", "Ada", "--phone", "1")
    device("add", "Bob")
    device("edit", "Ada", "--phone", "2")
    device("rm", "Bob")
    lines = [line.split()[2:] for line in device("log").out.splitlines()[1:]]
    assert lines == [
        ["waits", "add", "Ada", "name,", "phone,", "given_name"],
        ["waits", "add", "Bob", "name,", "given_name"],
        ["waits", "change", "Ada", "phone"],
        ["waits", "delete", "Bob"],
    ]
    assert [change["operation"] for change in device("log", "-n", "2", "--json").json] == ["UPDATE", "DELETE"]
    assert [change["operation"] for change in device("log", "Ada", "--json").json] == ["INSERT", "UPDATE"]


@pytest.fixture
def with_parked(offline: Device) -> Device:
    """A device with a change that no server would take, as another tool may write it."""
    # As after a first sync, and by this version: only then is anything sent.
    noted = "knew_at = 'e1.1', knew = substr(knows, instr(knows, ' ') + 1)"
    ask_sql(offline, f"UPDATE sync_state SET cursor = 'e1.1', {noted}")
    ask_sql(offline, "INSERT INTO contacts (name, phone) VALUES ('Ada', ?)", "5" * 500)
    assert offline("sync").code == 3
    return offline


def test_what_is_parked_is_listed_with_its_reason(with_parked: Device) -> None:
    (parked,) = with_parked("parked", "--json").json
    answer = with_parked("parked").out
    assert parked["detail"] in answer
    assert parked["change_id"][:8] in answer
    assert "Phone  5555" in answer
    assert "Parked     1: see `offbook parked`" in with_parked("status").out


def test_a_parked_change_is_sent_again_corrected(with_parked: Device) -> None:
    (parked,) = with_parked("parked", "--json").json
    refused = with_parked("parked", "retry", parked["change_id"], "--birthday", "nope")
    assert refused.code == 1
    answer = with_parked("parked", "retry", parked["change_id"][:4], "--phone", "555", "--detail", "phone:boat=556")
    assert answer.code == 0
    assert with_parked("parked").out == "Nothing is parked: every change could be sent.\n"
    contact = with_parked("show", "Ada", "--json").json
    assert contact["phone"] == "555"
    assert [entry["value"] for entry in contact["details"].values()] == ["556"]


def test_a_parked_change_is_given_up(with_parked: Device) -> None:
    (parked,) = with_parked("parked", "--json").json
    assert with_parked("parked", "drop", "nope").code == 1
    assert with_parked("parked", "drop", parked["change_id"]).code == 0
    assert with_parked("list", "--json").json == []


# --- conflicts, resolve, and what only the server knows --------------------------------------------------------------

CONFLICT = "c0000000-0000-4000-8000-00000000000"


@pytest.fixture
def contested(offline: Device) -> Device:
    """A device with a contact of which two cells wait for a person."""
    offline("add", "Ada", "--phone", "1", "--company", "A")
    ask_sql(offline, "UPDATE change_log SET synced = 1, seq = 5")
    by = '"ada", "laptop", "2026-11-20T17:00:00.000Z"'
    for number, cell in enumerate(("phone", "company")):
        data = f'{{"common": null, "ours": ["1", {by}], "theirs": ["2", "ada", null, null]}}'
        row = (f"{CONFLICT}{number}", offline.id_of("Ada"), cell, data)
        ask_sql(offline, "INSERT INTO conflicts VALUES (?, 'contacts', ?, ?, 6, ?)", *row)
    return offline


def test_conflicts_are_listed_with_both_versions_and_what_can_be_chosen(device: Device, contested: Device) -> None:
    answer = contested("conflicts").out
    assert f"{CONFLICT}0  Ada: Phone\n  began with  nothing\n" in answer
    assert "  ours        “1” from laptop (ada), 2026-11-20 17:00\n  theirs      “2” from ada\n" in answer
    assert "  choices     ours, theirs, both\n" in answer
    assert "  choices     ours, theirs\n" in answer
    assert [conflict["cell"] for conflict in contested("conflicts", "--json").json] == ["phone", "company"]
    assert "Conflicts  2: see `offbook conflicts`" in contested("status").out


def test_conflicts_are_decided_one_by_one_or_all_alike(contested: Device) -> None:
    decided = contested("resolve", f"{CONFLICT}0", "both")
    assert (decided.code, decided.out.splitlines()[0][:19]) == (0, "Decided: Ada, Phone")
    assert contested("resolve", f"{CONFLICT}1", "--value", "C", "--json").json == {"resolved": [f"{CONFLICT}1"]}
    contact = contested("show", "Ada", "--json").json
    assert (contact["phone"], contact["company"]) == ("1", "C")
    assert [entry["value"] for entry in contact["details"].values()] == ["2"]
    assert contested("conflicts").out == "No conflicts: nothing waits for a person to decide.\n"
    assert contested("resolve", "--all", "ours").out.startswith("No conflicts")


def test_all_conflicts_are_decided_alike(contested: Device) -> None:
    assert contested("resolve", "--all", "theirs").out.startswith("Decided 2 conflicts.")
    contact = contested("show", "Ada", "--json").json
    assert (contact["phone"], contact["company"]) == ("2", "2")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 2),
        ((f"{CONFLICT}0",), 2),
        ((f"{CONFLICT}0", "ours", "--value", "1"), 2),
        ((f"{CONFLICT}0", "--all", "ours"), 2),
        ((f"{CONFLICT}0", "mine"), 1),
        (("c0000", "ours"), 1),
        (("nope", "ours"), 1),
        (("--all", "both"), 1),
    ],
    ids=str,
)
def test_what_can_not_be_decided_says_why(contested: Device, words: tuple[str, ...], code: int) -> None:
    said = contested("resolve", *words)
    assert (said.code, said.err.count("\n"), len(contested("conflicts", "--json").json)) == (code, 1, 2)


@pytest.mark.parametrize(
    "words", [("history", "Ada"), ("explain", "Ada"), ("restore", "x", "--contact", "Ada"), ("plan",)]
)
def test_what_only_the_server_knows_waits_for_the_network(offline: Device, words: tuple[str, ...]) -> None:
    offline("add", "Ada")
    said = offline(*words)
    assert said.code == 3
    assert "can't be reached" in said.out + said.err


@pytest.mark.parametrize(
    "words", [(), ("x", "--at", "y"), ("--at", "y"), ("--at", "y", "--contact", "A", "--cell", "c")]
)
def test_a_restore_that_does_not_say_what_is_refused(offline: Device, words: tuple[str, ...]) -> None:
    assert offline("restore", *words).code == 2


# --- watch -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_watching_tells_what_happens_until_it_is_ended(offline: Device, ending: signal.Signals) -> None:
    with offline.watching("--json") as child:
        assert child.stdout is not None
        events = (json.loads(line) for line in child.stdout)
        assert next(events)["event"] == "watching"
        offline("add", "Ada")
        seen = [next(events) for _ in range(3)]
        assert {"added", "waiting", "offline"} == {event["event"] for event in seen}
        child.send_signal(ending)
        assert child.wait(60) == 0
        assert child.stderr is not None
        assert child.stderr.read() == ""


def test_what_happens_is_told_in_sentences(offline: Device) -> None:
    with offline.watching() as child:
        assert child.stdout is not None
        assert child.stdout.readline().endswith("Ctrl-C ends it.\n")
        offline("add", "Ada")
        answer = sorted(child.stdout.readline().split("  ", 1)[1] for _ in range(3))
        assert answer[:2] == ["1 change waits.\n", "Added: Ada\n"]
        assert re.match(r"Not connected; trying again in 0\.\d s\. http\S+ can't be reached", answer[2])
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
