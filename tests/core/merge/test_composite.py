"""A name and its parts are one value: what a change leaves out is derived, and no two renames ever mix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from offbook.contacts.names import NAME, PARTS, Parts, agrees, complete
from offbook.contacts.table import BUILT_IN, CONTACTS, LABELS
from offbook.core.conflicts.resolution import Choice, patch_of_choice
from offbook.core.history.entry import HistoryStep
from offbook.core.history.reconstruct import state_at
from offbook.core.merge.batch import BookState, Plan, plan_batch
from offbook.core.merge.composite import base_of_history, completed_change, completed_data
from offbook.core.merge.policies import POLICIES
from offbook.core.merge.rebase import PendingLine, visible_cells
from offbook.core.model import Cells, Change, Clock, Key, Record, Verdict
from offbook.core.protocol.requests import parse_change
from tests.core.merge.test_batch import KEY, NOW, a_change, existing, number, push, verdicts

ADA: dict[str, Any] = {"name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace"}
BEA: dict[str, Any] = {"name": "Bea Byron", "given_name": "Bea", "family_name": "Byron"}
MARY: dict[str, Any] = {"name": "Mary Ann Smith", "given_name": "Mary Ann", "family_name": "Smith"}


def value(cells: Mapping[str, Any]) -> dict[str, Any]:
    return {cell: cells.get(cell) for cell in (NAME, *PARTS)}


def whole(known: Mapping[str, Any], **written: str | None) -> dict[str, Any]:
    """The name and parts that a write makes of a record that its writer knows so."""
    return value({**known, **written, **complete(written, known)})


class Book:
    """A book of one contact, to which changes are pushed one by one."""

    def __init__(self, policy: str, **cells: Any) -> None:
        self.policy = policy
        self.seq = 0
        self.records: dict[Key, Record] = {}
        self.steps: list[HistoryStep] = []
        self.plan = self.push(a_change(1000, "INSERT", by=9, **cells))
        self.base = self.seq

    def push(self, change: Change) -> Plan:
        state = BookState(1, number(999), self.policy, "epoch", self.seq, 0)
        opened = {change.resolves[0]: KEY} if change.resolves else {}
        self.plan = plan_batch(state, self.records, {}, [change], NOW + len(self.steps), opened, cells_at=self.cells_at)
        self.records, self.seq = self.plan.records, self.plan.seq
        self.steps += [HistoryStep(KEY, entry.seq, entry.before) for entry in self.plan.history if entry.seq]
        return self.plan

    def cells_at(self, key: Key, seq: int) -> Cells:
        return state_at(self.records[key], [step for step in self.steps if step.seq > seq], seq)

    def shown(self) -> dict[str, Any]:
        return value(self.records[KEY].cells)


# --- what is derived -------------------------------------------------------------------------------------------------


def test_a_new_record_gets_what_its_change_left_out_and_its_device_hears_of_it() -> None:
    result = push(a_change(1, "INSERT", name="Ada Lovelace"))
    assert result.records[KEY].cells == ADA
    assert result.history[0].change is not None
    assert result.history[0].change.cells == ADA
    assert result.outcomes[0].shows_record


def test_what_is_said_whole_is_as_it_was_sent() -> None:
    result = push(a_change(1, "INSERT", **ADA), a_change(2, "UPDATE", base=1_000_000_000, phone="1"))
    assert [outcome.shows_record for outcome in result.outcomes] == [False, False]


def test_a_rename_writes_the_whole_value_with_one_clock() -> None:
    old = existing(**ADA)
    result = push(a_change(1, "UPDATE", base=old.seq, name="Ada King"), records=old.records, book=a_book_of(old))
    record = result.records[KEY]
    assert value(record.cells) == whole(ADA, name="Ada King")
    assert {record.clock(cell).change_id for cell in (NAME, *PARTS)} == {number(1)}
    assert set(result.history[0].before) == {NAME, *PARTS}
    assert result.outcomes[0].shows_record


def test_parts_bring_their_name() -> None:
    old = existing(**ADA)
    result = push(a_change(1, "UPDATE", base=old.seq, family_name="King"), records=old.records, book=a_book_of(old))
    assert value(result.records[KEY].cells) == whole(ADA, name="Ada King")


def test_a_name_that_stands_for_the_company_follows_it() -> None:
    old = existing(name="Acme", company="Acme")
    result = push(a_change(1, "UPDATE", base=old.seq, company="Beta"), records=old.records, book=a_book_of(old))
    assert value(result.records[KEY].cells) == value({"name": "Beta"})
    assert result.outcomes[0].shows_record


@pytest.mark.parametrize(
    ("operation", "data"), [("UPDATE", {"phone": "1"}), ("DELETE", {}), ("UPDATE", {"name": "Ada Lovelace"})]
)
def test_what_does_not_touch_it_is_as_it_was_sent(operation: str, data: dict[str, Any]) -> None:
    old = existing(**ADA)
    change = a_change(1, operation, base=old.seq, **data)
    assert completed_change(change, old.records[KEY]) is change


def test_what_is_only_for_the_history_is_as_it_was_sent() -> None:
    change = a_change(1, "UPDATE", name="Ada King")._replace(history=True)
    assert completed_change(change, existing(**ADA).records[KEY]) is change


def test_a_purged_record_is_not_brought_back_by_a_part() -> None:
    gone = existing(**ADA).records[KEY]._replace(deleted=True, cells={})
    change = a_change(1, "UPDATE", base=gone.seq, given_name="Eve")
    assert completed_change(change, gone) is change
    named = a_change(2, "UPDATE", base=gone.seq, name="Eve")
    assert completed_change(named, gone).cells["given_name"] == "Eve"


def test_an_edit_of_what_never_was_brings_nothing_into_being() -> None:
    assert verdicts(push(a_change(1, "UPDATE", name="Eve"))) == ["rejected"]


def test_data_is_completed_as_changes_are() -> None:
    assert completed_data(CONTACTS, {"name": "Ada Lovelace"}, {}) == ADA
    assert completed_data(CONTACTS, {"family_name": "King"}, ADA)["name"] == "Ada King"
    assert completed_data(CONTACTS, {"phone": "1"}, ADA) == {"phone": "1"}
    assert completed_data(CONTACTS, {"name": 5}, ADA) == {"name": 5}
    assert completed_data(LABELS, {"name": "Friends"}, {}) == {"name": "Friends"}


def a_book_of(plan: Plan, policy: str = "merge") -> BookState:
    return BookState(1, number(999), policy, "epoch", plan.seq, 0)


# --- parts that came later --------------------------------------------------------------------------------------------


FIRST = ("value", "street", "city", "region", "postcode", "country")
"""The parts of an address that versions know to which it has no others."""


def address(**parts: str | None) -> dict[str, Any]:
    """An entry as a device of such a version writes it."""
    return {"k1": {"kind": "address", **{part: parts.get(part) for part in FIRST}}}


def as_sent(operation: str, base: int, **data: Any) -> Change:
    """A change as it comes over the wire."""
    item = {"id": number(1), "table": CONTACTS.name, "record_id": number(1), "operation": operation, "base": base}
    change = parse_change(BUILT_IN, {**item, "timestamp": "2026-11-18T17:06:40Z", "data": data}, number(1))
    assert isinstance(change, Change)
    return change


HOME = {"k1": {"kind": "address", "street": "1 Elm", "city": "Rome", "po_box": "7"}}


@pytest.mark.parametrize(
    ("written", "street", "po_box"),
    [
        (address(street="1 Elm", city="Bath"), "1 Elm", "7"),
        (address(), None, "7"),
        ({"k1": {**address(street="1 Elm")["k1"], "po_box": None, "extended": None}}, "1 Elm", None),
        ({"k1": {"kind": "address", "city": "Bath"}}, None, None),
    ],
    ids=["of a version of before", "emptied by one", "of one that knows all parts", "of a part alone"],
)
def test_what_a_version_does_not_know_of_an_address_stays(
    written: dict[str, Any], street: str | None, po_box: str | None
) -> None:
    old = existing(**ADA, details=HOME)
    change = as_sent("UPDATE", old.seq, details=written)
    result = push(change, records=old.records, book=a_book_of(old))
    entry = result.records[KEY].cells.get("details/k1/value") or (None,) * 8
    assert isinstance(entry, tuple)
    assert len(entry) == 8
    assert (entry[1], entry[6]) == (street, po_box)
    assert not result.outcomes[0].shows_record
    shown = visible_cells(old.records[KEY].cells, True, [PendingLine(1, change)], old.seq)
    assert shown is not None
    assert shown["details/k1/value"] == result.records[KEY].cells.get("details/k1/value")


def test_a_new_address_of_a_version_of_before_has_no_later_parts() -> None:
    result = push(as_sent("INSERT", 0, **ADA, details=address(street="1 Elm")))
    assert result.records[KEY].cells["details/k1/value"] == (None, "1 Elm", *(None,) * 6)


# --- two renames never mix -------------------------------------------------------------------------------------------


def test_of_two_renames_the_later_stands_as_a_whole() -> None:
    changes = [
        a_change(1, "UPDATE", by=1, at=20, name="Ada King"),
        a_change(2, "UPDATE", by=2, at=10, given_name="Bea"),
    ]
    for order in permutations(changes):
        book = Book("merge", **ADA)
        for change in order:
            book.push(change._replace(base=book.base))
        assert book.shown() == whole(ADA, name="Ada King")


def test_what_others_wrote_meanwhile_is_no_part_of_a_rename() -> None:
    book = Book("merge", **ADA)
    book.push(a_change(1, "UPDATE", base=book.base, by=1, at=10, **BEA))
    book.push(a_change(2, "UPDATE", base=book.base, by=2, at=20, family_name="King"))
    assert book.shown() == whole(ADA, family_name="King") == value({**ADA, "name": "Ada King", "family_name": "King"})


def test_where_the_history_is_forgotten_the_record_as_it_is_must_do() -> None:
    old = existing(**BEA)
    plan = push(
        a_change(1, "UPDATE", base=0, by=2, at=20, family_name="King"), records=old.records, book=a_book_of(old)
    )
    assert value(plan.records[KEY].cells) == whole(BEA, family_name="King")


def test_cells_with_clocks_of_their_own_are_one_value_as_well() -> None:
    """As versions left them that knew each cell for itself."""
    old = existing(**ADA)
    record = old.records[KEY]
    clock = Clock(old.seq + 1, 50, number(7), number(8))
    record = record._replace(seq=old.seq + 1, cells={**record.cells, "name": "Countess"}, clocks={"name": clock})
    change = a_change(1, "UPDATE", base=old.seq, by=2, at=20, **BEA)
    plan = plan_batch(BookState(1, number(999), "merge", "e", old.seq + 1, 0), {KEY: record}, {}, [change], old.seq + 2)
    assert plan.outcomes[0].verdict is Verdict.SUPERSEDED
    assert plan.records[KEY].cells == record.cells


def test_a_rename_on_a_rename_of_its_own_is_not_contested() -> None:
    book = Book("merge", **ADA)
    book.push(a_change(1, "UPDATE", base=book.base, by=1, at=10, **BEA))
    book.push(a_change(2, "UPDATE", base=book.base, by=2, at=20, name="Ada King"))
    plan = book.push(a_change(3, "UPDATE", base=book.base, by=2, at=5, given_name="Eve"))
    assert plan.outcomes[0].verdict is Verdict.MERGED
    assert book.shown()["name"] == "Eve King"


def test_a_person_is_asked_once_about_two_renames_and_gets_all_of_the_one_that_is_chosen() -> None:
    book = Book("ask", **ADA)
    book.push(a_change(1, "UPDATE", base=book.base, by=1, at=10, **BEA))
    plan = book.push(a_change(2, "UPDATE", base=book.base, by=2, at=20, name="Dr. Ada King"))
    (conflict,) = plan.open_conflicts()
    assert (conflict.cell, conflict.ours, conflict.theirs) == ("name", "Bea Byron", "Dr. Ada King")
    assert plan.history[0].discarded == ()
    assert book.shown() == value(BEA)
    patch = patch_of_choice(conflict, book.records[KEY].cells, Choice.THEIRS)
    choice = a_change(3, "UPDATE", base=book.seq, by=3, at=30)._replace(cells=patch.cells, resolves=(conflict.id,))
    book.push(choice)
    assert book.shown() == whole(ADA, name="Dr. Ada King")


def test_a_person_is_asked_about_a_part_where_the_names_are_the_same() -> None:
    book = Book("ask", name="Mary Ann Smith", given_name="Mary", middle_name="Ann", family_name="Smith")
    book.push(a_change(1, "UPDATE", base=book.base, by=1, name="Mary Smith", middle_name=None))
    theirs: dict[str, Any] = {
        "name": "Mary Smith",
        "given_name": None,
        "middle_name": None,
        "family_name": "Mary Smith",
    }
    plan = book.push(a_change(2, "UPDATE", base=book.base, by=2, at=20, **theirs))
    assert [conflict.cell for conflict in plan.open_conflicts()] == ["given_name"]


def test_a_table_without_such_a_value_has_a_conflict_for_each_cell() -> None:
    table = replace(CONTACTS, composite=None)
    old = existing(**ADA)
    record = old.records[KEY]._replace(table=table)
    change = a_change(1, "UPDATE", base=0, by=2, at=20, **BEA)._replace(table=table)
    plan = plan_batch(a_book_of(old, "ask"), {KEY: record}, {}, [change], old.seq + 2)
    assert [conflict.cell for conflict in plan.open_conflicts()] == ["name", "given_name", "family_name"]


NAMES = st.sampled_from(["Ada Lovelace", "Ada King", "Dr. Bea King Jr.", "King, Ada", "Bea", "Mary Ann King"])
TEXTS = st.sampled_from(["Ada", "Bea", "King", "Lovelace", None])
RENAMES = st.one_of(
    st.fixed_dictionaries({NAME: NAMES}),
    st.fixed_dictionaries({"given_name": TEXTS}, optional={"suffix": TEXTS, "middle_name": TEXTS}),
    st.fixed_dictionaries({"family_name": TEXTS}),
    st.fixed_dictionaries({NAME: NAMES}, optional=dict.fromkeys(PARTS, TEXTS)),
)


@given(
    st.sampled_from(sorted(POLICIES)),
    st.sampled_from([ADA, MARY]),
    st.lists(st.tuples(st.integers(1, 3), RENAMES), min_size=3, max_size=4),
)
def test_whatever_devices_rename_offline_all_is_of_one_rename(
    policy: str, start: dict[str, Any], renames: list[tuple[int, dict[str, Any]]]
) -> None:
    book = Book(policy, **start)
    for place, (at, data) in enumerate(renames, start=1):
        book.push(a_change(place, "UPDATE", base=book.base, by=place, at=at, **data))
        assert book.shown() in [value(start), *(whole(start, **data) for _, data in renames)]


@given(st.sampled_from(sorted(POLICIES)), st.lists(RENAMES, min_size=2, max_size=2), st.permutations([0, 1]))
def test_two_devices_that_rename_offline_end_with_all_of_one_rename(
    policy: str, renames: list[dict[str, Any]], order: list[int]
) -> None:
    outcomes = [whole(ADA, **data) for data in renames]
    assume(value(ADA) not in outcomes)
    book = Book(policy, **ADA)
    for place in order:
        book.push(a_change(place + 1, "UPDATE", base=book.base, by=place + 1, at=10 + place, **renames[place]))
    assert book.shown() == outcomes[order[0] if policy == "ask" else 1]
    is_own_word = any(NAME in data and any(data.get(part) for part in PARTS) for data in renames)
    if not is_own_word:
        assert agrees(book.shown()[NAME], Parts(*(book.shown()[part] for part in PARTS)))


def test_history_is_needed_where_a_rename_meets_another_that_its_writer_had_not_seen() -> None:
    book = Book("merge", name="Ada Lovelace")
    book.push(a_change(2, "UPDATE", base=book.base, by=1, name="Bea Byron"))
    record = book.records[KEY]
    unseen = a_change(3, "UPDATE", base=book.base, by=2, name="Mary Ann Smith")
    assert base_of_history(unseen, record) == book.base
    assert base_of_history(unseen._replace(base=book.seq), record) is None
    assert base_of_history(a_change(4, "UPDATE", base=book.base, by=2, phone="1"), record) is None
    assert base_of_history(a_change(5, "DELETE", base=book.base, by=2), record) is None
    assert base_of_history(unseen._replace(table=LABELS), record) is None
