"""Ranges of ids: parts that hold all and hold it once, and questions that are read strictly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core.errors import Malformed
from offbook.core.protocol.requests import PAGE_MAX
from offbook.core.schema import Field, Schema, Table
from offbook.core.verify.digests import MODULUS
from offbook.core.verify.ranges import (
    ID_CHARACTERS,
    PARTS,
    RANGES_MAX,
    WHOLE,
    WITHOUT_MAX,
    Compare,
    Fetch,
    Sum,
    parse_compare,
    parse_fetch,
    split,
    sum_of,
)

ADA = "5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e01"


def test_the_first_split_is_by_the_first_digit() -> None:
    bounds = [part[:2] for part in split(WHOLE)]
    assert bounds[0] == ("", "1")
    assert bounds[10] == ("a", "b")
    assert bounds[-1] == ("f", None)
    assert len(bounds) == PARTS


def test_dashes_are_no_digits() -> None:
    (part,) = [part for part in split(WHOLE) if ADA in part]
    while len(part.stem) < 10:
        (part,) = [one for one in split(part) if ADA in one]
    assert part[:2] == ("5f0c1c9e-7", "5f0c1c9e-8")


@given(st.uuids(), st.text(max_size=5))
def test_every_id_is_in_one_part_at_every_depth(uuid: Any, odd: str) -> None:
    """A tool may have made ids that are none: those are in one part as well."""
    for record_id in (str(uuid), odd):
        parts, depth = [WHOLE], 0
        while parts:
            (part,) = [one for one in parts if record_id in one]
            parts, depth = split(part), depth + 1
        assert depth == 33


def test_a_range_holds_nothing_but_ids() -> None:
    number: object = 5
    assert number not in WHOLE
    assert len(split(WHOLE)[0].stem) < ID_CHARACTERS


# --- questions -----------------------------------------------------------------------------------------------------


def test_a_question_is_read_as_it_was_asked() -> None:
    question = parse_compare(
        BUILT_IN, BUILT_IN, {"table": "contacts", "ranges": [["", "3"], ["3", "4a"], ["f", None]], "records": True}
    )
    assert isinstance(question, Compare)
    assert [one[:2] for one in question.ranges] == [("", "3"), ("3", "4a"), ("f", None)]
    assert (question.table, question.records) == (CONTACTS, True)
    assert parse_compare(BUILT_IN, BUILT_IN, {"table": "contacts", "ranges": [["", None]]}).records is False
    assert parse_fetch(BUILT_IN, {"table": "contacts", "ids": [ADA.upper()]}) == Fetch(CONTACTS, [ADA])


def test_digest_2_is_of_any_table_and_digest_1_of_what_is_shown() -> None:
    boats = Table("boats", (Field("name"),))
    schema = Schema((CONTACTS, boats))
    whole = {"table": "boats", "ranges": [["", None]]}
    question = parse_compare(schema, BUILT_IN, {**whole, "digest": 2, "without": ["name", "unknown", "crew.role"]})
    assert (question.table, question.version) == (boats, 2)
    assert question.without == {"name", "unknown", "crew.role"}
    with pytest.raises(Malformed) as refused:
        parse_compare(schema, BUILT_IN, {**whole, "digest": 1})
    assert refused.value.code == "unknown_table"
    narrow = Schema((replace(CONTACTS, fields=CONTACTS.fields[:1]),))
    question = parse_compare(schema, narrow, {"table": "contacts", "ranges": [["", None]]})
    assert (question.table, question.version, question.without) == (narrow["contacts"], 1, frozenset())


BAD_DIGESTS: list[Any] = [0, 3, "2", 2.0, True, None, [2]]
BAD_NAMES: list[Any] = [None, "phone", {}, [5], [None], [""], ["Phone"], ["a.b.c"], ["details/k1"], [".a"]]
BAD_COMPARES: dict[str, tuple[Any, str]] = {
    "a list": ([], "not_an_object"),
    "nothing": ({}, "unknown_table"),
    "an unknown table": ({"table": "users", "ranges": [["", None]]}, "unknown_table"),
    "a table that is a list": ({"table": [], "ranges": [["", None]]}, "unknown_table"),
    "an unknown key": ({"table": "contacts", "ranges": [["", None]], "since": None}, "unknown_key"),
    "no ranges": ({"table": "contacts"}, "bad_ranges"),
    "ranges that are an object": ({"table": "contacts", "ranges": {}}, "bad_ranges"),
    "not one range": ({"table": "contacts", "ranges": []}, "bad_ranges"),
    "too many ranges": ({"table": "contacts", "ranges": [["", None]] * (RANGES_MAX + 1)}, "bad_ranges"),
    "a flag that is a number": ({"table": "contacts", "ranges": [["", None]], "records": 1}, "bad_ranges"),
    **{
        f"the range {one!r}": ({"table": "contacts", "ranges": [one]}, "bad_ranges")
        for one in [None, "3", [], ["3"], ["3", "4", "5"], [None, "3"], [3, 4], ["4", "3"], ["3", "3"], ["A", None]]
    },
    "a bound that is none": ({"table": "contacts", "ranges": [["", "x"]]}, "bad_ranges"),
    "a bound too long": ({"table": "contacts", "ranges": [["a" * 37, None]]}, "bad_ranges"),
    "ranges out of order": ({"table": "contacts", "ranges": [["3", "4"], ["1", "2"]]}, "bad_ranges"),
    "ranges over each other": ({"table": "contacts", "ranges": [["1", "3"], ["2", "4"]]}, "bad_ranges"),
    **{
        f"the digest {digest!r}": ({"table": "contacts", "ranges": [["", None]], "digest": digest}, "bad_digest")
        for digest in BAD_DIGESTS
    },
    **{
        f"without {str(names)[:30]!r}": (
            {"table": "contacts", "ranges": [["", None]], "digest": 2, "without": names},
            "bad_without",
        )
        for names in (*BAD_NAMES, ["phone"] * (WITHOUT_MAX + 1))
    },
    "without, of digest 1": ({"table": "contacts", "ranges": [["", None]], "without": []}, "bad_without"),
    "a range behind the end": ({"table": "contacts", "ranges": [["1", None], ["2", "3"]]}, "bad_ranges"),
}


@pytest.mark.parametrize("name", BAD_COMPARES)
def test_a_comparison_that_can_not_be_read_is_refused(name: str) -> None:
    envelope, code = BAD_COMPARES[name]
    with pytest.raises(Malformed) as refused:
        parse_compare(BUILT_IN, BUILT_IN, envelope)
    assert refused.value.code == code


@pytest.mark.parametrize("ids", [None, {}, [], [None], [5], ["x"], [ADA, ADA[1:]], [ADA] * (PAGE_MAX + 1)])
def test_ids_that_can_not_be_read_are_refused(ids: Any) -> None:
    with pytest.raises(Malformed) as refused:
        parse_fetch(BUILT_IN, {"table": "contacts", "ids": ids})
    assert refused.value.code == "bad_ids"


def test_a_sum_counts_digests_and_stays_below_the_modulus() -> None:
    assert sum_of([]) == Sum(0, 0)
    assert sum_of([MODULUS - 1, 3]) == Sum(2, 2)
