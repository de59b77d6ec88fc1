"""What a person can choose between the two versions of a conflict, and the patch that makes the choice.

The change that follows carries the conflict's id in ``resolves``, so that the choice is made on every device. What is
not chosen stays in the history like any other value that lost.
"""

from __future__ import annotations

from enum import StrEnum

from offbook.core.errors import Invalid
from offbook.core.history.reconstruct import Patch
from offbook.core.messages import NO_ROOM_FOR_BOTH, WRONG_SHAPE
from offbook.core.model import Cells, Conflict, Operation, Value
from offbook.core.schema import EXISTS, Field, entry_of


class Choice(StrEnum):
    """Which version is to stand: the one that the record holds, the one that came, or both side by side."""

    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"


def choices(conflict: Conflict) -> tuple[Choice, ...]:
    """What can be chosen. Both can stand where the cell's kind has room for a second value, and there are two."""
    field = _field_of(conflict)
    has_room = bool(field and (field.beside or field.is_joinable)) or conflict.cell.endswith("/value")
    both = (Choice.BOTH,) if has_room and conflict.ours is not None and conflict.theirs is not None else ()
    return (Choice.OURS, Choice.THEIRS, *both)


def _field_of(conflict: Conflict) -> Field | None:
    return conflict.table.by_name.get(conflict.cell)


def patch_of_choice(conflict: Conflict, cells: Cells, choice: Choice) -> Patch:
    """The patch that makes the choice. ``cells`` are the record's as they are now. Raises Invalid."""
    if choice not in choices(conflict):
        raise Invalid.of(NO_ROOM_FOR_BOTH, field=conflict.cell)
    if choice is Choice.BOTH:
        return _both(conflict, cells)
    return parse_custom_value(conflict, cells, conflict.ours if choice is Choice.OURS else conflict.theirs)


def parse_custom_value(conflict: Conflict, cells: Cells, value: Value) -> Patch:
    """The patch that makes ``value`` stand in the conflict's cell. Raises Invalid for one of another shape."""
    _check_shape(conflict, value)
    if conflict.cell == EXISTS:
        return _existence(conflict, cells, bool(value))
    entry = entry_of(conflict.cell)
    if conflict.cell == entry + EXISTS and not value:
        return Patch(Operation.UPDATE, {conflict.cell: False})
    if not entry:
        return Patch(Operation.UPDATE, {conflict.cell: value})
    in_entry = {cell: held for cell, held in cells.items() if cell.startswith(entry) and held is not None}
    return Patch(Operation.UPDATE, {**in_entry, conflict.cell: value, entry + EXISTS: True})


def _check_shape(conflict: Conflict, value: Value) -> None:
    """Raise Invalid unless there are as many parts as the cell has; what they hold is checked with the change."""
    entry, _, name = conflict.cell.rpartition("/")
    parts = len(value) if isinstance(value, tuple) else 1
    if name == EXISTS:
        fits = isinstance(value, bool)
    else:
        room = len(conflict.table.maps_by_name[entry.split("/")[0]].cells[name]) if entry else 1
        fits = parts in (1, room) and not (isinstance(value, tuple) and room == 1)
    if not fits:
        raise Invalid.of(WRONG_SHAPE, cell=conflict.cell)


def _existence(conflict: Conflict, cells: Cells, exists: bool) -> Patch:
    if not exists:
        return Patch(Operation.DELETE, {})
    return Patch(Operation.INSERT, {name: cells.get(name) for name in conflict.table.required})


def _both(conflict: Conflict, cells: Cells) -> Patch:
    """The second value goes into an entry that every device calls the same, so that choosing twice makes one."""
    field = _field_of(conflict)
    if field and field.is_joinable:
        return Patch(Operation.UPDATE, {conflict.cell: f"{conflict.ours}\n\n{conflict.theirs}"})
    map_name = conflict.table.maps[0].name if field else conflict.cell.partition("/")[0]
    second = f"{map_name}/{conflict.id.replace('-', '')[:16]}/"
    beside = {**_like(conflict, field, cells), "value": conflict.theirs, EXISTS: True}
    kept = parse_custom_value(conflict, cells, conflict.ours).cells
    return Patch(Operation.UPDATE, {**kept, **{second + name: value for name, value in beside.items()}})


def _like(conflict: Conflict, field: Field | None, cells: Cells) -> dict[str, Value]:
    """What the second value is like but for itself: its kind, its label."""
    if field:
        return {"kind": field.beside, "label": cells.get(f"{field.name}_label")}
    entry = entry_of(conflict.cell)
    return {cell[len(entry) :]: value for cell, value in cells.items() if cell.startswith(entry)}
