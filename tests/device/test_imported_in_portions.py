"""A file that is longer than what is kept of one: it is read twice, and imported in portions, as a short one is."""

from __future__ import annotations

import tracemalloc
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from offbook import Replica
from offbook.cli.parser import parse
from offbook.transfer import reading
from tests.support.pictures import picture

PHOTO = f"PHOTO:data:image/jpeg;base64,{b64encode(picture('JPEG', 40, 30)).decode()}\n"


FIELDS = ("name", "phone", "email", "photo")


def card(name: str, more: str = "") -> str:
    return f"BEGIN:VCARD\nVERSION:4.0\nFN:{name}\n{more}END:VCARD\n"


def imported(path: Path, *files: str) -> tuple[list[Any], list[Any], int]:
    """What the command answers for these files, one after the other, who is there then, and how many batches it was."""
    answers = []
    with Replica(path.with_suffix(".db")) as book:
        for text in files:
            path.write_text(text)
            arguments = parse(["import", str(path), "--on-duplicate", "merge", "--label", "New"])
            answer = arguments.run(book, arguments).data
            answers.append({**answer, "batch": answer["batch"] is not None})
        rows = book.connection.execute("SELECT count(DISTINCT batch) FROM change_log").fetchone()
        people = [
            [*(contact[name] for name in FIELDS), sorted(map(str, contact["details"].values()))]
            for contact in book.contacts.list()
        ]
        return answers, people, rows[0]


FIRST = "".join(card(f"Ada {number}", f"TEL:+49 30 {number:07}\n{PHOTO * (number == 3)}") for number in range(5))
SECOND = "".join(
    card(f"Ada {number}", f"TEL:+49 30 {number:07}\nEMAIL:a{number}@x.example\nBDAY:x\n") for number in range(3, 8)
)


def test_it_is_as_if_it_were_imported_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = imported(tmp_path / "at_once.vcf", FIRST, SECOND, SECOND)
    monkeypatch.setattr(reading, "ITEMS_KEPT_MAX", 0)
    monkeypatch.setattr(reading, "IDS_PER_QUERY", 2)
    assert imported(tmp_path / "portions.vcf", FIRST, SECOND, SECOND) == at_once
    answers, people, batches = at_once
    assert [answer["added"] for answer in answers] == [5, 3, 0]
    assert answers[1]["changed"] == 2
    assert (len(people), batches) == (8, 2)
    assert sum(person[3] is not None for person in people) == 1


def test_a_row_that_was_read_by_a_wrong_mapping_is_corrected_by_the_right_one(tmp_path: Path) -> None:
    table, wrong, right = (tmp_path / name for name in ("table.csv", "wrong.json", "right.json"))
    table.write_text("Wer;Wo;Nr\nAda King;030 1234567;5\nBo;030 5556677;6\n")
    wrong.write_text('{"Wer": "company", "Wo": "name", "Nr": "details.phone:Work"}')
    right.write_text('{"Wer": "name", "Wo": "details.phone:Home", "Nr": ""}')
    with Replica(tmp_path / "book.db") as book:

        def changed(mapping: Path) -> tuple[int, int, int]:
            arguments = parse(["import", str(table), "--map", str(mapping), "--label", "New"])
            answer = arguments.run(book, arguments).data
            return answer["added"], answer["changed"], answer["already_here"]

        assert (changed(wrong), changed(wrong)) == ((2, 0, 0), (0, 0, 2))
        (bo,) = book.contacts.list(company="Bo")
        book.contacts.update(bo["id"], notes="mine")
        assert (changed(right), changed(right)) == ((0, 1, 1), (0, 0, 2))
        (ada,) = book.contacts.list(name="Ada King")
        assert (ada["company"], ada["phone"], ada["phone_label"]) == (None, "030 1234567", "Home")
        assert [entry["value"] for entry in ada["details"].values()] == ["New"]
        assert book.contacts.get(bo["id"])["company"] == "Bo"


def test_a_book_is_matched_some_contacts_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notes of the book alone are ten megabytes."""
    monkeypatch.setattr(reading, "IDS_PER_QUERY", 20)
    path = tmp_path / "one.vcf"
    path.write_text(card("Ada 7"))
    with Replica(tmp_path / "book.db") as book:
        with book.batch():
            for number in range(1_000):
                book.contacts.add(name=f"Ada {number}", notes="x" * 10_000)
        arguments = parse(["import", str(path), "--dry-run"])
        arguments.run(book, arguments)
        tracemalloc.start()
        try:
            assert arguments.run(book, arguments).data["doubtful"] == 1
            assert tracemalloc.get_traced_memory()[1] < 4_000_000
        finally:
            tracemalloc.stop()


def test_what_is_long_is_not_kept_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The notes alone are ten megabytes, and sixteen were taken to keep them all."""
    monkeypatch.setattr(reading, "ITEMS_KEPT_MAX", 20)
    monkeypatch.setattr(reading, "IDS_PER_QUERY", 10)
    path = tmp_path / "long.vcf"
    path.write_text("".join(card(f"Ada {number}", f"NOTE:{'x' * 10_000}\n") for number in range(1_000)))
    arguments = parse(["import", str(path), "--dry-run"])
    with Replica(tmp_path / "book.db") as book:
        arguments.run(book, arguments)  # what is loaded for it counts once
        tracemalloc.start()
        try:
            assert arguments.run(book, arguments).data["added"] == 1_000
            assert tracemalloc.get_traced_memory()[1] < 8_000_000
        finally:
            tracemalloc.stop()
