"""Zips as files: what is written every program reads, and what is hostile is refused before it costs anything."""

from __future__ import annotations

import io
import os
import stat
import tracemalloc
import warnings
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.core.errors import Invalid, Malformed
from offbook.formats.archive.names import is_imported, is_ours
from offbook.formats.archive.zip_reading import ZipReader
from offbook.formats.archive.zip_writing import PIECE_BYTES, RATIO_MAX, ZipWriter, packed
from tests.formats.archive.zips import MOMENT, patched, zip_of

CENTRAL, LOCAL, END = b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"
TEXTS = st.lists(st.binary(max_size=200) | st.sampled_from([b"", b"a" * 40_000, os.urandom(300)]), max_size=6)


def written(*files: tuple[str, list[bytes]], stored: tuple[str, bytes] | None = None) -> bytes:
    out = io.BytesIO()
    zip_ = ZipWriter(out.write, MOMENT)
    for name, parts in files:
        zip_.deflate(name, parts)
    if stored is not None:
        zip_.store(*stored)
    zip_.close()
    return out.getvalue()


def read(data: bytes) -> dict[str, bytes]:
    zip_ = ZipReader(io.BytesIO(data), is_ours)
    return {name: b"".join(zip_.read(name)) for name in zip_.entries}


@given(TEXTS, st.binary(max_size=300))
def test_what_is_written_is_read_here_and_by_other_programs(parts: list[bytes], photo: bytes) -> None:
    photo_name = f"photos/{'0' * 64}.jpg"
    data = written(("contacts.jsonl", parts), ("trash.jsonl", []), stored=(photo_name, photo))
    files = {"contacts.jsonl": b"".join(parts), "trash.jsonl": b"", photo_name: photo}
    with zipfile.ZipFile(io.BytesIO(data)) as other:
        assert other.testzip() is None
        assert {name: other.read(name) for name in other.namelist()} == files
        assert other.infolist()[0].date_time == (2026, 11, 30, 12, 30, 0)
    assert read(data) == files


def test_files_of_other_programs_are_read_whether_packed_or_not() -> None:
    files = {"contacts.jsonl": b'{"id":1}\n' * 9, "labels.jsonl": b""}
    for is_packed in (True, False):
        assert read(zip_of(files, is_packed)).items() >= files.items()


def test_no_text_of_ours_is_packed_so_far_that_it_would_be_taken_for_a_bomb() -> None:
    for piece in (b"," * PIECE_BYTES, b"a", b"", os.urandom(1000), b'{"id":"x"}\n' * 9_999):
        assert len(packed(piece)) * RATIO_MAX >= len(piece)
    data = written(("contacts.csv", [b"," * 1000] * 20_000))
    assert read(data) == {"contacts.csv": b"," * 20_000_000}


def test_a_zip_of_more_files_than_its_end_can_count_is_read() -> None:
    names = [f"photos/{number:064x}.jpg" for number in range(70_000)]
    out = io.BytesIO()
    zip_ = ZipWriter(out.write, MOMENT)
    for name in names:
        zip_.store(name, b"x")
    zip_.close()
    with zipfile.ZipFile(out) as other:
        assert other.namelist() == names
    reader = ZipReader(out, is_ours)
    assert list(reader.entries) == names
    assert b"".join(reader.read(names[-1])) == b"x"


@pytest.mark.parametrize("is_packed", [True, False])
def test_what_no_zip_can_say_is_refused_when_it_is_written(monkeypatch: pytest.MonkeyPatch, is_packed: bool) -> None:
    monkeypatch.setattr("offbook.formats.archive.zip_writing.SIZE_MAX", 5_000)
    with pytest.raises(Invalid, match="4 GB of a zip"):
        written(("contacts.csv", [b"," * 6_000])) if is_packed else written(stored=("manifest.json", b"x" * 6_000))


# --- hostile ---------------------------------------------------------------------------------------------------------


def bomb() -> bytes:
    return zip_of({"contacts.jsonl": b"\0" * 10_000_000})


def twice() -> bytes:
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w") as zip_:
        warnings.simplefilter("ignore")
        zip_.writestr("contacts.jsonl", b"a")
        zip_.writestr("contacts.jsonl", b"b")
    return out.getvalue()


def linked() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zip_:
        link = zipfile.ZipInfo("contacts.jsonl")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        zip_.writestr(link, b"/etc/passwd")
    return out.getvalue()


def small(content: bytes = b"hello") -> bytes:
    return zip_of({"contacts.jsonl": content})


def overlapping() -> bytes:
    """The second file of the list begins where the first one does."""
    return patched(small(), CENTRAL, 42, "<I", 0, number=1)


def nested() -> bytes:
    return zip_of({"contacts.zip": small()})


