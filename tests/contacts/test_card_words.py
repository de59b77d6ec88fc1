"""What people read of what only a card has said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from offbook.contacts.card_words import params_words, property_words
from offbook.contacts.labels import FIELDS
from offbook.formats.vcard import properties


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ([], ""),
        ([["TYPE", ["VOICE"]]], ""),
        ([["TYPE", ["voice", "video"]]], "video"),
        ([["@GROUP", ["item1"]], ["@NAME", ["X-SKYPE"]]], ""),
        ([["PID", ["1.1"]], ["ALTID", ["1"]], ["CHARSET", ["UTF-8"]], ["X-FOO", ["bar"]]], ""),
        ([["LANGUAGE", ["de"]], ["PREF", ["2"]]], "language de; preference 2"),
        ([["@MORE", ["left", "over"]], ["@TIME", ["1015"]]], "left, over; time 1015"),
        ([["X-ABADR", ["de"]]], "country de"),
        ([["X-SERVICE-TYPE", ["Threema"]]], "service Threema"),
    ],
)
def test_parameters_are_words_where_they_mean_something(params: Any, words: str) -> None:
    assert params_words(json.dumps(params)) == words


@pytest.mark.parametrize("stored", ["{", "[1]", '{"a": 1}', '[["TYPE", [1]]]', "as typed"])
def test_what_is_no_such_json_is_shown_as_it_is(stored: str) -> None:
    assert params_words(stored) in (stored, "")
    assert params_words(None) == ""


def test_what_stands_among_the_parameters_and_is_none_is_known() -> None:
    for name in (properties.GROUP, properties.NAME):
        assert params_words(json.dumps([[name, ["item1"]]])) == ""
    for name in (properties.MORE, properties.TIME):
        assert params_words(json.dumps([[name, ["x"]]])) != ""
    assert {"phone_params", "email_params", "website_params"} <= FIELDS.keys()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("GENDER", "F", ("Gender", "F")),
        ("X-FOO", r"a\, b\nc\;d\\", ("X-FOO", "a, b\nc;d\\")),
        ("X-ABUID", "5AD380FD:ABPerson", None),
        ("FN", "", None),
        ("FN", None, None),
        ("KEY", "data:application/pgp-keys;base64," + "QUJD" * 100, ("Key", "433 characters of data")),
        ("X-LONG", "word " * 100, ("X-LONG", "word " * 80 + "…")),
    ],
)
def test_a_property_is_in_words_or_for_programs(name: str, value: str | None, words: Any) -> None:
    assert property_words(name, value) == words
