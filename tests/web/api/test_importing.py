"""Files of contacts in and out through the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from offbook.contacts import importing as rules
from services.contacts import importing
from tests.support.api_client import Caller

CARDS = """BEGIN:VCARD
VERSION:4.0
UID:urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e
FN:Ada Lovelace
CATEGORIES:Friends
TEL:+1 555 0100 200
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:Grace Hopper
END:VCARD
"""


def post(device: Caller, file: str, **query: str) -> Any:
    return device.ask("POST", "/contacts/import", query_string=query, data=file)


def names(device: Caller) -> list[str]:
    return [contact["name"] for contact in device.get("/contacts").get_json()["contacts"]]


def test_a_file_is_imported_once_as_one_batch(laptop: Caller) -> None:
    rehearsed = post(laptop, CARDS, dry_run="1").get_json()
    assert (rehearsed["added"], rehearsed["batch"], names(laptop)) == (2, None, [])
    done = post(laptop, CARDS, label="Imported").get_json()
    assert (done["format"], done["added"], done["problems"]) == ("vcard4", 2, [])
    assert names(laptop) == ["Ada Lovelace", "Grace Hopper"]
    again = post(laptop, CARDS).get_json()
    assert (again["added"], again["already_here"], again["batch"]) == (0, 2, None)
    labels = [label["name"] for label in laptop.get("/labels").get_json()["labels"]]
    assert labels == ["Friends", "Imported"]
    assert laptop.ask("POST", f"/batches/{done['batch']}/undo").get_json()["kept"] == []
    assert names(laptop) == []


def test_what_was_exported_is_the_same_when_it_comes_back(laptop: Caller) -> None:
    post(laptop, CARDS)
    for format_name, media_type in (("vcard4", "text/vcard"), ("vcard3", "text/vcard"), ("google", "text/csv")):
        answer = laptop.get("/contacts/export", format=format_name)
        assert answer.mimetype == media_type
        assert post(laptop, answer.text).get_json()["already_here"] == 2
    assert "Grace" not in laptop.get("/contacts/export", label="friends").text
    assert laptop.get("/contacts/export").mimetype == "text/csv"


TABLE = "Wer,Wo\nAda King,London\nGrace Hopper,Arlington\n"
MAPPING = {"Wer": "name", "Wo": "details.address.city:Home"}


@pytest.mark.engines("sqlite")
def test_the_mapping_of_a_table_is_told_given_and_remembered(laptop: Caller) -> None:
    rehearsed = post(laptop, TABLE, dry_run="1").get_json()
    assert (rehearsed["added"], rehearsed["problems"][0]["code"]) == (0, "not_importable")
    assert rehearsed["mapping"] == {"Wer": "details.custom:Wer", "Wo": "details.custom:Wo"}
    assert post(laptop, TABLE).get_json()["code"] == "not_importable"
    assert post(laptop, TABLE, dry_run="1", map=json.dumps(MAPPING)).get_json()["mapping"] == MAPPING
    assert post(laptop, TABLE, dry_run="1").get_json()["added"] == 0, "a rehearsal is not remembered"
    done = post(laptop, TABLE, map=json.dumps(MAPPING)).get_json()
    assert (done["format"], done["added"], done["mapping"]) == ("csv", 2, MAPPING)
    other = post(laptop, TABLE.replace("Ada", "Bo"), dry_run="1").get_json()
    assert (other["added"], other["already_here"], other["mapping"]) == (1, 1, MAPPING)


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("mapping", ["", "[]", '{"Wer": "nam"}', '{"Wen": "name"}', '{"Wo": "title"}'])
def test_a_mapping_that_does_not_fit_is_refused_in_words(laptop: Caller, mapping: str) -> None:
    answer = post(laptop, TABLE, map=mapping)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad_mapping")
    assert answer.get_json()["detail"].endswith(".")
    assert names(laptop) == []


@pytest.mark.parametrize(
    ("query", "file", "status", "code"),
    [
        ({}, "<html>", 400, "not_importable"),
        ({}, "", 400, "not_importable"),
        ({}, CARDS[:-5], 400, "cut_off"),
        ({"format": "google"}, CARDS, 400, "not_google_csv"),
        ({"format": "xls"}, CARDS, 422, "bad_choice"),
        ({"on_duplicate": "ask"}, CARDS, 422, "bad_choice"),
        ({"dry_run": "yes"}, CARDS, 422, "bad_choice"),
        ({"label": "* myContacts"}, CARDS, 422, "bad_choice"),
    ],
)
def test_what_can_not_be_imported_is_refused_in_words(
    laptop: Caller, query: dict[str, str], file: str, status: int, code: str
) -> None:
    answer = post(laptop, file, **query)
    assert (answer.status_code, answer.get_json()["code"]) == (status, code)
    assert names(laptop) == []


@pytest.mark.engines("sqlite")
def test_a_csv_for_a_spreadsheet_executes_nothing(laptop: Caller) -> None:
    post(laptop, CARDS.replace("Ada Lovelace", "=1+1"))
    plain, harmless = (laptop.get("/contacts/export", spreadsheet=flag).text for flag in "01")
    assert ("'=1+1" in plain, "'=1+1" in harmless, "'+1 555" in harmless) == (False, True, True)
    for format_name, flag in (("vcard4", "1"), ("google", "yes")):
        answer = laptop.get("/contacts/export", format=format_name, spreadsheet=flag)
        assert (answer.status_code, answer.get_json()["code"]) == (422, "bad_choice")


@pytest.mark.engines("sqlite")
def test_nobody_is_exported_by_a_group_that_is_no_label(laptop: Caller) -> None:
    post(laptop, CARDS.replace("Friends", "myContacts"))
    answer = laptop.get("/contacts/export", label="My Contacts")
    assert (answer.status_code, answer.get_json()["code"]) == (422, "bad_choice")


@pytest.mark.engines("sqlite")
def test_a_file_has_so_many_contacts_at_the_most(laptop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "ITEMS_MAX", 2)
    assert post(laptop, CARDS, dry_run="1").status_code == 200
    answer = post(laptop, CARDS + "BEGIN:VCARD\nFN:Bo\nEND:VCARD\n")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "too_many_records")
    assert names(laptop) == []


@pytest.mark.engines("sqlite")
def test_of_a_file_with_many_faults_the_first_are_told(laptop: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "PROBLEMS_MAX", 2)
    told = post(laptop, "First Name,Last Name\n" + "Ada,King,more\n" * 1005, format="google").get_json()["problems"]
    assert [problem["code"] for problem in told] == ["bad_row", "bad_row", "more_problems"]
    assert told[2]["detail"] == "1,003 more problems are not listed."
