"""A card is read for what it says: each property has its place, and what has none is kept as it is."""

from __future__ import annotations

import io
import json
import time
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest

from offbook.core.errors import Malformed
from offbook.formats.values import Contact, ContactRead
from offbook.formats.vcard.files import read

PNG = b"\x89PNG\r\n\x1a\n and more"
ENCODED = b64encode(PNG).decode()
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def read_all(data: bytes | str) -> list[ContactRead]:
    return list(read(io.BytesIO(data.encode() if isinstance(data, str) else data)))


def read_one(*lines: str) -> ContactRead:
    (found,) = read_all("\n".join(["BEGIN:VCARD", *lines, "END:VCARD", ""]))
    return found


def contact(*lines: str) -> Contact:
    found = read_one(*lines)
    assert found.contact is not None
    assert found.problems == ()
    return found.contact


def entry(*lines: str) -> dict[str, Any]:
    """The only detail that a card of these lines has, without its position."""
    (detail,) = contact("FN:Ada", *lines)["details"].values()
    return {name: value for name, value in detail.items() if name != "position"}


# --- fields ----------------------------------------------------------------------------------------------------------


def test_the_first_of_a_kind_is_the_contacts_own_even_where_another_is_preferred() -> None:
    found = contact("TEL;TYPE=home,voice:1", "TEL;TYPE=cell,pref:2", "EMAIL;PREF=1:a@x.example")
    assert (found["phone"], found["phone_label"]) == ("1", "Home")
    assert json.loads(found["phone_params"]) == [["TYPE", ["voice"]]]
    assert json.loads(found["email_params"]) == [["PREF", ["1"]]]
    assert list(found["details"].values()) == [
        {"kind": "phone", "label": "Mobile", "value": "2", "pref": True, "position": 2}
    ]


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("FN:a\\, b", "name", "a, b"),
        ("N:Doe;Jane\\;x", "given_name", "Jane;x"),
        ("NICKNAME:a,b", "nickname", "a, b"),
        ("NICKNAME:a, b", "nickname", "a, b"),
        ("ORG:a;b;c", "department", "b; c"),
        ("ORG:;b", "company", None),
        ("ROLE:a", "role", "a"),
        ("BDAY:--0415", "birthday", "--04-15"),
        ("BDAY:19960415T102200Z", "birthday", "1996-04-15"),
        ("BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-15", "birthday", "--04-15"),
        ("BDAY:1604-04-15", "birthday", "1604-04-15"),
        ("KIND:org", "kind", "organization"),
        ("X-ABShowAs:COMPANY", "kind", "organization"),
        ("X-ADDRESSBOOKSERVER-KIND:individual", "kind", "person"),
        ("X-PHONETIC-LAST-NAME:a", "phonetic_family", "a"),
        ("CATEGORIES:myContacts,starred", "starred", True),
        ("UID:abc", "uid", "abc"),
        (f"UID:urn:uuid:{UUID}", "uid", None),
        (f"UID:{UUID}", "id", UUID),
        (f"UID:{UUID.upper()}", "id", UUID),
        (f"UID:{UUID.upper()}", "uid", UUID.upper()),
    ],
)
def test_a_property_goes_to_its_field(line: str, field: str, value: object) -> None:
    assert contact(line)[field] == value


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        (["FN: ", "N:King;Ada;;Lady;"], "Lady Ada King"),
        (["ORG:Engines", "EMAIL:a@x.example"], "Engines"),
        (["TEL:1", "EMAIL:a@x.example"], "a@x.example"),
        (["TEL:1"], "1"),
        (["NOTE:a"], "(no name)"),
    ],
)
def test_a_card_without_a_name_is_called_by_what_else_is_known(lines: list[str], name: str) -> None:
    assert contact(*lines)["name"] == name


def test_several_notes_are_one() -> None:
    assert contact("NOTE:a", "NOTE:b")["notes"] == "a\nb"
    found = contact("NOTE:a", "NOTE;LANGUAGE=de:b")
    assert (found["notes"], len(found["details"])) == ("a", 1)


def test_parameters_of_a_field_are_kept_beside_it() -> None:
    kept = {"kind": "property", "label": "N", "params": '[["LANGUAGE",["de"]]]'}
    assert entry("N;LANGUAGE=de:King;Ada") == kept


