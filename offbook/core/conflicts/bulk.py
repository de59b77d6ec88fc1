"""Settling conflicts, one or all alike: what a choice means for a record as it is by now.

A conflict keeps what stood when it opened. Whoever chooses later chooses between what stands today and what came; what
follows is a Wish of offbook.core.conflicts.resolution, so an ordinary change. Nothing here knows who asks, or stores
anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from offbook.core.conflicts.resolution import Choice, parse_custom_value, patch_of_choice
from offbook.core.history.reconstruct import Patch, state_of
from offbook.core.model import Conflict, Key, Operation, Record, Value
from offbook.core.schema import EXISTS, entry_of

Cells = Mapping[str, Value]


class Rule(StrEnum):
    """How all open conflicts are settled alike."""

    OURS = "ours"
    THEIRS = "theirs"
    LATER = "later"


class CustomValue(NamedTuple):
    """A third value, where neither of the two is to stand."""

    value: Value


class BulkResolution(NamedTuple):
    """What one change is to say, and the conflicts of its record that it settles."""

    key: Key
    wish: Patch
    resolves: tuple[str, ...]


def with_current_value(conflict: Conflict, record: Record, seen: Cells) -> Conflict:
    """The conflict with what stands in its cell by ``seen``, which may be newer than what stood when it opened."""
    value = seen.get(conflict.cell)
    if value == conflict.ours or not (value or conflict.ours):
        return conflict
    return replace(conflict, ours=value, winner=record.clock(conflict.cell))


def resolution_patch(conflict: Conflict, record: Record, pick: Choice | CustomValue) -> Patch:
    """What settles the conflict. ``record`` is as it is now. Raises Invalid.

    A value that is kept in what was deleted meanwhile does not bring that back.
    """
    if isinstance(pick, CustomValue):
        return parse_custom_value(conflict, record.cells, pick.value)
    if pick is Choice.OURS and _is_gone(conflict, record):
        return Patch(Operation.UPDATE, {})
    return patch_of_choice(conflict, record.cells, pick)


def _is_gone(conflict: Conflict, record: Record) -> bool:
    entry = entry_of(conflict.cell)
    is_removed = bool(entry) and not record.cells.get(entry + EXISTS)
    return not conflict.cell.endswith(EXISTS) and (record.deleted or is_removed)


def resolutions_by_rule(
    conflicts: Iterable[Conflict], records: Mapping[Key, Record], times: Mapping[str, int], rule: Rule
) -> list[BulkResolution]:
    """What settles all of these, existence last: whoever deletes means to delete, whatever else is chosen.

    ``times`` says when the changes were made that brought what came. Several conflicts about one cell are one choice.
    """
    together: dict[tuple[Key, str], list[Conflict]] = {}
    for one in conflicts:
        together.setdefault((one.key, one.cell), []).append(one)
    found = [_alike(group, records[key], times, rule) for (key, _), group in _existence_last(together)]
    return [BulkResolution(group[0].key, wish, tuple(one.id for one in group)) for group, wish in found]


def _existence_last(
    together: Mapping[tuple[Key, str], list[Conflict]],
) -> list[tuple[tuple[Key, str], list[Conflict]]]:
    return sorted(together.items(), key=lambda one: (one[0][1].endswith(EXISTS), one[0][1] == EXISTS))


def _alike(group: list[Conflict], record: Record, times: Mapping[str, int], rule: Rule) -> tuple[list[Conflict], Patch]:
    last = with_current_value(max(group, key=lambda one: _place(one, times, rule)), record, state_of(record))
    is_theirs = rule is Rule.THEIRS or (rule is Rule.LATER and times.get(last.change_id, 0) > last.winner.timestamp)
    wish = resolution_patch(last, record, Choice.THEIRS if is_theirs else Choice.OURS)
    return group, Patch(wish.operation, _only_new(wish.cells, last, record))


def _place(conflict: Conflict, times: Mapping[str, int], rule: Rule) -> tuple[int, int]:
    return (times.get(conflict.change_id, 0) if rule is Rule.LATER else 0, conflict.seq)


def _only_new(cells: Cells, conflict: Conflict, record: Record) -> Cells:
    """Without what the record holds anyway: another choice for the same entry must not be taken back."""
    return {
        cell: value
        for cell, value in cells.items()
        if cell == conflict.cell or cell.endswith(EXISTS) or "/" not in cell or value != record.cells.get(cell)
    }
