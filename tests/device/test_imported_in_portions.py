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
