"""The process that reads long files of contacts: it reads what the server would, within limits, and ends with it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from base64 import b64encode
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import pytest

from offbook.core.errors import Malformed
from offbook.core.pictures import sha256_of
from offbook.formats.archive.writing import Photo
from offbook.formats.contents import read_items
from offbook.formats.messages import TOO_DEMANDING
from offbook.formats.registry import FORMATS
from offbook.formats.table_mapping import choose_mapping
from storage.children import reading
from storage.children.command import Limits
from storage.children.reading import read_apart
from tests.formats.archive.zips import ADA, BO, archive_of
from tests.support.pictures import picture
from tests.support.polling import wait_until

ROOT = Path(__file__).parents[2]
PHOTO = f"PHOTO:data:image/jpeg;base64,{b64encode(picture('JPEG', 40, 30)).decode()}\n"
CARDS = "".join(f"BEGIN:VCARD\nVERSION:4.0\nFN:Ada {number}\n{PHOTO}BDAY:x\nEND:VCARD\n" for number in range(250))
GOOGLE = "First Name,Phone 1 - Label,Phone 1 - Value\nAda,Home,1\n,,\nBo,Work,2\n"
TABLE = "Who,Phone\nAda King,030 1\nGrace Hopper,030 2\n"
RED = picture()
BOOK = archive_of(
    [{"id": ADA, "name": "Ada", "photo": sha256_of(RED), "details": {}}],
    [{"id": BO, "name": "Bo"}],
    [{"id": ADA, "name": "Friends"}],
    photos=[Photo(sha256_of(RED), "image/jpeg", RED)],
)
LONG_LINE = (
    "BEGIN:VCARD\nVERSION:2.1\nN:King;Ada\nNOTE;ENCODING=QUOTED-PRINTABLE:" + "=41" * 3_000_000 + "\nEND:VCARD\n"
)


@pytest.fixture(autouse=True)
def nothing_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "SHORT_BYTES", 0)


def children() -> set[str]:
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


@pytest.mark.parametrize(
    "content",
    [CARDS.encode(), GOOGLE.encode(), TABLE.encode(), BOOK],
    ids=["cards", "google", "table", "book"],
)
def test_it_reads_what_the_server_would(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with path.open("rb") as stored:
        files: tuple[BinaryIO, ...] = (stored, io.BytesIO(content))
        for file in files:
            table = choose_mapping(file, "", None, lambda _: None)
            items = list(read_apart(file, None, table))
            assert items == list(read_items(file, None, table))
            assert len(items) > 1


def test_what_is_no_such_file_is_told_in_the_same_sentence() -> None:
    for text in ("<!doctype html>", "BEGIN:VCARD\nVERSION:4.0\nFN:Ada\n"):
        sentences = []
        for read in (read_items, read_apart):
            with pytest.raises(Malformed) as error:
                list(read(io.BytesIO(text.encode()), FORMATS["google"], None))
            sentences.append((error.value.code, str(error.value)))
        assert sentences[0] == sentences[1]


@pytest.mark.parametrize("limits", [Limits(48 * 1024**2, 60), Limits(1024**2, 60)], ids=["reading", "starting"])
def test_one_that_takes_too_much_is_told_in_a_sentence(limits: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LIMITS", limits)
    with pytest.raises(Malformed) as error:
        list(read_apart(io.BytesIO(LONG_LINE.encode()), None, None))
    assert error.value.fault.message == TOO_DEMANDING
    assert not children()


@pytest.mark.large
def test_a_long_line_is_read_within_the_limits() -> None:
    (item,) = read_apart(io.BytesIO(LONG_LINE.encode()), None, None)
    assert item.contact is not None
    assert item.contact["name"] == "Ada King"


def test_who_reads_no_further_leaves_no_process_behind() -> None:
    items = read_apart(io.BytesIO(CARDS.encode()), None, None)
    assert len(list(islice(items, 2))) == 2
    assert len(children()) == 1
    items.close()  # type: ignore[attr-defined]
    assert not children()


PROGRAM = """
import io, sys
from pathlib import Path
from storage.children import reading
reading.SHORT_BYTES = 0
cards = "".join(f"BEGIN:VCARD\\nVERSION:4.0\\nFN:Ada {number}\\nEND:VCARD\\n" for number in range(9000))
items = reading.read_apart(io.BytesIO(cards.encode()), None, None)
next(items)
print(Path(f"/proc/self/task/{__import__('os').getpid()}/children").read_text(), flush=True)
sys.stdin.read()
"""


def test_it_ends_with_the_server() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        child = int(server.stdout.readline())
        os.kill(child, 0)
        server.kill()
    wait_until(lambda: not _is_running(child))


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
