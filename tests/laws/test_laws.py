"""What holds under every policy, whoever types what, in whatever order, by whatever clock.

The laws run over POLICIES, a new policy is held to them by being there; and over contacts and any table that may be
declared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import strategies as st

from offbook.core import POLICIES, Operation, Record, Verdict
from offbook.core.merge import decide
from offbook.core.merge.batch import Plan
from offbook.core.merge.policies import MergeContext, Policy, Resolution
from offbook.core.model import Value
from offbook.core.schema import EXISTS
from tests.laws.merge_laws import (
    CONTACTS_CAST,
    PLACES,
    START_MS,
    Cast,
    Step,
    World,
    casts,
    ends,
    histories,
    play,
    steps,
)
from tests.support.samples import drawn, fewer_examples

pytestmark = pytest.mark.proof

WHOLE_CHANGES = {"last-write-wins"}
"""Policies that may refuse cells that nobody contests, since they decide about a change as a whole."""

every_policy = pytest.mark.parametrize("policy", POLICIES)
cell_policy = pytest.mark.parametrize("policy", [name for name in POLICIES if name not in WHOLE_CHANGES])


# --- the laws ------------------------------------------------------------------------------------------------------


def the_same_change_twice_changes_nothing(world: World) -> None:
    world.quiet()
    server = world.server
    before = (server.records, server.seq, server.history, server.conflicts)
    for batch in list(server.pushed):
        for outcome in server.push(batch):
            assert outcome.change_id is not None
            given = server.settled[outcome.change_id]
            assert (outcome.verdict, outcome.seq, outcome.fault) == (given.verdict, given.seq, given.fault)
    assert (server.records, server.seq, server.history, server.conflicts) == before


def devices_that_exchanged_everything_are_equal(world: World) -> None:
    world.quiet()
    assert [device.shows() for device in world.devices] == [world.server.shows()] * len(world.devices)


def nothing_typed_is_missing(world: World) -> None:
    world.quiet()
    settled = world.server.settled
    for change_id, cell, text in world.typed:
        if settled[change_id].verdict is not Verdict.REJECTED:
            assert text in ends(world, cell) or text in world.server.emptied, f"{text!r} of {cell} is nowhere"


def what_lives_has_what_it_must(world: World) -> None:
    world.quiet()
    for _, result in world.server.plans:
        living = [record for record in result.records.values() if not record.deleted]
        assert all(set(record.table.required) <= record.cells.keys() for record in living)


def only_what_its_writer_had_not_seen_wins_over_a_change(world: World) -> None:
    world.quiet()
    for entry in world.server.history:
        change = entry.change
        assert change is not None or entry.verdict is Verdict.REJECTED
        if change is None:
            continue
        for write in entry.discarded:
            assert write.winner.replica != change.replica
            assert write.winner.seq > min(change.base, *change.bases.values(), change.base)


def seq_only_grows(world: World) -> None:
    world.quiet()
    seqs = [entry.seq for entry in world.server.history if entry.seq is not None]
    assert all(one < two for one, two in zip(seqs, seqs[1:], strict=False))
    assert seqs[-1] == world.server.seq
    assert len({record.seq for record in world.server.records.values()}) == len(world.server.records)


def a_plan_names_what_it_touched(world: World) -> None:
    world.quiet()
    for before, result in world.server.plans:
        assert set(result.created) == result.records.keys() - before.keys()
        assert set(result.written) == {key for key in before if before[key] != result.records[key]}
        assert all(is_whole(record, result) for record in result.records.values())


def is_whole(record: Record, result: Plan) -> bool:
    newest = max((record.created, *record.clocks.values()), key=lambda clock: clock.seq)
    return newest.seq <= record.seq <= result.seq and None not in record.cells.values()


LAWS: list[Callable[[World], None]] = [
    the_same_change_twice_changes_nothing,
    devices_that_exchanged_everything_are_equal,
    nothing_typed_is_missing,
    what_lives_has_what_it_must,
    only_what_its_writer_had_not_seen_wins_over_a_change,
    seq_only_grows,
    a_plan_names_what_it_touched,
]


@every_policy
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@drawn(history=histories(), cast=casts())
def test_law(law: Callable[[World], None], policy: str, history: list[Step], cast: Cast) -> None:
    law(play(policy, history, cast))


# --- laws about what shows -----------------------------------------------------------------------------------------

OWN_EDITS = st.lists(steps(what=("edit", "edit", "push", "pull"), records=1), max_size=25)


def own_cells(history: list[Step]) -> list[Step]:
    """The history in which each device keeps to one cell, which nobody else writes."""
    return [replace(step, place=step.device) for step in history]


def last_typed(world: World, device: int) -> Value:
    """What a device wrote last in its own cell."""
    own, own_cell = {line.change.id for line in world.devices[device].log}, world.cast.cells[device]
    return next((value for id_, cell, value in reversed(world.typed) if id_ in own and cell == own_cell), None)


@cell_policy
@drawn(history=OWN_EDITS, cast=casts())
def test_a_cell_that_only_one_device_writes_shows_what_it_wrote_last(
    policy: str, history: list[Step], cast: Cast
) -> None:
    world = play(policy, own_cells(history), cast)
    world.quiet()
    (shown,) = world.server.shows().values()
    for device, cell in enumerate(cast.cells):
        text = last_typed(world, device)
        assert text is None or shown[cell] == text


@every_policy
@drawn(history=OWN_EDITS, cast=casts())
def test_a_cell_that_only_one_device_writes_is_in_the_row_or_in_the_history_with_what_won(
    policy: str, history: list[Step], cast: Cast
) -> None:
    world = play(policy, own_cells(history), cast)
    world.quiet()
    (record,) = world.server.records.values()
    winners = {write.value: write.winner for entry in world.server.history for write in entry.discarded}
    winners |= {one.theirs: one.winner for one in world.server.conflicts}
    for device, cell in enumerate(cast.cells):
        text = last_typed(world, device)
        assert text is None or record.cells.get(cell) == text or winners[text].replica != world.devices[device].replica


@every_policy
@drawn(
    history=histories(records=1),
    clock=st.integers(-(2**40), 2**40),
    place=st.integers(0, PLACES - 1),
    cast=casts(),
)
def test_no_clock_loses_what_was_typed_with_everything_seen(
    policy: str, history: list[Step], clock: int, place: int, cast: Cast
) -> None:
    world = play(policy, history, cast)
    world.quiet()
    typed = len(world.typed)
    world.take(Step(1, "edit", place=place, clock=clock))
    world.quiet()
    for change_id, cell, text in world.typed[typed:]:
        (record,) = world.server.records.values()
        assert world.server.settled[change_id].verdict is Verdict.APPLIED
        assert record.cells[cell] == text


@cell_policy
@drawn(history=histories(records=1), cast=casts())
def test_a_cell_that_is_not_contested_is_written_whatever_the_clocks_say(
    policy: str, history: list[Step], cast: Cast
) -> None:
    world = play(policy, history, cast)
    world.quiet()
    for records, result in world.server.plans:
        for entry in result.history[:1]:
            for write in entry.discarded:
                assert entry.change is not None
                record = records[entry.change.key]
                assert write.cell in contested(record, entry.change)


def contested(record: Record, change: Any) -> set[str]:
    """The cells of a change that meet something unseen: the same cell, or anything in what it removes."""
    unseen = decide.concurrent_cells(record, change)
    removals = {"": "@exists"} if change.operation is Operation.DELETE else {}
    removals |= {cell.removesuffix("@exists"): cell for cell, value in change.cells.items() if value is False}
    return {*unseen, *(cell for prefix, cell in removals.items() if any(one.startswith(prefix) for one in unseen))}


# --- removals ------------------------------------------------------------------------------------------------------

REMOVALS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=6)
TWO_ENTRIES = [Step(0, "label", place=0), Step(0, "label", place=1), Step(0, "push")]
SLOW_CLOCKS = st.lists(st.integers(-9999, 0), min_size=3, max_size=3)
WITH_ENTRIES = casts(has_entries=True)


def removed(policy: str, removals: list[tuple[int, int]], order: list[int], clocks: list[int], cast: Cast) -> World:
    """Every device removes entries of a record that all know with two of them, and they push in this order."""
    world = play(policy, TWO_ENTRIES, cast)
    world.quiet()
    for device, place in removals:
        world.take(Step(device, "remove", place=place, clock=clocks[device]))
    for device in order:
        world.take(Step(device, "push"))
    world.quiet()
    return world


@cell_policy
@drawn(removals=REMOVALS, order=st.permutations(range(3)), clocks=SLOW_CLOCKS, cast=WITH_ENTRIES)
def test_removals_of_entries_do_not_depend_on_the_order_of_syncs(
    policy: str, removals: list[tuple[int, int]], order: list[int], clocks: list[int], cast: Cast
) -> None:
    world = removed(policy, removals, order, clocks, cast)
    assert world.server.shows() == removed(policy, removals, [0, 1, 2], clocks, cast).server.shows()
    assert not world.server.conflicts
    assert not any(entry.discarded for entry in world.server.history)


@every_policy
@drawn(order=st.permutations(range(3)), clocks=SLOW_CLOCKS, cast=WITH_ENTRIES)
def test_an_entry_that_all_remove_is_gone_in_any_order(
    policy: str, order: list[int], clocks: list[int], cast: Cast
) -> None:
    world = removed(policy, [(device, 0) for device in range(3)], order, clocks, cast)
    (shown,) = world.server.shows().values()
    assert f"{cast.prefix(0)}@exists" not in shown
    assert shown[f"{cast.prefix(1)}@exists"] is True
    assert not world.server.conflicts
    assert not any(entry.discarded for entry in world.server.history)


# --- the order of syncs --------------------------------------------------------------------------------------------

TYPED_OFFLINE = st.lists(
    steps(what=("edit", "edit", "label", "label", "remove", "delete"), records=1), min_size=2, max_size=8
)


def synced_in(order: list[int], typed: list[Step], cast: Cast) -> World:
    """All know a record with two entries, type with no network and right clocks, and push in this order."""
    world = play("merge", TWO_ENTRIES, cast)
    world.quiet()
    for step in typed:
        world.take(replace(step, clock=0))
    for device in order:
        world.take(Step(device, "push"))
    world.quiet()
    return world


@drawn(typed=TYPED_OFFLINE, order=st.permutations(range(3)), cast=WITH_ENTRIES)
def test_what_a_merge_shows_does_not_depend_on_the_order_of_syncs(
    typed: list[Step], order: list[int], cast: Cast
) -> None:
    """Under the other policies it may: a record's latest edit, or a person, decides about what came before."""
    assert synced_in(order, typed, cast).server.shows() == synced_in([0, 1, 2], typed, cast).server.shows()


