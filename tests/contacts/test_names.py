"""A name and its parts (offbook/contacts/names.py): the table of cases, what a write leaves out, and the laws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.contacts.names import (
    NAME,
    NAME_MAX,
    NO_PARTS,
    PART_MAX,
    PARTS,
    STAND_INS,
    Parts,
    agrees,
    complete,
    is_of_person,
    join,
    known_parts,
    parts_of,
    parts_to_write,
    split,
)
from offbook.contacts.table import CONTACTS
from offbook.core.model import Clock, Record

Cells = Mapping[str, Any]


def parts(given: str = "", family: str = "", middle: str = "", prefix: str = "", suffix: str = "") -> Parts:
    return Parts(prefix or None, given or None, middle or None, family or None, suffix or None)


CASES = {
    # plain names
    "Ada": parts("Ada"),
    "Ada Lovelace": parts("Ada", "Lovelace"),
    "Ada Augusta Lovelace": parts("Ada", "Lovelace", "Augusta"),
    "John Ronald Reuel Tolkien": parts("John", "Tolkien", "Ronald Reuel"),
    "J. R. R. Tolkien": parts("J.", "Tolkien", "R. R."),
    "J.R.R. Tolkien": parts("J.R.R.", "Tolkien"),
    "Anne-Marie Dupont": parts("Anne-Marie", "Dupont"),
    "Daniel Day-Lewis": parts("Daniel", "Day-Lewis"),
    "Conan O'Brien": parts("Conan", "O'Brien"),
    "  Ada \t Lovelace ": parts("Ada", "Lovelace"),
    "Ada\u00a0Lovelace": parts("Ada", "Lovelace"),
    "Björk Guðmundsdóttir": parts("Björk", "Guðmundsdóttir"),
    "Лев Николаевич Толстой": parts("Лев", "Толстой", "Николаевич"),
    "Gabriel García Márquez": parts("Gabriel", "Márquez", "García"),
    "Ada Lovelace (Work)": parts("Ada", "Lovelace (Work)"),
    # titles
    "Dr. Ada King": parts("Ada", "King", prefix="Dr."),
    "dr ada king": parts("ada", "king", prefix="dr"),
    "Prof. Dr. Marie Curie": parts("Marie", "Curie", prefix="Prof. Dr."),
    "Prof. Dr. h. c. Max Planck": parts("Max", "Planck", prefix="Prof. Dr. h. c."),
    "Dr. med. Anna Huber": parts("Anna", "Huber", prefix="Dr. med."),
    "Dipl.-Ing. Karl Benz": parts("Karl", "Benz", prefix="Dipl.-Ing."),
    "Frau Angela Merkel": parts("Angela", "Merkel", prefix="Frau"),
    "Mr. Bean": parts(family="Bean", prefix="Mr."),
    "Lord Byron": parts(family="Byron", prefix="Lord"),
    "Sir Elton": parts("Elton", prefix="Sir"),
    "Sir Isaac Newton": parts("Isaac", "Newton", prefix="Sir"),
    "Capt. Grace Hopper": parts("Grace", "Hopper", prefix="Capt."),
    "Sen Katayama": parts("Sen", "Katayama"),
    "Dr.": parts("Dr."),
    "Doctor": parts("Doctor"),
    # what follows a name
    "Martin Luther King Jr.": parts("Martin", "King", "Luther", suffix="Jr."),
    "Martin Luther King, Jr.": parts("Martin", "King", "Luther", suffix="Jr."),
    "John Smith III": parts("John", "Smith", suffix="III"),
    "Ada King PhD": parts("Ada", "King", suffix="PhD"),
    "Ada King, Ph.D., MBA": parts("Ada", "King", suffix="Ph.D., MBA"),
    "Ada King Jr., M.D.": parts("Ada", "King", suffix="Jr., M.D."),
    "Dr. John Watson, M.D.": parts("John", "Watson", prefix="Dr.", suffix="M.D."),
    "John Smith, MA": parts("John", "Smith", suffix="MA"),
    "Smith, MA": parts("MA", "Smith"),
    "Yo-Yo Ma": parts("Yo-Yo", "Ma"),
    "Md Rahman": parts("Md", "Rahman"),
    "King Jr.": parts("King", suffix="Jr."),
    "King, Jr.": parts(family="King", suffix="Jr."),
    "Jr.": parts("Jr."),
    # particles
    "Ludwig van Beethoven": parts("Ludwig", "van Beethoven"),
    "Vincent Van Gogh": parts("Vincent", "Van Gogh"),
    "Annette von Droste-Hülshoff": parts("Annette", "von Droste-Hülshoff"),
    "Walther von der Vogelweide": parts("Walther", "von der Vogelweide"),
    "Maria de la Cruz": parts("Maria", "de la Cruz"),
    "Maria de la Cruz Garcia": parts("Maria", "de la Cruz Garcia"),
    "Luís Vaz de Camões": parts("Luís", "de Camões", "Vaz"),
    "Leonardo da Vinci": parts("Leonardo", "da Vinci"),
    "Osama bin Laden": parts("Osama", "bin Laden"),
    "Khalid ibn al Walid": parts("Khalid", "ibn al Walid"),
    "José Ortega y Gasset": parts("José", "Ortega y Gasset"),
    "Gerard 't Hooft": parts("Gerard", "'t Hooft"),
    "van Gogh": parts(family="van Gogh"),
    "von Neumann": parts(family="von Neumann"),
    "Van Morrison": parts("Van", "Morrison"),
    "Al Gore": parts("Al", "Gore"),
    "Freiherr vom Stein": parts("Freiherr", "vom Stein"),
    "Pedro y Pablo": parts("Pedro", "Pablo", "y"),
    "Anna van": parts("Anna", "van"),
    # the family's name first
    "Lovelace, Ada": parts("Ada", "Lovelace"),
    "King, Martin Luther, Jr.": parts("Martin", "King", "Luther", suffix="Jr."),
    "King Jr., Martin Luther": parts("Martin", "King", "Luther", suffix="Jr."),
    "von Neumann, John": parts("John", "von Neumann"),
    "García Márquez, Gabriel": parts("Gabriel", "García Márquez"),
    "Curie, Prof. Marie": parts("Marie", "Curie", prefix="Prof."),
    "Lovelace,Ada": parts("Ada", "Lovelace"),
    "Lovelace,": parts("Lovelace"),
    ", Ada": parts("Ada"),
    "a, b, c d": parts("b", "a", "c d"),
    # China, Japan, Korea
    "山田太郎": parts("山田太郎"),
    "山田 太郎": parts("太郎", "山田"),
    "김 철수": parts("철수", "김"),
    "王小明": parts("王小明"),
    "山田 Taro": parts("山田", "Taro"),
    "佐々木 希": parts("希", "佐々木"),
    "Dr. 山田 太郎": parts("太郎", "山田", prefix="Dr."),
    "山田 123": parts("山田", "123"),
    # nothing
    "": NO_PARTS,
    " , ": NO_PARTS,
}


@pytest.mark.parametrize("name", CASES)
def test_a_name_is_taken_apart_as_people_write_it(name: str) -> None:
    assert split(name) == CASES[name]


@pytest.mark.parametrize("name", CASES)
def test_a_name_agrees_with_what_it_was_taken_apart_into(name: str) -> None:
    assert agrees(name, split(name))


@pytest.mark.parametrize(
    ("given_parts", "name"),
    [
        (parts("Ada", "King", "Augusta", "Dr.", "PhD"), "Dr. Ada Augusta King PhD"),
        (parts(" Ada ", "de  la Cruz"), "Ada de la Cruz"),
        (parts("太郎", "山田"), "山田 太郎"),
        (parts("Taro", "山田"), "Taro 山田"),
        (NO_PARTS, ""),
    ],
)
def test_parts_are_put_together(given_parts: Parts, name: str) -> None:
    assert join(given_parts) == name


@pytest.mark.parametrize(
    ("name", "given_parts", "expected"),
    [
        ("Mary Ann Smith", parts("Mary Ann", "Smith"), True),
        ("Smith, Mary Ann", parts("Mary Ann", "Smith"), True),
        ("Smith Mary Ann", parts("Mary Ann", "Smith"), False),
        ("ada lovelace", parts("Ada", "Lovelace"), False),
        ("山田太郎", parts("太郎", "山田"), True),
        ("太郎 山田", parts("太郎", "山田"), True),
        ("山田花子", parts("太郎", "山田"), False),
        ("Ada", NO_PARTS, False),
    ],
)
def test_a_name_agrees_with_parts_in_any_order_that_people_use(name: str, given_parts: Parts, expected: bool) -> None:
    assert agrees(name, given_parts) is expected


@pytest.mark.parametrize(
    "name", ["ada@example.org", "+49 30 1234", "(no name)", "[x]", "Acme Inc.", "Müller GmbH", "?"]
)
def test_what_is_no_person_has_no_parts(name: str) -> None:
    assert not is_of_person(name)
    assert parts_of(name, {}) == NO_PARTS


@pytest.mark.parametrize("field", STAND_INS)
def test_a_name_that_only_stands_in_for_one_has_no_parts(field: str) -> None:
    assert parts_of("Blue Door", {field: "Blue Door"}) == NO_PARTS
    assert parts_of("Blue Door", {field: "Red Door"}) == parts("Blue", "Door")


def test_a_part_that_would_not_fit_is_not_made() -> None:
    assert parts_of("x" * 201, {}) == NO_PARTS
    assert {name: CONTACTS.by_name[name].limit for name in PARTS} == PART_MAX
    assert CONTACTS.by_name[NAME].limit == NAME_MAX


# --- what a write left out -------------------------------------------------------------------------------------------

ADA: Cells = {"name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace"}
WITHOUT_PARTS: Cells = {"name": "Ada Lovelace"}
MARY: Cells = {"name": "Mary Ann Smith", "given_name": "Mary Ann", "family_name": "Smith"}
OTHERWISE: Cells = {"name": "Countess", "given_name": "Ada", "family_name": "King"}
FIRM: Cells = {"name": "Acme", "company": "Acme", "phone": "1"}


X, Y = "x" * 200, "y" * 200


def value(name: str, given: str = "", family: str = "", **others: str) -> dict[str, str | None]:
    return {NAME: name, **dict(zip(PARTS, parts(given, family, **others), strict=True))}


@pytest.mark.parametrize(
    ("known", "written", "whole"),
    [
        # a name brings its parts
        ({}, {"name": "Ada Lovelace"}, value("Ada Lovelace", "Ada", "Lovelace")),
        (ADA, {"name": "Dr. Ada King"}, value("Dr. Ada King", "Ada", "King", prefix="Dr.")),
        (ADA, {"name": "Ada King", "given_name": None, "family_name": None}, value("Ada King", "Ada", "King")),
        (ADA, {"name": "Lovelace, Ada"}, value("Lovelace, Ada", "Ada", "Lovelace")),
        (MARY, {"name": "Smith, Mary Ann"}, value("Smith, Mary Ann", "Mary Ann", "Smith")),
        # parts bring their name
        ({}, {"given_name": "Ada", "family_name": "King"}, value("Ada King", "Ada", "King")),
        (ADA, {"family_name": "King"}, value("Ada King", "Ada", "King")),
        (ADA, {"name": "Ada Lovelace", "family_name": "King"}, value("Ada King", "Ada", "King")),
        (ADA, {"name": None, "family_name": "King"}, value("Ada King", "Ada", "King")),
        (WITHOUT_PARTS, {"suffix": "PhD"}, value("Ada Lovelace PhD", "Ada", "Lovelace", suffix="PhD")),
        (
            ADA,
            {"given_name": "x" * 200, "family_name": "y" * 200},
            value(f"{'x' * 200} {'y' * 99}", "x" * 200, "y" * 200),
        ),
        # both
        (MARY, {"name": "Mary Ann King", "family_name": "King"}, value("Mary Ann King", "Mary Ann", "King")),
        (ADA, {"name": "Zoe King", "family_name": "King"}, value("Zoe King", "Zoe", "King")),
        (ADA, {"name": "Countess", "family_name": "King"}, value("Countess", "Ada", "King")),
        ({}, {"name": "Zoe King IV", "family_name": "King"}, value("Zoe King IV", "", "King")),
        # never without a name
        ({}, {"company": "Acme"}, value("Acme")),
        ({}, {"name": " ", "phone": "1", "email": "a@b.c"}, value("a@b.c")),
        (FIRM, {"name": ""}, value("Acme")),
        (ADA, {"given_name": None, "family_name": ""}, value("Ada Lovelace", "Ada", "Lovelace")),
        ({**ADA, "company": "Acme"}, {"given_name": None, "family_name": None}, value("Acme")),
        (
            {**ADA, "company": "Acme"},
            {"name": "Ada Lovelace", "given_name": None, "family_name": None},
            value("Ada Lovelace", "Ada", "Lovelace"),
        ),
        # a name that stands in for one follows
        (FIRM, {"company": "Beta"}, value("Beta")),
        (FIRM, {"company": None}, value("1")),
        ({"name": "Acme", "company": "Acme"}, {"company": None}, value("Acme", "Acme")),
        # said again, it brings parts where there are none
        (WITHOUT_PARTS, {"name": "Ada Lovelace"}, value("Ada Lovelace", "Ada", "Lovelace")),
    ],
)
def test_a_write_is_completed(known: Cells, written: Cells, whole: Cells) -> None:
    assert {**written, **complete(written, known)} == {**written, **whole}


@pytest.mark.parametrize(
    ("known", "written"),
    [
        (ADA, {}),
        (ADA, {"name": None}),
        (ADA, {"name": "Ada Lovelace"}),
        (ADA, ADA),
        (OTHERWISE, {"name": "Countess", "given_name": "Ada"}),
        (ADA, {"company": "Acme"}),
        ({**ADA, "company": "Ada Lovelace"}, {"company": "Acme"}),
        (WITHOUT_PARTS, {"notes": "x"}),
        (FIRM, {"phone": "2"}),
        (FIRM, {"name": "Acme"}),
        ({}, {"notes": "x"}),
        ({}, {"name": None}),
        ({}, {"given_name": ""}),
        ({"given_name": "Ada"}, {"given_name": None}),
    ],
)
def test_what_does_not_touch_the_name_is_left_alone(known: Cells, written: Cells) -> None:
    assert complete(written, known) == {}


# --- laws ------------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "Ada",
        "King",
        "van",
        "Van",
        "der",
        "de",
        "la",
        "y",
        "bin",
        "Dr.",
        "dr",
        "h.",
        "Sir",
        "Jr.",
        "III",
        "PhD",
        "MA",
        "GmbH",
    ]
    + ["(Work)", "山田", "太郎", "Lovelace,", ",", "MD,", "a@b.c", "123", "O'Brien", "Æ", "x" * 150]
)
NAMES = st.lists(WORDS, max_size=6).map(" ".join) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
TEXTS = st.none() | NAMES
ROWS = st.fixed_dictionaries({}, optional=dict.fromkeys([NAME, *PARTS, *STAND_INS], TEXTS))


def words(text: str) -> list[str]:
    return sorted(text.replace(",", " ").split())


@given(NAMES)
def test_joining_what_was_split_gives_the_same_words(name: str) -> None:
    taken_apart = split(name)
    assert words(join(taken_apart)) == words(name)
    assert agrees(name, taken_apart)


@given(NAMES)
def test_what_was_put_together_is_taken_apart_into_the_same_words_again(name: str) -> None:
    assert agrees(join(split(name)), split(name))


@given(ROWS, ROWS)
def test_completing_twice_is_completing_once(written: dict[str, Any], known: dict[str, Any]) -> None:
    whole = {**written, **complete(written, known)}
    assert {**whole, **complete(whole, known)} == whole
    after = {**known, **whole}
    assert {**after, **complete(whole, after)} == after


@given(ROWS, ROWS)
def test_a_write_completes_all_of_the_name_or_none(written: dict[str, Any], known: dict[str, Any]) -> None:
    assert set(complete(written, known)) in (set(), {NAME, *PARTS})


@given(st.fixed_dictionaries({NAME: NAMES.filter(lambda name: bool(name.strip()))}), ROWS)
def test_a_name_alone_brings_parts_that_agree_with_it(written: dict[str, Any], known: dict[str, Any]) -> None:
    after = {**known, **written, **complete(written, known)}
    if after[NAME] != known.get(NAME):
        made = known_parts(after)
        assert agrees(after[NAME], made) or made == NO_PARTS == parts_of(after[NAME], after)


# --- contacts of before ----------------------------------------------------------------------------------------------


def record(cells: Cells, **seqs: int) -> Record:
    clocks = {cell: Clock(seq, seq, "c", "r") for cell, seq in seqs.items()}
    return Record(CONTACTS, "ada", 9, False, cells, Clock(1, 1, "c", "r"), clocks)


@pytest.mark.parametrize(
    ("contact", "made"),
    [
        (record(WITHOUT_PARTS), parts("Ada", "Lovelace")),
        (record({**ADA, "name": "Eve King"}, name=2), parts("Eve", "King")),
        (record({**ADA, "name": "Eve King"}, name=3, given_name=2), parts("Eve", "King")),
        (record({**ADA, "name": "(gone)"}, name=2), NO_PARTS),
        (record({**ADA, "name": "Eve King"}, name=2, given_name=3), None),
        (record({**ADA, "name": "Eve King"}), None),
        (record(ADA, name=2), None),
        (record(FIRM), None),
        (record({}), None),
    ],
)
def test_a_contact_of_before_gets_the_parts_that_its_name_lacks(contact: Record, made: Parts | None) -> None:
    assert parts_to_write(contact) == (None if made is None else dict(zip(PARTS, made, strict=True)))