# --- details ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["item1.TEL:2", "ITEM1.X-ABLabel:Boat"], {"kind": "phone", "label": "Boat", "value": "2"}),
        (["TEL;TYPE=work;TYPE=fax:2"], {"kind": "phone", "label": "Work Fax", "value": "2"}),
        (["ANNIVERSARY:20010203"], {"kind": "date", "label": "Anniversary", "value": "2001-02-03"}),
        (["X-ABDATE:spring"], {"kind": "date", "value": "spring"}),
        (["RELATED;TYPE=spouse;VALUE=text:Bo"], {"kind": "relation", "label": "Spouse", "value": "Bo"}),
        (["X-SPOUSE:Bo"], {"kind": "relation", "label": "Spouse", "value": "Bo"}),
        (["IMPP:xmpp:a@x.example"], {"kind": "im", "value": "xmpp:a@x.example"}),
        (
            ["X-SKYPE;TYPE=home:bo"],
            {"kind": "im", "label": "Home", "value": "bo", "params": '[["@NAME",["X-SKYPE"]]]'},
        ),
        (
            ["X-SOCIALPROFILE;type=twitter;x-user=bo:https\\://x.example/bo"],
            {
                "kind": "im",
                "label": "Twitter",
                "value": "https://x.example/bo",
                "params": '[["X-USER",["bo"]],["@NAME",["X-SOCIALPROFILE"]]]',
            },
        ),
        (
            ["item1.ADR:7;Flat 1;1 A St;Alba;R;00123;UK", "item1.X-ABADR:gb"],
            {
                "kind": "address",
                "po_box": "7",
                "extended": "Flat 1",
                "street": "1 A St",
                "city": "Alba",
                "region": "R",
                "postcode": "00123",
                "country": "UK",
                "params": '[["X-ABADR",["gb"]]]',
            },
        ),
        (["LABEL;TYPE=home:1 A St\\nAlba"], {"kind": "address", "label": "Home", "value": "1 A St\nAlba"}),
        (["CATEGORIES:a\\,b"], {"kind": "group", "value": "a,b"}),
        (["GENDER:F;x"], {"kind": "property", "label": "GENDER", "value": "F;x"}),
        (
            ["PHOTO;VALUE=uri:https://x.example/p"],
            {"kind": "property", "label": "PHOTO", "value": "https://x.example/p", "params": '[["VALUE",["uri"]]]'},
        ),
        (["BDAY:circa 1800"], {"kind": "property", "label": "BDAY", "value": "circa 1800"}),
        (["KIND:location"], {"kind": "property", "label": "KIND", "value": "location"}),
        (
            [f"LOGO;ENCODING=b;TYPE=PNG:{ENCODED}"],
            {"kind": "property", "label": "LOGO", "value": f"data:image/png;base64,{ENCODED}"},
        ),
        (["FN:Bo"], {"kind": "property", "label": "FN", "value": "Bo"}),
        (["x-foo;b=c:d\\,e"], {"kind": "property", "label": "X-FOO", "value": "d\\,e", "params": '[["B",["c"]]]'}),
    ],
    ids=lambda value: value[0][:20] if isinstance(value, list) else "",
)
def test_a_property_is_a_detail(lines: list[str], expected: dict[str, Any]) -> None:
    (found,) = contact("FN:Ada", "TEL:1", *lines)["details"].values()
    assert {name: value for name, value in found.items() if name != "position"} == expected


def test_an_address_as_it_is_printed_joins_the_one_of_its_types() -> None:
    found = contact("ADR;TYPE=home:;;a;;;;", "ADR;TYPE=work:;;b;;;;", "LABEL;TYPE=WORK:B", "LABEL;TYPE=home:A")
    assert [(one["street"], one["value"]) for one in found["details"].values()] == [("a", "A"), ("b", "B")]


def test_a_label_is_one_of_all_details_in_its_group_and_the_first_keeps_what_else_is_there() -> None:
    found = contact("g.TEL:1", "g.EMAIL:a@x.example", "g.X-ABLabel:Boat", "g.X-FOO:b")
    assert (found["phone_label"], found["email_label"]) == ("Boat", "Boat")
    assert (found["phone_params"], found["email_params"]) == ('[["@GROUP",["g"]]]', None)
    assert [one["params"] for one in found["details"].values()] == ['[["@GROUP",["g"]]]']


def test_labels_of_a_contact_are_there_once() -> None:
    found = contact("CATEGORIES:a,b", "CATEGORIES:a", "CATEGORIES:,")
    assert [one["value"] for one in found["details"].values()] == ["a", "b"]


# --- photos ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        f"PHOTO;ENCODING=b;TYPE=PNG:{ENCODED}",
        f"PHOTO;BASE64;PNG:\n {ENCODED[:9]}\n {ENCODED[9:]}\n",
        f"PHOTO:data:image/png;base64,{ENCODED}",
        f"PHOTO;VALUE=uri:data:image/png\\;base64\\,{ENCODED}",
        f"PHOTO:data:;base64,{ENCODED}",
    ],
)
def test_the_bytes_of_a_photo_are_given_beside_the_contact(line: str) -> None:
    found = read_one("FN:Ada", line)
    digest = sha256(PNG).hexdigest()
    assert found.contact is not None
    assert (found.contact["photo"], found.blobs) == (digest, {digest: PNG})
    assert found.contact["details"] == {}


@pytest.mark.parametrize("value", ["", "A", "===="])
def test_what_is_no_photo_is_none(value: str) -> None:
    assert contact("FN:Ada", f"PHOTO;ENCODING=b:{value}")["photo"] is None


# --- what can't be taken ---------------------------------------------------------------------------------------------


