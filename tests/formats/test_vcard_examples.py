"""Files with one quirk of a real program each, read as their expectations say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from offbook.core.errors import Malformed
from offbook.formats.values import Contact, ContactRead
from offbook.formats.vcard.files import read
from offbook.formats.vcard.properties import COLUMNS

DATA = Path(__file__).parents[3] / "shared" / "data" / "vcards"
EXPECTED: Mapping[str, Any] = json.loads((DATA / "expected.json").read_text()) if DATA.exists() else {}
needs_examples = pytest.mark.skipif(not EXPECTED, reason=f"the files are not at {DATA}")

FIELDS = {
    "name": "name", "given": "given_name", "family": "family_name", "prefix": "prefix", "suffix": "suffix",
    "nickname": "nickname", "org": "company", "department": "department", "title": "title", "role": "role",
    "birthday": "birthday", "note": "notes",
}  # fmt: skip
LISTS = {"phones": "phone", "emails": "email", "urls": "url", "dates": "date", "relations": "relation"}
ADDRESS = {
    "label": "label", "street": "street", "city": "city", "region": "region", "postcode": "postcode",
    "country": "country", "pobox": "po_box", "extended": "extended",
}  # fmt: skip
APPLE_S_OWN = ("HomePage", "Home Page")
"""A label of Apple's that the expectations have as it stands between Apple's brackets; people read it in two words."""

SAME_UID = "22-same-uid-twice.vcf"


def read_file(name: str) -> list[ContactRead]:
    with (DATA / name).open("rb") as file:
        return list(read(file))


def details(contact: Contact, kind: str) -> Iterator[Mapping[str, Any]]:
    """The details of a kind in their order, with the first where it is in the contact's fields."""
    if kind in COLUMNS:
        value, label, _ = COLUMNS[kind]
        if contact[value] or contact[label]:
            yield {"value": contact[value], "label": contact[label]}
    entries = [entry for entry in contact["details"].values() if entry["kind"] == kind]
    yield from sorted(entries, key=lambda entry: entry["position"])


def as_expected(contact: Contact, expected: Mapping[str, Any]) -> dict[str, Any]:
    """The contact in the form of an expectation, with what this speaks of."""
    said: dict[str, Any] = {name: contact[field] or "" for name, field in FIELDS.items()}
    said |= {
        name: [[entry.get("label") or "", entry["value"]] for entry in details(contact, kind)]
        for name, kind in LISTS.items()
    }
    said["addresses"] = [
        {name: entry.get(attribute, "") for name, attribute in ADDRESS.items()} for entry in details(contact, "address")
    ]
    said["categories"] = [entry["value"] for entry in details(contact, "group")]
    said["photo"] = bool(contact["photo"])
    return {name: value for name, value in said.items() if name in expected}


@needs_examples
@pytest.mark.parametrize("name", [name for name in sorted(EXPECTED) if EXPECTED[name]["contacts"] and name != SAME_UID])
def test_a_file_is_read_as_expected(name: str) -> None:
    found = read_file(name)
    expected = EXPECTED[name]["contacts"]
    contacts = [one.contact for one in found if one.contact]
    assert len(contacts) == len(expected)
    for contact, wanted in zip(contacts, expected, strict=True):
        either = {name: value for name, value in wanted.items() if str(value).startswith("either")}
        wanted = {name: value for name, value in wanted.items() if name not in ("keep", *either)}
        assert as_expected(contact, wanted) == json.loads(json.dumps(wanted).replace(*APPLE_S_OWN))
    assert sum(len(one.problems) for one in found) == EXPECTED[name]["problems"]


@needs_examples
@pytest.mark.parametrize("name", [name for name in sorted(EXPECTED) if not EXPECTED[name]["contacts"]])
def test_a_file_without_contacts_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(Malformed, match=r"^[A-Z].*\.$") as caught:
        read_file(name)
    assert caught.value.code == "not_importable"


@needs_examples
def test_a_date_in_words_is_kept() -> None:
    (contact,) = [one.contact for one in read_file("09-v30-bday-omit-year.vcf") if "Text" in str(one.contact)]
    assert contact
    (kept,) = details(contact, "property")
    assert (kept["label"], kept["value"]) == ("BDAY", "circa 1800")


@needs_examples
def test_two_cards_of_one_uid_are_two_contacts_and_it_is_told() -> None:
    """The second way that the expectation leaves open: no number is lost in silence."""
    first, second = read_file(SAME_UID)
    assert first.contact
    assert second.contact
    assert (first.contact["phone"], second.contact["phone"]) == ("1", "2")
    assert [problem.code for problem in second.problems] == ["same_uid"]
    assert (first.contact["uid"], second.contact["uid"]) == ("0000-2", None)
    assert first.contact["id"] != second.contact["id"]