HOSTILE = [
    ("bomb", bomb(), "unpacks to more than 20 times"),
    ("a gigabyte", patched(small(), CENTRAL, 24, "<I", 0x7FFFFFFF, number=1), "more than 20 times"),
    ("two of one name", twice(), "two files that are called 'contacts.jsonl'"),
    ("a link", linked(), "is a link"),
    ("overlapping", overlapping(), "lies where another file does"),
    ("nested", nested(), "holds another one"),
    ("encrypted", patched(small(), CENTRAL, 8, "<H", 1, number=1), "is encrypted"),
    ("packed otherwise", patched(small(), CENTRAL, 10, "<H", 12, number=1), "packed in a way"),
    ("outside", zip_of({"../contacts.jsonl": b"x"}), "like '../contacts.jsonl'"),
    ("absolute", zip_of({"/etc/passwd": b"x"}), "like '/etc/passwd'"),
    ("folder", zip_of({"photos/more/": b""}), "like 'photos/more/'"),
    ("cards", zip_of({"friends.vcf": b"x"}), "unpack it, and import that file"),
    ("Excel", zip_of({"xl/workbook.xml": b"x"}), "Excel"),
    ("cut", small()[:-5], "cut off"),
    ("cut in the list", small()[:-60], "cut off"),
    ("something behind it", small() + b"x", "cut off"),
    ("something before it", b"PK\x03\x04 and more" + small(), "damaged"),
    ("a list that is elsewhere", patched(small(), END, 16, "<I", 3), "damaged"),
    ("a wrong count", patched(small(), END, 10, "<H", 9), "damaged"),
    ("several disks", patched(small(), END, 4, "<H", 1), "damaged"),
    ("many files", patched(patched(small(), END, 10, "<H", 0xFFFF), END, 8, "<H", 0xFFFF), "damaged"),
    ("nothing", b"", "cut off"),
]


@pytest.mark.parametrize(("data", "sentence"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_a_hostile_zip_is_refused_by_its_list_in_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence) as caught:
        ZipReader(io.BytesIO(data), is_ours)
    assert caught.value.code in ("not_importable", "cut_off")
    assert str(caught.value).endswith(".")


LYING = [
    ("larger than it says", patched(small(b"x" * 90), CENTRAL, 24, "<I", 80, number=1)),
    ("smaller than it says", patched(small(b"x" * 90), CENTRAL, 24, "<I", 99, number=1)),
    ("another checksum", patched(small(), CENTRAL, 16, "<I", 1, number=1)),
    ("another name in its own header", small().replace(b"contacts.jsonl", b"contacts.JSONL", 1)),
    ("another packing in its own header", patched(small(), LOCAL, 8, "<H", 0, number=1)),
    ("encrypted by its own header", patched(small(), LOCAL, 6, "<H", 1, number=1)),
    ("no header", patched(small(), LOCAL, 0, "<I", 1, number=1)),
    ("packed bytes that are none", patched(small(), b"contacts.jsonl", 14, "<I", 0xFFFFFFFF)),
    ("packed bytes that end early", patched(small(b"x" * 90), CENTRAL, 20, "<I", 3, number=1)),
]


@pytest.mark.parametrize("data", [case[1] for case in LYING], ids=[case[0] for case in LYING])
def test_a_file_that_is_not_what_the_list_says_is_refused(data: bytes) -> None:
    zip_ = ZipReader(io.BytesIO(data), is_ours)
    with pytest.raises(Malformed, match="is not what the list of its files says"):
        list(zip_.read("contacts.jsonl"))


def test_files_that_are_unpacked_have_a_limit_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offbook.formats.archive.zip_reading.UNPACKED_BYTES_MAX", 100)
    data = zip_of({"history.jsonl": os.urandom(200), "contacts.jsonl": b"x" * 9})
    with pytest.raises(Malformed, match="more than 1 GB"):
        ZipReader(io.BytesIO(data), is_ours)
    reader = ZipReader(io.BytesIO(data), is_ours, is_imported)
    assert b"".join(reader.read("contacts.jsonl")) == b"x" * 9
    photos = zip_of({f"photos/{'ab' * 32}.jpg": os.urandom(200)}, packed=False)
    assert len(ZipReader(io.BytesIO(photos), is_ours).entries) == 2  # what is stored takes no more than the zip


def test_a_file_that_unpacks_without_end_costs_no_memory() -> None:
    """Its header says 100 bytes; of its ten million, one part is unpacked."""
    data = patched(bomb(), CENTRAL, 24, "<I", 100, number=1)
    zip_ = ZipReader(io.BytesIO(data), is_ours)
    tracemalloc.start()
    with pytest.raises(Malformed, match="is not what"):
        list(zip_.read("contacts.jsonl"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000


@pytest.mark.parametrize(("limit", "value"), [("ENTRIES_MAX", 300), ("LIST_BYTES_MAX", 9_999)])
def test_a_longer_list_than_may_be_is_not_read(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    data = zip_of({f"photos/{number:064x}.jpg": b"" for number in range(300)})
    monkeypatch.setattr(f"offbook.formats.archive.zip_reading.{limit}", value)
    with pytest.raises(Malformed, match="files: nothing was taken"):
        ZipReader(io.BytesIO(data), is_ours)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_byte_flipped_anywhere_is_noticed_or_changes_nothing(place: int, value: int) -> None:
    whole = small(b"hello " * 20)
    data = bytearray(whole)
    data[place % len(data)] = value
    with suppress(Malformed):
        assert read(bytes(data)) == read(whole)


@given(st.integers(0, 10_000))
def test_a_zip_that_is_cut_anywhere_is_refused(length: int) -> None:
    whole = small(b"hello " * 20)
    with pytest.raises(Malformed):
        read(whole[: length % len(whole)])