def test_what_is_too_long_for_a_field_is_kept_and_for_a_detail_told() -> None:
    found = read_one("FN:Ada", f"TITLE:{'x' * 301}", f"X-FOO:{'x' * 65_537}", f"TEL:{'1' * 101}", "TEL:2")
    assert found.contact is not None
    assert (found.contact["title"], found.contact["phone"]) == (None, None)
    kept = [(one["kind"], one.get("label"), len(one.get("value", ""))) for one in found.contact["details"].values()]
    assert kept == [("property", "TITLE", 301), ("property", "X-FOO", 0), ("phone", None, 101), ("phone", None, 1)]
    assert [(problem.row, problem.column, problem.code) for problem in found.problems] == [(4, "X-FOO", "too_long")]


def test_details_over_the_most_are_told() -> None:
    found = read_one(*[f"X-FOO:{number}" for number in range(501)])
    assert found.contact is not None
    assert len(found.contact["details"]) == 500
    assert [problem.code for problem in found.problems] == ["too_many_entries"]
    assert "501 details, and 500" in found.problems[0].detail


def test_a_line_that_is_none_is_kept_as_unreadable_and_told_with_its_row() -> None:
    found = read_one("FN:Ada", "no line", "TEL:1")
    assert found.contact is not None
    (kept,) = found.contact["details"].values()
    assert (kept["kind"], kept["label"], kept["value"]) == ("custom", "unreadable", "no line")
    assert [(problem.row, problem.code) for problem in found.problems] == [(3, "unreadable_line")]


# --- files -----------------------------------------------------------------------------------------------------------

ADA = "BEGIN:VCARD\nFN:Ada\nEND:VCARD\n"


@pytest.mark.parametrize("end", [12, 18, 20, 27])
def test_a_file_that_ends_in_its_last_card_is_refused(end: int) -> None:
    with pytest.raises(Malformed, match="cut off in its last card") as caught:
        read_all(ADA + ADA[:end])
    assert caught.value.code == "cut_off"


def test_a_text_without_a_card_is_refused() -> None:
    with pytest.raises(Malformed, match="no line of it is BEGIN:VCARD"):
        read_all("FN:Ada\n")


def test_what_stands_between_cards_is_told() -> None:
    found = read_all(f"{ADA}FN:Bo\nTEL:1\n{ADA.replace('Ada', 'Bo')}")
    assert [(one.row, bool(one.contact), [problem.code for problem in one.problems]) for one in found] == [
        (1, True, []),
        (4, False, ["outside"]),
        (6, True, []),
    ]


def test_the_same_card_is_one_contact_in_this_file_and_in_the_next() -> None:
    (found,) = read_all(ADA + ADA)
    assert found.contact == read_all(ADA)[0].contact
    with_uid = ADA.replace("FN", "UID:x\nREV:1\nFN")
    assert len(read_all(with_uid + with_uid.replace("REV:1", "REV:2"))) == 1


@pytest.mark.parametrize("uid", ["x", UUID, f"urn:uuid:{UUID}", UUID.upper()])
def test_a_card_with_the_uid_of_another_is_a_contact_of_its_own(uid: str) -> None:
    card = ADA.replace("FN", f"UID:{uid}\nFN")
    first, second = read_all(card + card.replace("FN:Ada", "FN:Ada\nTEL:1"))
    assert first.contact is not None
    assert second.contact is not None
    assert (second.contact["phone"], second.contact["uid"]) == ("1", None)
    assert second.contact["id"] != first.contact["id"]
    assert [problem.code for problem in second.problems] == ["same_uid"]


def test_ids_stay_what_they_are() -> None:
    """Another id here, and every file that anybody imported before comes in once more."""
    found = contact("FN:Ada", "N:King;Ada", "TEL;TYPE=home:1", "CATEGORIES:a", "BDAY:18151210")
    assert found["id"] == IDS[0]
    assert contact("FN:Ada", "UID:x")["id"] == IDS[1]


IDS = ("220fab4d-0a0e-57d6-a87f-a19e577fc55a", "0ffae488-46e9-5d25-868c-84b7cee85f57")


def test_group_cards_are_labels_of_their_members_wherever_they_stand() -> None:
    group = "BEGIN:VCARD\nKIND;VALUE=text:Group\nFN:Choir\nMEMBER:urn:uuid:X\nMEMBER:urn:uuid:y\nEND:VCARD\n"
    member = ADA.replace("FN", "UID:x\nCATEGORIES:Choir,Club\nFN")
    for text in (group + member, member + group):
        told, found = sorted(read_all(text), key=lambda one: one.contact is not None)
        assert found.contact is not None
        assert [one["value"] for one in found.contact["details"].values()] == ["Choir", "Club"]
        assert [problem.detail for problem in told.problems] == [
            "The group 'Choir' has members that are not in this file: 1."
        ]


@pytest.mark.parametrize(
    "line", ["item1.TEL:1\nitem1.X-ABLabel:x\n", "ADR;TYPE=home:;;a\nLABEL;TYPE=home:a\n", "CATEGORIES:a,b\nNOTE:x\n"]
)
def test_a_hostile_card_is_read_in_linear_time(line: str) -> None:
    begin = time.process_time()
    (found,) = read_all(f"BEGIN:VCARD\n{line * 20_000}END:VCARD\n")
    assert found.contact is not None
    assert time.process_time() - begin < 5
