"""A card is written in the strict form of its version, and what is not in it is told."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest

from offbook.formats.values import Contact, LeftOut
from offbook.formats.vcard.output import fold, write_line
from offbook.formats.vcard.writing import V3, V4, write_card
from tests.formats.contacts_said import no_blob

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
PNG = b"\x89PNG\r\n\x1a\n"


def lines(version: str, **contact: Any) -> list[str]:
    """The lines of the card of a contact called Ada, but for those that every card has."""
    text = write_card({"name": "Ada", **contact}, version, no_blob).text
    first, *inside, last, end = text.replace("\r\n ", "").split("\r\n")
    assert (first, inside[0], last, end) == ("BEGIN:VCARD", f"VERSION:{version}", "END:VCARD", "")
    return [line for line in inside[1:] if line not in ("FN:Ada", "N:;;;;")]


def detail(version: str, **entry: Any) -> list[str]:
    """The lines of a contact with this detail."""
    return lines(version, details={"k": entry})


@pytest.mark.parametrize(
    ("contact", "v3", "v4"),
    [
        ({"id": UUID}, [f"UID:{UUID}"], [f"UID:urn:uuid:{UUID}"]),
        ({"id": UUID, "uid": "a,b"}, ["UID:a,b"], ["UID;VALUE=text:a\\,b"]),
        ({"kind": "organization"}, ["X-ABShowAs:COMPANY"], ["KIND:org"]),
        ({"kind": "person"}, ["KIND:individual"], ["KIND:individual"]),
        ({"family_name": "King;x", "prefix": "Lady"}, ["N:King\\;x;;;Lady;"], ["N:King\\;x;;;Lady;"]),
        ({"birthday": "1815-12-10"}, ["BDAY:1815-12-10"], ["BDAY:18151210"]),
        ({"birthday": "--12-10"}, ["BDAY;X-APPLE-OMIT-YEAR=1604:1604-12-10"], ["BDAY:--1210"]),
        ({"company": "a,b", "department": "c; d"}, ["ORG:a\\,b;c;d"], ["ORG:a\\,b;c;d"]),
        ({"nickname": "a, b"}, ["NICKNAME:a,b"], ["NICKNAME:a,b"]),
        ({"nickname": "a,  b"}, ["NICKNAME:a\\,  b"], ["NICKNAME:a\\,  b"]),
        ({"notes": "a\nb\\"}, ["NOTE:a\\nb\\\\"], ["NOTE:a\\nb\\\\"]),
        ({"starred": True}, ["X-STARRED:1"], ["X-STARRED:1"]),
        (
            {"phone": "1", "phone_label": "Mobile", "phone_params": '[["PREF",["1"]],["TYPE",["voice"]]]'},
            ["TEL;TYPE=cell,voice,pref:1"],
            ["TEL;TYPE=cell,voice;PREF=1:1"],
        ),
        ({"website": "https://x.example/a,b;c"}, ["URL:https://x.example/a,b;c"], ["URL:https://x.example/a,b;c"]),
    ],
)
def test_a_field_is_its_property(contact: dict[str, Any], v3: list[str], v4: list[str]) -> None:
    assert (lines(V3, **contact), lines(V4, **contact)) == (v3, v4)


@pytest.mark.parametrize(
    ("entry", "v3", "v4"),
    [
        (
            {"kind": "phone", "label": "Boat", "value": "1"},
            ["item1.TEL:1", "item1.X-ABLabel:Boat"],
            ["item1.TEL:1", "item1.X-ABLabel:Boat"],
        ),
        (
            {"kind": "email", "label": "Home Page", "value": "a"},
            ["item1.EMAIL:a", "item1.X-ABLabel:_$!<HomePage>!$_"],
            ["item1.EMAIL:a", "item1.X-ABLabel:_$!<HomePage>!$_"],
        ),
        (
            {"kind": "relation", "label": "Spouse", "value": "Bo"},
            ["item1.X-ABRELATEDNAMES:Bo", "item1.X-ABLabel:_$!<Spouse>!$_"],
            ["RELATED;TYPE=spouse;VALUE=text:Bo"],
        ),
        (
            {"kind": "date", "label": "Anniversary", "value": "--02-03"},
            ["item1.X-ABDATE;X-APPLE-OMIT-YEAR=1604:1604-02-03", "item1.X-ABLabel:_$!<Anniversary>!$_"],
            ["ANNIVERSARY:--0203"],
        ),
        (
            {"kind": "address", "label": "Work", "street": "1 A", "value": 'a"\nb', "params": '[["X-ABADR",["gb"]]]'},
            ["item1.ADR;TYPE=work:;;1 A;;;;", 'item1.LABEL:a"\\nb', "item1.X-ABADR:gb"],
            ["item1.ADR;TYPE=work;LABEL=a^'^nb:;;1 A;;;;", "item1.X-ABADR:gb"],
        ),
        (
            {"kind": "im", "label": "Skype", "value": "bo", "params": '[["@NAME",["X-SKYPE"]]]'},
            ["X-SKYPE:bo"],
            ["X-SKYPE:bo"],
        ),
        ({"kind": "custom", "value": "a"}, ["X-CUSTOM:a"], ["X-CUSTOM:a"]),
        ({"kind": "group", "value": "a,b"}, ["CATEGORIES:a\\,b"], ["CATEGORIES:a\\,b"]),
        (
            {"kind": "property", "label": "LOGO", "value": "data:image/gif;base64,QUJD"},
            ["LOGO;ENCODING=b;TYPE=gif:QUJD"],
            ["LOGO:data:image/gif;base64,QUJD"],
        ),
        (
            {"kind": "property", "label": "X-FOO", "value": "a\nb", "params": '[["@GROUP",["g"]],["B",["c:d"]]]'},
            ['g.X-FOO;B="c:d":a\\nb'],
            ['g.X-FOO;B="c:d":a\\nb'],
        ),
    ],
    ids=lambda value: f"{value['kind']} {value.get('label')}" if isinstance(value, dict) else "",
)
def test_a_detail_is_a_property(entry: dict[str, Any], v3: list[str], v4: list[str]) -> None:
    assert (detail(V3, **entry), detail(V4, **entry)) == (v3, v4)


def test_only_the_first_anniversary_is_one() -> None:
    """RFC 6350, section 6.2.6: there is one at the most."""
    entry = {"kind": "date", "label": "Anniversary"}
    days = {"a": {**entry, "value": "2001-02-03"}, "b": {**entry, "value": "2002-02-03"}}
    assert [line.partition(":")[0] for line in lines(V4, details=days)] == [
        "ANNIVERSARY",
        "item1.X-ABDATE",
        "item1.X-ABLabel",
    ]


def test_a_new_group_takes_no_name_that_is_there() -> None:
    boat = {"kind": "phone", "label": "Boat", "value": "1", "position": 2}
    kept = {"kind": "property", "label": "X-FOO", "value": "a", "params": '[["@GROUP",["ITEM1"]]]', "position": 1}
    assert lines(V3, details={"a": boat, "b": kept}) == ["ITEM1.X-FOO:a", "item2.TEL:1", "item2.X-ABLabel:Boat"]


@pytest.mark.parametrize(
    ("version", "head"), [(V3, "PHOTO;ENCODING=b;TYPE=png:"), (V4, "PHOTO:data:image/png;base64,")]
)
def test_a_photo_is_written_with_its_bytes(version: str, head: str) -> None:
    digest = sha256(PNG).hexdigest()
    written = write_card({"name": "Ada", "photo": digest}, version, lambda asked: PNG if asked == digest else None)
    assert head + b64encode(PNG).decode() in written.text.replace("\r\n ", "")
    assert written.left_out == []


@pytest.mark.parametrize(
    ("contact", "field"),
    [
        ({"photo": "0" * 64}, "photo"),
        ({"kind": "robot"}, "kind"),
        ({"shoe_size": "44"}, "shoe_size"),
        ({"details": {"k": {"kind": "custom", "label": "unreadable", "value": "a"}}}, "details/k"),
        ({"details": {"k": {"kind": "mood", "value": "a"}}}, "details/k"),
        ({"details": {"k": {"kind": "group", "value": "* starred"}}}, "details/k"),
        ({"details": {"k": {"kind": "property", "label": "END", "value": "VCARD"}}}, "details/k"),
        ({"details": {"k": {"kind": "property", "label": "a b", "value": "a"}}}, "details/k"),
        ({"details": {"k": {"kind": "property", "label": "TITLE", "params": '[["A",["b"]]]'}}}, "details/k"),
        ({"details": {"k": {"kind": "phone", "value": "1", "street": "a"}}}, "details/k/street"),
    ],
)
def test_what_is_left_out_is_told(contact: dict[str, Any], field: str) -> None:
    for version in (V3, V4):
        whole: Contact = {"id": UUID, "name": "Ada", **contact}
        assert write_card(whole, version, no_blob).left_out == [LeftOut(UUID, field)]


@pytest.mark.parametrize("params", ["no json", "{}", "[1]", '[["a b",["c"]]]', '[["A",[1]]]', '[["A"]]'])
def test_parameters_that_are_none_are_not_written(params: str) -> None:
    assert detail(V4, kind="phone", value="1", params=params) == ["TEL:1"]


def test_a_line_break_in_a_text_begins_no_property() -> None:
    assert lines(V3, title="a\r\nEND:VCARD\rb\nc") == ["TITLE:a\\nEND:VCARD\\nb\\nc"]
    assert write_line("", "X", (("A", ('b"\r\nEND:VCARD',)),), "c") == 'X;A="b^\'^nEND:VCARD":c\r\n'


@pytest.mark.parametrize("letter", ["x", "é", "山", "😀"])
def test_folding_cuts_no_character(letter: str) -> None:
    for count in range(60, 90):
        line = f"X:{letter * count}"
        pieces = fold(line).encode().split(b"\r\n")
        assert all(len(piece) <= 75 for piece in pieces)
        assert "".join(piece.decode().removeprefix(" ") for piece in pieces) == line
