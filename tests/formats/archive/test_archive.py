"""A book as a zip: what it holds comes back whole, and what can't be taken is told by file and line."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import is_empty
from offbook.core.errors import Malformed
from offbook.core.pictures import sha256_of
from offbook.formats.archive import reading, writing
from offbook.formats.archive.writing import ArchiveSource, Photo, write_archive
from offbook.formats.google_csv import writing as google_writing
from offbook.formats.registry import ARCHIVE, FORMATS, recognize
from offbook.formats.values import Contact
from tests.formats.archive.zips import ADA, BO, MOMENT, Archive, archive_of, read_archive, zip_of
from tests.formats.vcard_strategies import contacts
from tests.support.pictures import picture

ONE = {"id": ADA, "name": "Ada", "details": {}}


def read(data: bytes) -> Archive:
    return read_archive(data)


def filled(contact: Contact) -> dict[str, Any]:
    return {name: value for name, value in contact.items() if not is_empty(value)}


@given(st.lists(contacts(), max_size=3, unique_by=lambda contact: contact["id"]))
def test_contacts_come_back_as_they_were(book: list[Contact]) -> None:
    archive = read(archive_of(book))
    assert [filled(item.contact or {}) for item in archive.contacts] == [filled(contact) for contact in book]
    assert archive.problems == []


def test_trash_labels_photos_and_the_other_files_are_there() -> None:
    photo, small = picture("PNG"), picture("JPEG", 1, 1)
    sha256 = sha256_of(photo)
    data = archive_of(
        [{**ONE, "photo": sha256}],
        [{"id": BO, "name": "Bo", "deleted_at": "2026-11-30T10:00:00.000Z"}],
        [{"id": "11111111-1111-4111-8111-111111111111", "name": "Club"}],
        [{"table": "contacts", "record_id": ADA, "id": "c", "data": {"name": "Ada"}}],
        [Photo(sha256, "image/png", photo), Photo(sha256, "image/jpeg", small, is_thumbnail=True)],
    )
    archive = read(data)
    assert [item.contact and item.contact["name"] for item in (*archive.contacts, *archive.trash)] == ["Ada", "Bo"]
    assert archive.labels == [{"id": "11111111-1111-4111-8111-111111111111", "name": "Club"}]
    assert dict(archive.photos) == {sha256: photo}
    assert dict(archive.thumbnails) == {sha256: small}
    with zipfile.ZipFile(io.BytesIO(data)) as zip_:
        assert json.loads(zip_.read("manifest.json"))["version"] == 1
        assert json.loads(zip_.read("history.jsonl"))["record_id"] == ADA
        assert b"PHOTO:data:image/png" in zip_.read("contacts.vcf")
        (table,) = FORMATS["google"].read(io.BytesIO(zip_.read("contacts.csv")))
        assert table.contact is not None
        assert table.contact["name"] == "Ada"


def test_the_table_of_a_zip_is_the_one_that_is_exported_alone() -> None:
    book = [{**ONE, "phone": "1", "details": {"k": {"kind": "phone", "value": "2"}}}, {**ONE, "id": BO, "notes": "x"}]
    assert "".join(google_writing.write_in_parts(book)) == google_writing.write(book)
    assert "".join(google_writing.write_in_parts([])) == google_writing.write([])


def test_a_zip_is_a_format_and_known_by_its_first_file() -> None:
    data = archive_of([ONE])
    assert recognize(data[:4096]) is FORMATS[ARCHIVE]
    (item,) = FORMATS[ARCHIVE].read(io.BytesIO(data))
    assert item.contact == {**ONE}


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"xl/workbook.xml": b"x"}, "Excel"),
        ({"[Content_Types].xml": b"x"}, "Excel"),
        ({"friends.vcf": b"x"}, "This is a zip that holds 'friends.vcf': unpack it, and import that file"),
        ({"cats.txt": b"x"}, "no export of a book, but a zip of other files, like 'cats.txt'"),
    ],
)
def test_a_zip_of_something_else_is_refused_by_what_is_seen_in_it(files: dict[str, bytes], sentence: str) -> None:
    data = zip_of(files)
    other = data[data.index(b"PK\x03\x04", 4) :]  # without the manifest in front
    with pytest.raises(Malformed, match=sentence.replace("[", r"\[")):
        recognize(other[:4096])


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (b"", "none of an export"),
        (b"[]", "none of an export"),
        (b'{"form": "other", "version": 1}', "none of an export"),
        (b'{"form": "offbook-contacts", "version": true}', "none of an export"),
        (b'{"form": "offbook-contacts", "version": 2}', "newer version"),
        (b" " * 70_000, "most"),
    ],
)
def test_a_zip_of_another_form_is_refused(manifest: bytes, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence):
        read(zip_of({"manifest.json": manifest}, packed=False))


def test_a_zip_without_a_manifest_is_refused() -> None:
    data = archive_of([ONE]).replace(b"manifest.json", b"contacts.vcf\0")
    with pytest.raises(Malformed):
        read(data)
    cards = zip_of({"manifest.json": b"", "contacts.vcf": b"x"}).replace(b"manifest.json", b"history.jsonl")
    with pytest.raises(Malformed, match="no manifest.json"):
        read(cards)


BAD_LINES: list[tuple[Any, list[tuple[str, str]], bool]] = [
    ("no JSON", [("contacts.jsonl", "bad_row")], False),
    ([1], [("contacts.jsonl", "bad_row")], False),
    ({"id": "x", "name": "Ada"}, [("contacts.jsonl", "bad_row")], False),
    ({"id": ADA}, [("contacts.jsonl", "bad_row")], False),
    ({"id": ADA, "name": 5}, [("contacts.jsonl: name", "wrong_type"), ("contacts.jsonl", "bad_row")], False),
    ({"id": ADA, "name": "Ada", "email": ["x"]}, [("contacts.jsonl: email", "wrong_type")], True),
    ({"id": ADA, "name": "Ada", "wings": 2}, [("contacts.jsonl: wings", "unknown_cell")], True),
    ({"id": ADA, "name": "Ada", "notes": "x" * 20_001}, [("contacts.jsonl: notes", "too_long")], True),
    ({"id": ADA, "name": "Ada", "details": 5}, [("contacts.jsonl: details", "wrong_type")], True),
    ({"id": ADA, "name": "Ada", "details": {"k": 5}}, [("contacts.jsonl: details/k", "wrong_type")], True),
    ({"id": ADA, "name": "Ada", "details": {"k": None}}, [("contacts.jsonl: details/k", "missing")], True),
    ({"id": ADA, "name": "Ada", "details": {"k": {"value": "1"}}}, [("contacts.jsonl: details/k", "missing")], True),
    ({"id": ADA, "name": "Ada", "details": {"k ": {"kind": "url"}}}, [("contacts.jsonl: details/k ", "bad_key")], True),
]  # fmt: skip


@pytest.mark.parametrize(("line", "problems", "is_taken"), BAD_LINES)
def test_what_can_not_be_taken_is_told_and_the_rest_goes_on(
    line: Any, problems: list[tuple[str, str]], is_taken: bool
) -> None:
    text = line if isinstance(line, str) else json.dumps(line)
    content = f'{text}\n\n{{"id": "{BO}", "name": "Bo"}}'
    archive = read(zip_of({"contacts.jsonl": content.encode()}, packed=False))
    assert archive.problems == [(1, column, code) for column, code in problems]
    taken = [item.contact["id"] for item in archive.contacts if item.contact]
    assert taken == [ADA, BO] if is_taken else [BO]


def test_a_record_that_stands_twice_is_taken_once() -> None:
    line = json.dumps(ONE).encode() + b"\n"
    archive = read(zip_of({"contacts.jsonl": line + line, "trash.jsonl": line.upper().replace(b"NULL", b"null")}))
    assert len(archive.contacts) == 1
    assert archive.trash == []
    assert [code for _, _, code in archive.problems] == ["bad_row", "bad_row"]


def test_more_details_than_a_contact_may_have_are_told() -> None:
    details = {f"k{number}": {"kind": "url", "value": "x"} for number in range(501)}
    archive = read(zip_of({"contacts.jsonl": json.dumps({**ONE, "details": details}).encode()}, packed=False))
    (item,) = archive.contacts
    assert item.contact is not None
    assert len(item.contact["details"]) == CONTACTS.maps_by_name["details"].entries_max
    assert [code for _, _, code in archive.problems] == ["too_many_entries"]


def test_a_line_without_end_is_told_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offbook.formats.archive.reading.LINE_BYTES_MAX", 100_000)
    content = b'{"id": "' + b"x" * 200_000 + b'"}\n' + json.dumps(ONE).encode()
    archive = read(zip_of({"contacts.jsonl": content}, packed=False))
    assert [item.contact and item.contact["name"] for item in archive.contacts] == ["Ada"]
    assert archive.problems == [(1, "contacts.jsonl", "too_long")]


@pytest.mark.parametrize("noun", ["contacts", "labels"])
def test_more_records_than_may_be_are_refused(monkeypatch: pytest.MonkeyPatch, noun: str) -> None:
    lists = [list_._replace(most=1) for list_ in reading.LISTS]
    monkeypatch.setattr(reading, "LISTS", lists)
    labels = [{"id": id, "name": id} for id in (ADA, BO)] if noun == "labels" else []
    with pytest.raises(Malformed, match=f"more than 1 {noun}"):
        read(archive_of([ONE], [] if labels else [{**ONE, "id": BO}], labels))


@pytest.mark.parametrize(("limit", "value"), [("RECORDS_MAX", 1), ("LABELS_MAX", 0), ("UNPACKED_BYTES_MAX", 150)])
def test_who_writes_a_zip_that_no_import_takes_is_told(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    def write() -> bool:
        contacts, trash, labels = [ONE], [{**ONE, "id": BO}], [{"id": ADA, "name": "Club"}]
        source = ArchiveSource(lambda: contacts, trash, labels, [], [], lambda _: None)
        return write_archive(source, lambda _: None, MOMENT)

    assert write()
    monkeypatch.setattr(writing, limit, value)
    assert not write()


def test_a_zip_is_read_a_record_at_a_time_and_its_photos_stay_in_it() -> None:
    """What it holds unpacks to twenty megabytes of records, and to more of photos."""
    photo = picture("PNG") + b"x" * 8_000_000
    book = [{"id": str(UUID(int=number)), "name": "Ada", "notes": "x" * 9_000} for number in range(2_000)]
    book[0] |= {"photo": sha256_of(photo)}
    data = archive_of(book, photos=[Photo(sha256_of(photo), "image/png", photo)])
    tracemalloc.start()
    try:
        assert sum(1 for _ in FORMATS[ARCHIVE].read(io.BytesIO(data))) == 2_000
        assert tracemalloc.get_traced_memory()[1] < len(data) + 4_000_000
    finally:
        tracemalloc.stop()


def test_a_damaged_photo_is_found_out_when_it_is_asked_for() -> None:
    photo = picture("PNG")
    data = archive_of([{**ONE, "photo": sha256_of(photo)}], photos=[Photo(sha256_of(photo), "image/png", photo)])
    photos = read(data.replace(photo, photo[:-1] + b"!")).photos
    with pytest.raises(Malformed, match="is not what the list"):
        photos[sha256_of(photo)]
