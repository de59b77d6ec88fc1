"""Resolving conflicts, one or all alike: what a choice means for a record as it is by now.

A conflict keeps what stood when it opened. Whoever chooses later chooses between what stands now and what came; the
result is a Patch of offbook.core.conflicts.resolution, so an ordinary change. Nothing here knows who chooses, or stores
anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from offbook.core.conflicts.resolution import Choice, parse_custom_value, patch_of_choice
from offbook.core.history.reconstruct import Patch, state_of
from offbook.core.model import Cells, Conflict, Key, Operation, Record, Value
from offbook.core.schema import EXISTS, entry_of


class Rule(StrEnum):
    """How all open conflicts are resolved alike."""

    OURS = "ours"
    THEIRS = "theirs"
    LATER = "later"


class CustomValue(NamedTuple):
    """A third value, where neither of the two is to stand."""

    value: Value


class BulkResolution(NamedTuple):
    """The patch of one change, and the conflicts of its record that it resolves."""

    key: Key
    patch: Patch
    resolves: tuple[str, ...]


def with_current_value(conflict: Conflict, record: Record, seen: Cells) -> Conflict:
    """The conflict with what stands in its cell by ``seen``, which may be newer than what stood when it opened."""
    value = seen.get(conflict.cell)
    if value == conflict.ours or not (value or conflict.ours):
        return conflict
    return replace(conflict, ours=value, winner=record.clock(conflict.cell))


def resolution_patch(conflict: Conflict, record: Record, choice: Choice | CustomValue) -> Patch:
    """What resolves the conflict. ``record`` is as it is now. Raises Invalid.

    A value that is kept in what was deleted since does not bring that back.
    """
    if isinstance(choice, CustomValue):
        return parse_custom_value(conflict, record.cells, choice.value)
    if choice is Choice.OURS and _is_gone(conflict, record):
        return Patch(Operation.UPDATE, {})
    return patch_of_choice(conflict, record.cells, choice)


def _is_gone(conflict: Conflict, record: Record) -> bool:
    entry = entry_of(conflict.cell)
    is_removed = bool(entry) and not record.cells.get(entry + EXISTS)
    return not conflict.cell.endswith(EXISTS) and (record.deleted or is_removed)


def resolutions_by_rule(
    conflicts: Iterable[Conflict], records: Mapping[Key, Record], times_ms: Mapping[str, int], rule: Rule
) -> list[BulkResolution]:
    """What resolves all of these, existence last: whoever deletes means to delete, whatever else is chosen.

    ``times_ms`` says when the changes were made that brought what came. Several conflicts about one cell are one
    choice.
    """
    groups: dict[tuple[Key, str], list[Conflict]] = {}
    for conflict in conflicts:
        groups.setdefault((conflict.key, conflict.cell), []).append(conflict)
    existence_last = sorted(groups.items(), key=lambda item: (item[0][1].endswith(EXISTS), item[0][1] == EXISTS))
    return [_bulk_resolution(group, records[key], times_ms, rule) for (key, _), group in existence_last]


def _bulk_resolution(group: list[Conflict], record: Record, times_ms: Mapping[str, int], rule: Rule) -> BulkResolution:
    """One choice for all conflicts about one cell: that for the last of them, by the rule."""

    def order(conflict: Conflict) -> tuple[int, int]:
        return times_ms.get(conflict.change_id, 0) if rule is Rule.LATER else 0, conflict.seq

    last = with_current_value(max(group, key=order), record, state_of(record))
    is_later = times_ms.get(last.change_id, 0) > last.winner.timestamp
    choice = Choice.THEIRS if rule is Rule.THEIRS or (rule is Rule.LATER and is_later) else Choice.OURS
    patch = resolution_patch(last, record, choice)
    # What the record holds anyway is left out: another choice for the same entry must not be overwritten.
    cells = {
        cell: value
        for cell, value in patch.cells.items()
        if cell == last.cell or cell.endswith(EXISTS) or "/" not in cell or value != record.cells.get(cell)
    }
    return BulkResolution(record.key, Patch(patch.operation, cells), tuple(conflict.id for conflict in group))