# --- a policy that nobody has thought of yet -----------------------------------------------------------------------


def first_write_wins(context: MergeContext) -> Mapping[str, Resolution]:
    return dict.fromkeys(context.competing_cells, Resolution.DISCARD)


def capricious(context: MergeContext) -> Mapping[str, Resolution]:
    """Takes, refuses and asks by the last digit of the change's id, contested or not."""
    resolution = list(Resolution)[int(context.change.id[-1], 16) % 3]
    return dict.fromkeys(context.writes, resolution)


def careless(context: MergeContext) -> Mapping[str, Resolution]:
    """Brings a record back, and refuses whatever the change says of it."""
    return {cell: Resolution.ACCEPT if cell == EXISTS else Resolution.DISCARD for cell in context.writes}


MADE_UP = (first_write_wins, capricious, careless)

OF_EVERY_POLICY: list[Callable[..., None]] = [
    *[partial(test_law, law=law) for law in LAWS],
    test_a_cell_that_only_one_device_writes_is_in_the_row_or_in_the_history_with_what_won,
    test_no_clock_loses_what_was_typed_with_everything_seen,
    test_an_entry_that_all_remove_is_gone_in_any_order,
]
OF_CELL_POLICIES: list[Callable[..., None]] = [
    test_a_cell_that_only_one_device_writes_shows_what_it_wrote_last,
    test_a_cell_that_is_not_contested_is_written_whatever_the_clocks_say,
    test_removals_of_entries_do_not_depend_on_the_order_of_syncs,
]


