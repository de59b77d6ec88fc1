"""`offbook tables` and `offbook table`: the records of any table, by the declaration that lies in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from offbook import Replica
from offbook.database.local_changes import change_log
from offbook.tables import Choice, Date, Flag, Integer, Json, Map, Number, Ref, Table, Text
from tests.support.cli_runner import Device

notebooks = Table("notebooks", Text("name", required=True), key="name", singular="notebook")
notes = Table(
    "notes",
    Text("title", required=True),
    Text("body", heading="What it says"),
    Flag("done"),
    Date("due"),
    Choice("priority", ("low", "high")),
    Integer("page_count"),
    Number("price"),
    Json("extra"),
    Ref("notebook", "notebooks", gone="clear"),
    Text("old", retired=True),
    Text("json"),
    Map("tags", Text("tag", required=True), Number("weight")),
    shows=("title", "due", "notebook"),
    order=("title",),
)
numbers = Table("numbers", Integer("number"), Map("parts", Integer("part")))


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    for name in ("OFFBOOK_DB", "OFFBOOK_TOKEN", "OFFBOOK_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """A device with the file of an app, of which no code is there any more."""
    Replica(tmp_path / "book.db", tables=(notebooks, notes, numbers)).close()
    return Device(tmp_path / "book.db")


@pytest.fixture
def milk(device: Device) -> str:
    """The id of a note with everything."""
    assert device("table", "notebooks", "add", "Home").code == 0
    words = ["--body", "two\nlines", "--due", "2026-11-20", "--notebook", "Home", "--page-count", "0", "--price", "1.5"]
    more = ["--extra", '{"a": [1, "é"]}', "--tags", "shop", "--tags", "tag=dairy; weight=2", "--set", "json=of a field"]
    said = device("table", "notes", "add", "Milk", "--done", *words, *more, "--json")
    assert said.code == 0, said.err
    return str(said.json["id"])


def test_tables_are_listed_with_their_columns_and_counts(device: Device, milk: str) -> None:
    said = device("tables")
    assert [line.split()[:2] for line in said.out.splitlines()] == [
        ["TABLE", "RECORDS"],
        ["contacts", "0"],
        ["labels", "0"],
        ["notebooks", "1"],
        ["notes", "1"],
        ["numbers", "0"],
    ]
    listed = {table["name"]: table for table in device("tables", "--json").json}
    assert listed["notebooks"]["key"] == "name"
    assert listed["notes"]["records"] == 1


def test_a_record_is_added_with_values_of_every_type(device: Device, milk: str) -> None:
    record = device("table", "notes", "show", milk, "--json").json
    home = device("table", "notebooks", "show", "Home", "--json").json["id"]
    expected = {
        "title": "Milk",
        "body": "two\nlines",
        "done": True,
        "due": "2026-11-20",
        "priority": None,
        "page_count": 0,
        "price": 1.5,
        "extra": {"a": [1, "é"]},
        "notebook": home,
        "json": "of a field",
    }
    assert {name: record[name] for name in expected} == expected
    tags = sorted(record["tags"].values(), key=str)
    assert tags == [{"tag": "dairy", "weight": 2.0}, {"tag": "shop"}]


def test_a_record_is_shown_in_words(device: Device, milk: str) -> None:
    lines = device("table", "notes", "show", "Milk").out.splitlines()
    assert lines[0].split() == ["Title", "Milk"]
    shown = {line[:13].strip(): line[14:].strip() for line in lines}
    assert shown["What it says"] == "two"
    assert shown["Done"] == "yes"
    assert shown["Page count"] == "0"
    assert shown["Extra"] == '{"a": [1, "é"]}'
    assert shown["Notebook"].startswith("Home (")
    assert "Old" not in shown
    assert any("dairy, weight 2.0 [" in line for line in lines)


def test_a_list_has_what_the_table_shows(device: Device, milk: str) -> None:
    device("table", "notes", "add", "Apple")
    head, apple, first = device("table", "notes", "list").out.splitlines()
    assert head.split() == ["ID", "TITLE", "DUE", "NOTEBOOK"]
    assert apple.split()[1:] == ["Apple"]
    assert first.split()[1:4] == ["Milk", "2026-11-20", "Home"]
    for words in (["milk"], ["--search", "MILK"], ["--notebook", "Home"], ["--done"], ["--page-count", "0"]):
        assert [note["title"] for note in device("table", "notes", "list", *words, "--json").json] == ["Milk"], words
    assert [note["title"] for note in device("table", "notes", "list", "--limit", "1", "--json").json] == ["Apple"]
    assert device("table", "notes", "list", "zebra").out == "Nothing in notes is like that.\n"
    assert device("table", "numbers", "list").out.startswith("Nothing in numbers yet: `offbook table numbers add`")


def test_an_edit_changes_what_is_named(device: Device, milk: str) -> None:
    tags = device("table", "notes", "show", milk, "--json").json["tags"]
    (shop,) = (key for key, entry in tags.items() if entry["tag"] == "shop")
    words = ["--no-done", "--due", "", "--notebook", "", "--body", "", "--remove-tags", shop, "--extra", "false"]
    assert device("table", "notes", "edit", "Milk", *words).out == f"Changed Milk ({milk[:8]}).\n"
    record = device("table", "notes", "show", milk, "--json").json
    assert [record[name] for name in ("done", "due", "notebook", "body", "extra")] == [False, None, None, None, False]
    assert [entry["tag"] for entry in record["tags"].values()] == ["dairy"]
    said = device("table", "notes", "edit", milk)
    assert (said.code, "table notes edit --help" in said.err) == (2, True)


def test_records_are_deleted_all_or_none(device: Device, milk: str) -> None:
    device("table", "notes", "add", "Apple")
    assert device("table", "notes", "rm", "Apple", "nobody").code == 1
    said = device("table", "notes", "rm", "Apple", milk[:8], "--json")
    assert [one["name"] for one in said.json["deleted"]] == ["Apple", "Milk"]
    device("table", "notebooks", "rm", "Home")
    assert device("table", "notebooks", "list", "--json").json == []


WRONG: dict[str, tuple[list[str], int, str]] = {
    "a table that is none": (["nothing", "list"], 1, "no table 'nothing'. It has contacts, labels, notebooks, notes"),
    "an action that is none": (["notes", "bake"], 2, "invalid choice: 'bake'"),
    "no action": (["notes"], 2, "ACTION"),
    "an option that is none": (["notes", "add", "--color", "red"], 2, "`offbook table notes add --help` tells more"),
    "a retired field": (["notes", "add", "x", "--old", "y"], 2, "unrecognized arguments: --old"),
    "no whole number": (["notes", "add", "x", "--page-count", "y"], 2, "'y' is not a whole number"),
    "no number": (["notes", "add", "x", "--price", "y"], 2, "'y' is not a number"),
    "no JSON": (["notes", "add", "x", "--extra", "{"], 2, "'{' is not JSON"),
    "no number in an entry": (["notes", "add", "x", "--tags", "tag=a; weight=b"], 2, "'b' is not a number"),
    "a choice that is none": (["notes", "add", "x", "--priority", "urgent"], 1, "priority must be one of low, high"),
    "no name": (["notes", "add"], 1, "title is needed"),
    "a reference to nobody": (["notes", "add", "x", "--notebook", "Work"], 1, "no notebook with the id or name “Work”"),
    "a record that is none": (
        ["notes", "show", "Bread"],
        1,
        "no record with the id or title “Bread”",
    ),
    "a field that is none": (["notes", "add", "x", "--set", "color=red"], 2, "not FIELD=VALUE with a field of notes"),
    "a flag that is none": (
        ["notes", "add", "x", "--set", "done=maybe"],
        2,
        "--set done: 'maybe' is not true or false",
    ),
    "a key that is there": (["notebooks", "add", "HOME"], 1, "notebooks has a notebook already whose name is 'HOME'"),
    "an entry that is none": (["notes", "edit", "Milk", "--remove-tags", "x"], 1, "no entry of tags with the key 'x'"),
}


@pytest.mark.parametrize(("words", "code", "sentence"), WRONG.values(), ids=WRONG)
def test_what_can_not_be_is_told_in_a_sentence(
    words: list[str], code: int, sentence: str, device: Device, milk: str
) -> None:
    said = device("table", *words)
    assert (said.code, sentence in said.err) == (code, True), said.err


@pytest.mark.parametrize("words", [["--json", "table", "notes", "list"], ["table", "--json", "notes", "list"]])
def test_options_of_every_command_may_stand_anywhere(words: list[str], device: Device, milk: str) -> None:
    assert device(*words).json[0]["id"] == milk
    assert device("table", "notes", "list", "--db", str(device.file), "--json").json[0]["id"] == milk


def test_help_tells_what_a_record_has(device: Device) -> None:
    said = device("table", "notes", "add", "--help")
    assert said.code == 0
    for text in (
        "--page-count INTEGER",
        "--done, --no-done",
        "Priority (low, high)",
        "Notebook (of notebooks)",
        "--tags",
    ):
        assert text in said.out
    assert "--old" not in said.out


def test_a_table_without_text_is_a_table_too(device: Device) -> None:
    said = device("table", "numbers", "add", "--number", "5", "--parts", "7", "--json")
    assert list(said.json["parts"].values()) == [{"part": 7}]
    assert device("table", "numbers", "show", said.json["id"][:8]).out.split()[:2] == ["Number", "5"]
    assert device("table", "numbers", "rm", said.json["id"]).out == f"Deleted ({said.json['id'][:8]}).\n"


def test_contacts_are_a_table_like_others(device: Device) -> None:
    assert device("table", "contacts", "add", "Ada", "--phone", "1").code == 0
    assert device("show", "Ada", "--json").json["phone"] == "1"


# --- what other commands say of tables -----------------------------------------------------------------------------


def test_the_log_names_the_table(device: Device, milk: str) -> None:
    device("add", "Ada")
    device("table", "notes", "rm", "Milk")
    rows = [line.split()[2:] for line in device("log").out.splitlines()]
    assert rows[0] == ["DID", "RECORD", "CELLS"]
    assert [row[1:4] for row in rows[1:]] == [
        ["add", "notebooks:", "Home"],
        ["add", "notes:", "Milk"],
        ["add", "Ada", "name,"],
        ["delete", "notes:", "Milk"],
    ]


def test_the_status_counts_the_records_of_each_table(device: Device, milk: str) -> None:
    assert "with 1 in notebooks, 1 in notes, 0 in numbers" in device("status").out
    assert device("status", "--json").json["records"] == {"notebooks": 1, "notes": 1, "numbers": 0}
    device("add", "Ada")
    assert "with 1 contact, 1 in notebooks" in device("status").out


def park(device: Device, milk: str) -> None:
    with Replica(device.file) as book:
        book.connection.execute("UPDATE notes SET page_count = 'many' WHERE id = ?", (milk,))
        (last,) = book.connection.execute("SELECT max(id) FROM change_log").fetchone()
        why = "synced = 2, code = 'wrong_type', detail = 'page_count must be a whole number.'"
        book.connection.execute(f"UPDATE change_log SET {why} WHERE id = ?", (last,))


def test_what_is_parked_names_its_table_and_goes_out_again_corrected(device: Device, milk: str) -> None:
    park(device, milk)
    said = device("parked")
    assert "change notes: Milk" in said.out
    assert "Page count" in said.out
    (change,) = device("parked", "--json").json
    assert device("parked", "retry", change["change_id"], "--set", "color=red").code == 2
    assert device("parked", "retry", change["change_id"], "--set", "page_count=7").code == 0
    assert device("table", "notes", "show", milk, "--json").json["page_count"] == 7
    with Replica(device.file) as book:
        last: Any = change_log.pending_lines(book.connection)[-1]
        assert (last.table, last.data) == ("notes", {"page_count": 7})


def test_references_that_lead_nowhere_are_counted(device: Device, milk: str) -> None:
    with Replica(device.file) as book:
        assert book.dangling_references() == {}
        with change_log.without_logging(book.connection):
            book.connection.execute("DELETE FROM notebooks")
        assert book.dangling_references() == {"notes.notebook": 1}
    assert "(not here)" in device("table", "notes", "show", milk).out
