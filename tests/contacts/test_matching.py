"""Who is who on an import."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.matching import (
    LABEL_KEY,
    Likeness,
    Match,
    Matcher,
    content_of,
    is_read_anew,
    number_key,
    replacing_data,
    rereading_data,
    updating_data,
)
from offbook.contacts.table import CONTACTS
from offbook.core.cells.json_data import with_all_fields
from offbook.core.merge.batch import BookState, plan_batch
from offbook.core.model import Change, Operation, Record, Verdict
from offbook.core.protocol.requests import build_change

Contact = dict[str, Any]


def contact(record_id: str, name: str = "", **fields: Any) -> Contact:
    return {"id": record_id, "name": name, "details": {}, **fields}


def phone(*values: str) -> dict[str, Any]:
    return {f"k{number}": {"kind": "phone", "value": value} for number, value in enumerate(values)}


def match_contacts(
    incoming: Iterable[Contact],
    existing: Iterable[Contact],
    deleted: Collection[str],
    carried: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    is_mapped: bool = False,
) -> list[Match]:
    """A match for each contact of a file, in order."""
    matcher = Matcher(existing, carried, is_mapped)
    for shown in incoming:
        matcher.look_at(shown, shown["id"] in deleted)
    return matcher.matches()


def likeness(incoming: Contact, *existing: Contact, deleted: tuple[str, ...] = ()) -> Match:
    (match,) = match_contacts([incoming], existing, deleted, lambda contact: dict(contact))
    return match


ADA = contact("a", "Ada Lovelace", email="ada@x.example", phone="+49 30 123 4567")

CASES: dict[str, tuple[Contact, Match]] = {
    "nobody like it": (contact("z", "Grace Hopper", phone="030 999 0000"), Match(Likeness.NEW)),
    "its id": (contact("a", "Somebody else"), Match(Likeness.SAME, "a")),
    "its uid": (contact("z", "Ada", uid="a"), Match(Likeness.SAME, "a")),
    "all that it says": ({**ADA, "id": "z"}, Match(Likeness.SAME, "a")),
    "name and address": (contact("z", "ADA  Lovelace", email="Ada@X.example"), Match(Likeness.CHANGED, "a")),
    "name and number": (contact("z", "Ada Lovelace", details=phone("030/1234567")), Match(Likeness.CHANGED, "a")),
    "the name alone": (contact("z", "Ada Lovelace", email="other@x.example"), Match(Likeness.DOUBTFUL, "a")),
    "the number alone": (contact("z", "A. L.", phone="1234567"), Match(Likeness.DOUBTFUL, "a")),
    "the address alone": (contact("z", "A. L.", email="ada@x.example"), Match(Likeness.NEW)),
    "a short number": (contact("z", "A. L.", phone="4567"), Match(Likeness.NEW)),
    "no name": (contact("z", "", email="ada@x.example"), Match(Likeness.NEW)),
    "no address": (contact("z", "A. L.", email="home"), Match(Likeness.NEW)),
}


@pytest.mark.parametrize("name", CASES)
def test_one_contact_of_a_file(name: str) -> None:
    incoming, match = CASES[name]
    assert likeness(incoming, ADA) == match


def test_what_was_deleted_is_neither_there_nor_new() -> None:
    assert likeness(contact("a", "Ada"), deleted=("a",)) == Match(Likeness.DELETED, "a")


def test_two_of_one_name_and_number_are_not_told_apart() -> None:
    twin = {**ADA, "id": "b", "nickname": "Twin"}
    incoming = contact("z", "Ada Lovelace", email="ada@x.example", nickname="?")
    assert likeness(incoming, ADA, twin) == Match(Likeness.DOUBTFUL, "a")
    twins = [contact("y", "Ada Lovelace", email="ada@x.example", nickname=letter) for letter in "pq"]
    matches = match_contacts(twins, [ADA], (), lambda contact: dict(contact))
    assert [match.likeness for match in matches] == [Likeness.DOUBTFUL, Likeness.DOUBTFUL]


def test_what_a_format_does_not_say_makes_no_difference() -> None:
    written = {**ADA, "role": "countess"}
    (match,) = match_contacts([{**ADA, "id": "z"}], [written], (), lambda contact: {**contact, "role": None})
    assert match == Match(Likeness.SAME, "a")


def test_content_is_in_no_order() -> None:
    first = contact("a", "Ada", details=phone("1", "2"))
    second = contact("b", "Ada", uid="b", details=phone("2", "1"))
    assert content_of(first) == content_of(second)


def test_an_update_takes_nothing_away_and_adds_what_is_not_there_yet() -> None:
    existing = contact(
        "a", "Ada", email="old@x.example", phone="1", website="w", notes="kept", details=phone("2") | {"phone-1": {}}
    )
    incoming = contact(
        "z",
        "Ada",
        uid="z",
        email="new@x.example",
        email_label="Work",
        phone="1",
        website="w2",
        company="Engines",
        notes=None,
        details={
            "k0": {"kind": "phone", "value": "3"},
            "k1": {"kind": "phone", "value": "2", "position": 9},
            "k2": {"kind": "phone", "value": "1"},
        },
    )
    assert updating_data(existing, incoming) == {
        "company": "Engines",
        "details": {
            "k0-2": {"kind": "phone", "value": "3"},
            "email-1": {"kind": "email", "value": "new@x.example", "label": "Work"},
            "url-1": {"kind": "url", "value": "w2"},
        },
    }
    assert updating_data(existing, existing) == {}
    again = contact("z", "Ada", phone="2")
    assert updating_data(existing, again) == {}


NUMBERS = {
    "+49 (0)30 123-4567": "1234567",
    "0049 30 1234567": "1234567",
    "٠٣٠١٢٣٤٥٦٧": "1234567",
    "555-0199 ext. 12": "5550199",
    "555-0199;ext=3": "5550199",
    "+1 555 019 9200,,45#": "",
    "12-34-56": "",
    "110": "",
    "1234567 (office)": "",
    "https://wa.me/15550199200": "",
}
"""The last two are no numbers as a whole: what stands beside one may be of another one."""


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_known_by_its_last_digits(number: str) -> None:
    assert number_key(number) == NUMBERS[number]


EXTENSION = contact("a", "Ada Lovelace", phone="555-0199 ext. 12")


@pytest.mark.parametrize(
    ("incoming", "likeness_"),
    [
        (contact("z", "Ada Lovelace", phone="555-0199"), Likeness.CHANGED),
        (contact("z", "Ada Lovelace", phone="(0)555 0199 x34"), Likeness.CHANGED),
        (contact("z", "A. L.", phone="555-0199 ext. 34"), Likeness.DOUBTFUL),
        (contact("z", "A. L.", phone="555-0 199 12"), Likeness.NEW),
    ],
    ids=["the name, without the extension", "the name, at another", "the number alone", "digits of both as one"],
)
def test_an_extension_is_no_part_of_the_number_that_somebody_is_known_by(
    incoming: Contact, likeness_: Likeness
) -> None:
    assert likeness(incoming, EXTENSION).likeness is likeness_


@pytest.mark.parametrize("own", [True, False])
def test_a_site_is_the_same_whatever_version_spelled_its_label(own: bool) -> None:
    def with_site(record_id: str, label: str, **fields: Any) -> Contact:
        site = {"website": "https://x.example", "website_label": label}
        entry = {"kind": "url", "value": "https://x.example", "label": label}
        return contact(record_id, "Ada") | fields | (site if own else {"details": {"k": entry}})

    earlier = with_site("a", "HomePage")
    assert likeness(with_site("z", "Home Page"), earlier) == Match(Likeness.SAME, "a")
    assert updating_data(earlier, with_site("z", "Home Page", company="Engines")) == {"company": "Engines"}


HELD: Contact = {
    "name": "Ada King",
    "given_name": "Ada",
    "family_name": "King",
    "email": "a@x",
    "starred": True,
    "details": {
        "k": {"kind": "phone", "label": "Home", "value": "1", "pref": True, "params": '[["X-A",["1"]]]'},
        "gone": {"kind": "phone", "label": "Home", "value": "2"},
        "place": {"kind": "address", "street": "Street 1", "city": "Town"},
    },
}


def written(record: Record | None, operation: Operation, data: Contact | None = None) -> Record:
    """The record as it is once somebody who saw it has written this to it."""
    seq = 0 if record is None else record.seq
    change = build_change(str(uuid4()), CONTACTS, str(UUID(int=1)), operation, str(uuid4()), 0, seq, data)
    assert isinstance(change, Change), change
    book = BookState(1, "book", "merge", "epoch", seq, 0)
    plan = plan_batch(book, {} if record is None else {record.key: record}, {}, [change], 0)
    assert [outcome.verdict for outcome in plan.outcomes] == [Verdict.APPLIED]
    return plan.records[change.key]


@pytest.mark.parametrize(
    "data",
    [
        {"name": "Bo", "details": {}},
        {"name": "Bo King", "details": {"k": {"kind": "email", "value": "b@x"}}},
        {"name": "Dr. Bo King", "family_name": "King", "given_name": "Bo", "uid": "u"},
        {"name": "Ada King", "email": "a@x", "details": {"place": {"kind": "address", "city": "Town"}}},
        {"name": "Ada King", "details": {"gone": {"kind": "url", "value": "https://x.example"}}},
    ],
)
def test_what_comes_back_says_what_is_said_now_and_nothing_else(data: Contact) -> None:
    """As a record does that is made of the same data."""
    record = written(None, Operation.INSERT, HELD)
    record = written(record, Operation.UPDATE, {"details": {"gone": None}})
    record = written(record, Operation.DELETE)
    shown = [
        with_all_fields(CONTACTS, written(before, Operation.INSERT, said).cells)
        for before, said in ((record, replacing_data(record, data)), (None, data))
    ]
    assert shown[0] == shown[1]


def test_nothing_is_said_of_details_where_neither_side_has_any() -> None:
    record = written(written(None, Operation.INSERT, {"name": "Ada"}), Operation.DELETE)
    assert "details" not in replacing_data(record, {"name": "Bo"})


def test_a_uid_that_somebody_has_tells_who_it_is_whatever_else_is_said() -> None:
    assert likeness(contact("z", "Grace", uid="urn:x"), {**ADA, "uid": "urn:x"}) == Match(Likeness.SAME, "a")


NAMES = st.sampled_from(["", "Ada", "ada", "Bo"])
CONTACT = st.builds(
    contact,
    st.uuids().map(str),
    NAMES,
    email=st.sampled_from([None, "a@x", "b@x"]),
    phone=st.sampled_from([None, "1234567", "+1 123 4567", "12"]),
)


@given(st.lists(CONTACT, max_size=6), st.lists(CONTACT, max_size=6))
def test_the_same_file_twice_adds_nothing(existing: list[Contact], incoming: list[Contact]) -> None:
    first = match_contacts(incoming, existing, (), lambda contact: dict(contact))
    added = [one for one, match in zip(incoming, first, strict=True) if match.likeness in ("new", "doubtful")]
    again = match_contacts(incoming, [*existing, *added], (), lambda contact: dict(contact))
    assert all(match.likeness in ("same", "changed") for match in again)


ROW = {"created_at": "2026-11-20T17:00:00.000Z", "updated_at": "2026-11-20T17:00:00.000Z"}
EDITED = ROW | {"updated_at": "2026-11-20T18:00:00.000Z"}


@pytest.mark.parametrize(
    ("times", "said", "likeness"),
    [
        pytest.param(ROW, "Lovelace", Likeness.SAME, id="read as before"),
        pytest.param(ROW, "Analytical Engines", Likeness.CHANGED, id="read otherwise"),
        pytest.param(EDITED, "Analytical Engines", Likeness.SAME, id="edited since"),
        pytest.param({}, "Analytical Engines", Likeness.SAME, id="not known when"),
    ],
)
def test_a_row_that_is_read_by_another_mapping_changes_who_was_not_edited(
    times: dict[str, str], said: str, likeness: Likeness
) -> None:
    existing, incoming = contact("a", "Ada", company="Lovelace", **times), contact("a", "Ada", company=said)
    (match,) = match_contacts([incoming], [existing], (), dict, is_mapped=True)
    assert match == Match(likeness, "a")
    assert is_read_anew(incoming, match) == (likeness is Likeness.CHANGED)


def test_the_label_of_an_import_makes_no_row_another_one() -> None:
    label = {LABEL_KEY: {"kind": "group", "value": "Choir"}}
    existing = contact("a", "Ada", **ROW) | {"details": label}
    assert match_contacts([contact("a", "Ada")], [existing], (), dict, is_mapped=True) == [Match(Likeness.SAME, "a")]


def test_what_is_read_anew_replaces_what_the_row_said_and_leaves_the_label() -> None:
    label = {"kind": "group", "value": "Choir"}
    existing = contact("a", "Ada", company="555-1") | {"details": phone("Engines") | {LABEL_KEY: label}}
    data = rereading_data(existing, contact("a", "Ada", company="Engines") | {"details": phone("555-1")})
    assert data["company"] == "Engines"
    assert LABEL_KEY not in data["details"]
    assert data["details"]["k0"]["value"] == "555-1"
    assert data["details"]["k0"]["label"] is None
    assert rereading_data(contact("a", "Ada"), contact("a", "Ada")) == {}