def name_of(law: Callable[..., None]) -> str:
    return law.keywords["law"].__name__ if isinstance(law, partial) else law.__name__


def made_up(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(decide, "POLICIES", MappingProxyType({**POLICIES, "made-up": policy}))
    return "made-up"


@pytest.mark.parametrize("policy", MADE_UP)
@pytest.mark.parametrize("law", OF_EVERY_POLICY, ids=name_of)
def test_a_made_up_policy_is_held_to_the_laws(
    law: Callable[..., None], policy: Policy, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    with fewer_examples():
        law(request=request, policy=made_up(policy, monkeypatch))


@pytest.mark.parametrize("law", OF_CELL_POLICIES, ids=name_of)
def test_a_made_up_policy_that_decides_cell_by_cell_is_held_to_these_too(
    law: Callable[..., None], monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    with fewer_examples():
        law(request=request, policy=made_up(first_write_wins, monkeypatch))


def test_no_law_is_left_out() -> None:
    """Whatever is asked of the policies that there are is asked of those that are made up."""
    asked = {name_of(law) for law in (*OF_EVERY_POLICY, *OF_CELL_POLICIES)} - {law.__name__ for law in LAWS}
    marked = {name for name, one in globals().items() if name.startswith("test_") and over_policies(one)}
    assert asked == marked - {"test_law"}


def over_policies(test: Callable[..., None]) -> bool:
    marks = getattr(test, "pytestmark", [])
    return any(mark.name == "parametrize" and mark.args in (every_policy.args, cell_policy.args) for mark in marks)


def test_a_policy_that_loses_values_breaks_the_laws(monkeypatch: Any) -> None:
    monkeypatch.setattr(decide, "_discarded_writes", lambda *_: ())
    history = [Step(1, "edit", clock=-5000), Step(2, "edit"), Step(2, "push")]
    with pytest.raises(AssertionError, match="is nowhere"):
        nothing_typed_is_missing(play("merge", history))


def test_the_world_starts_with_one_record_that_all_know() -> None:
    world = play("merge", [])
    assert world.cast == CONTACTS_CAST
    assert [len(device.shows()) for device in world.devices] == [1, 1, 1]
    assert world.server.seq > START_MS * 1000
