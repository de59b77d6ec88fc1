"""Files of contacts in and out through the API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app import App
from offbook.contacts import importing as rules
from offbook.core.merge.policies import POLICIES
from services.contacts import importing
from tests.support.api_client import Caller, change
from tests.support.browser import parts_of

CSVS = Path(__file__).parents[5] / "shared" / "data" / "csvs"

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
def test_a_row_that_was_read_by_a_wrong_mapping_is_corrected_by_the_right_one(laptop: Caller) -> None:
    table = "Wer;Wo;Nr\nAda King;030 1234567;x\nGrace Hopper;030 7654321;y\nBo;030 5556677;z\n"
    wrong = json.dumps({"Wer": "company", "Wo": "name", "Nr": "details.phone:Work"})
    right = json.dumps({"Wer": "name", "Wo": "details.phone:Home", "Nr": ""})
    post(laptop, table, map=wrong, label="New")
    again = post(laptop, table, map=wrong, label="New").get_json()
    assert (again["added"], again["changed"], again["already_here"]) == (0, 0, 3)
    contacts = {contact["company"]: contact for contact in laptop.get("/contacts").get_json()["contacts"]}
    laptop.ask("PATCH", f"/contacts/{contacts['Bo']['id']}", json={"notes": "mine"})
    rehearsed, done = (post(laptop, table, map=right, dry_run=flag).get_json() for flag in "10")
    assert rehearsed | {"batch": None} == done | {"batch": None}
    assert (done["added"], done["changed"], done["already_here"]) == (0, 2, 1)
    ada, bo = (laptop.get(f"/contacts/{contacts[name]['id']}").get_json() for name in ("Ada King", "Bo"))
    assert (ada["name"], ada["company"], ada["phone"], ada["phone_label"]) == ("Ada King", None, "030 1234567", "Home")
    assert [entry["value"] for entry in ada["details"].values()] == ["New"]
    assert (bo["name"], bo["company"], bo["notes"]) == ("030 5556677", "Bo", "mine")
    third = post(laptop, table, map=right).get_json()
    assert (third["changed"], third["already_here"], third["batch"]) == (0, 3, None)


@pytest.mark.engines("sqlite")
@pytest.mark.skipif(not CSVS.exists(), reason="the shared files are not there")
def test_no_table_that_comes_in_again_changes_anybody(laptop: Caller) -> None:
    taken = 0
    for path in sorted(CSVS.glob("*.csv")):
        first, again = (laptop.ask("POST", "/contacts/import", data=path.read_bytes()) for _ in range(2))
        assert again.status_code == first.status_code
        if again.status_code == 200:
            assert (path.name, again.get_json()["added"], again.get_json()["changed"]) == (path.name, 0, 0)
            taken += first.get_json()["added"]
    assert taken > 20


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


# --- again, after an undo --------------------------------------------------------------------------------------------


WRONG = {"Wer": "name", "Wo": "details.address.city:Home"}
RIGHT = {"Wer": "name", "Wo": "company"}


def undo(device: Caller, batch: str) -> Any:
    answer = device.ask("POST", f"/batches/{batch}/undo")
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def rows(device: Caller) -> dict[str, Any]:
    """The rows of contacts by their names."""
    changes = device.get("/changes").get_json()["changes"]
    return {row["data"]["name"]: row for row in changes if row["table"] == "contacts"}


def said(device: Caller) -> list[tuple[Any, ...]]:
    """Name, given name, company and details of each contact."""
    contacts = device.get("/contacts").get_json()["contacts"]
    return [
        (
            contact["name"],
            contact["given_name"],
            contact["company"],
            sorted((entry["kind"], entry.get("value")) for entry in contact["details"].values()),
        )
        for contact in contacts
    ]


def test_what_the_undo_of_an_import_took_away_comes_back_as_the_file_says_now(laptop: Caller) -> None:
    wrong = post(laptop, TABLE, map=json.dumps(WRONG), label="Wrong").get_json()
    undo(laptop, wrong["batch"])
    rehearsed = post(laptop, TABLE, map=json.dumps(RIGHT), label="Right", dry_run="1").get_json()
    assert (rehearsed["added"], rehearsed["deleted_before"]) == (2, 0)
    right = post(laptop, TABLE, map=json.dumps(RIGHT), label="Right").get_json()
    assert (right["added"], right["deleted_before"]) == (2, 0)
    assert said(laptop) == [
        ("Ada King", "Ada", "London", [("group", "Right")]),
        ("Grace Hopper", "Grace", "Arlington", [("group", "Right")]),
    ]
    undone = undo(laptop, right["batch"])
    assert (undone["kept"], names(laptop)) == ([], [])
    assert post(laptop, TABLE, map=json.dumps(WRONG)).get_json()["added"] == 2
    assert [(name, company, kinds[0][0]) for name, _, company, kinds in said(laptop)] == [
        ("Ada King", None, "address"),
        ("Grace Hopper", None, "address"),
    ]


@pytest.mark.engines("sqlite")
def test_what_a_person_deleted_stays_deleted_whatever_was_undone(laptop: Caller, phone: Caller) -> None:
    """Before the undo, after it from a device that had not heard of it, and after the import that brought it back."""
    mapping = json.dumps(RIGHT)
    file = "Wer,Wo\n" + "".join(f"{name},x\n" for name in ("before", "meanwhile", "after", "nobody"))
    first = post(laptop, file, map=mapping).get_json()
    contacts = rows(laptop)

    def delete(device: Caller, name: str, base: int) -> None:
        device.synced(change("DELETE", record_id=contacts[name]["record_id"], base=base))

    delete(laptop, "before", contacts["before"]["seq"])
    undo(laptop, first["batch"])
    delete(phone, "meanwhile", contacts["meanwhile"]["seq"])
    second = post(laptop, file, map=mapping).get_json()
    assert (second["added"], second["deleted_before"], names(laptop)) == (2, 2, ["after", "nobody"])
    delete(phone, "after", rows(laptop)["after"]["seq"])
    undo(laptop, second["batch"])
    third = post(laptop, file, map=mapping).get_json()
    assert (third["added"], third["deleted_before"], names(laptop)) == (1, 3, ["nobody"])


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("policy", sorted(POLICIES))
@pytest.mark.parametrize("is_imported_first", [True, False])
def test_an_edit_of_what_an_undo_took_away_is_lost_to_no_import(
    app: App, laptop: Caller, phone: Caller, policy: str, is_imported_first: bool
) -> None:
    """By the book's policy it stands, waits for a person, or has lost; in the history it is in any case."""
    parts_of(app).accounts.set_policy(parts_of(app).accounts.user_named("ada").book_id, policy)
    first = post(laptop, TABLE, map=json.dumps(WRONG)).get_json()
    ada = rows(laptop)["Ada King"]
    typed = {"company": "Engines", "notes": "typed"}
    edit = change("UPDATE", record_id=ada["record_id"], base=ada["seq"], data=typed)
    undo(laptop, first["batch"])
    if not is_imported_first:
        phone.synced(edit)
    post(laptop, TABLE, map=json.dumps(RIGHT))
    if is_imported_first:
        phone.synced(edit)
    contact = rows(laptop)["Ada King"]["data"]
    history = laptop.get(f"/history/{ada['record_id']}").text
    assert all(text in history for text in typed.values())
    assert len(phone.get("/conflicts").get_json()["conflicts"]) == (policy == "ask")
    if policy == "merge":
        assert (contact["company"], contact["notes"]) == ("London" if is_imported_first else "Engines", "typed")


@pytest.mark.engines("sqlite")
def test_nothing_of_what_an_undone_import_added_to_a_contact_is_in_what_the_next_one_adds(laptop: Caller) -> None:
    laptop.add(name="Ada King", phone="030 1234567")
    file = "Wer,Wo,Nummer\nAda King,London,030 1234567\n"
    mapping = {"Wer": "name", "Nummer": "details.phone", "Wo": "details.address.city:Home"}
    first = post(laptop, file, map=json.dumps(mapping)).get_json()
    undo(laptop, first["batch"])
    second = post(laptop, file, map=json.dumps(mapping | {"Wo": "details.address.street"})).get_json()
    assert (first["changed"], second["changed"]) == (1, 1)
    (contact,) = laptop.get("/contacts").get_json()["contacts"]
    (entry,) = contact["details"].values()
    assert entry == {"kind": "address", "street": "London", "position": 1}
