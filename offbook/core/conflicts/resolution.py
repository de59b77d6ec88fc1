"""What a person can choose between the two versions of a conflict, and the patch that makes the choice.

The change that follows carries the conflict's id in ``resolves``, so that the choice is made on every device. What is
not chosen stays in the history like any other value that lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from offbook.core.errors import Invalid
from offbook.core.history.reconstruct import Patch
from offbook.core.messages import NO_ROOM_FOR_BOTH, WRONG_SHAPE
from offbook.core.model import Cells, Conflict, Operation, Value
from offbook.core.schema import EXISTS, Field, Map, Table, entry_of


class Choice(StrEnum):
    """Which version is to stand: the one that the record holds, the one that came, or both side by side."""

    OURS = "ours"
    THEIRS = "theirs"
    BOTH = "both"


def choices(conflict: Conflict) -> tuple[Choice, ...]:
    """What can be chosen. Both can stand where the declaration has room for a second value, and there are two."""
    both = (Choice.BOTH,) if _has_room(conflict) and conflict.ours is not None and conflict.theirs is not None else ()
    return (Choice.OURS, Choice.THEIRS, *both)


def _has_room(conflict: Conflict) -> bool:
    fields = conflict.table.fields_of(conflict.cell) if conflict.table.has_cell(conflict.cell) else ()
    return _is_joinable(fields) or any(field.beside for field in fields) or _map_with_room(conflict) is not None


def _is_joinable(fields: Sequence[Field]) -> bool:
    return [field.is_joinable for field in fields] == [True]


def _map_with_room(conflict: Conflict) -> Map | None:
    """The map in which a second value becomes an entry like the one that holds the first; None where there is none."""
    name, _, inside = conflict.cell.partition("/")
    map_ = conflict.table.maps_by_name.get(name)
    return map_ if map_ is not None and map_.beside and inside.endswith(f"/{map_.beside}") else None


def patch_of_choice(conflict: Conflict, cells: Cells, choice: Choice) -> Patch:
    """The patch that makes the choice. ``cells`` are the record's as they are now. Raises Invalid."""
    if choice not in choices(conflict):
        raise Invalid.of(NO_ROOM_FOR_BOTH, field=conflict.cell)
    if choice is Choice.BOTH:
        return _both(conflict, cells)
    return parse_custom_value(
        conflict, cells, _in_full(conflict, conflict.ours if choice is Choice.OURS else conflict.theirs)
    )


def _in_full(conflict: Conflict, value: Value) -> Value:
    """A value of the conflict with all parts that its cell has: of before the table grew, it may have less."""
    if not isinstance(value, tuple):
        return value
    return (*value, *[None] * (len(conflict.table.fields_of(conflict.cell)) - len(value)))


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
    """Both values. The second one may go into an entry that every device calls the same, so that choosing twice makes
    one."""
    table, entry = conflict.table, entry_of(conflict.cell)
    fields = table.fields_of(conflict.cell)
    if _is_joinable(fields):
        return parse_custom_value(conflict, cells, f"{conflict.ours}\n\n{conflict.theirs}")
    map_ = _map_with_room(conflict) or table.maps[0]
    like = _like_entry(entry, cells) if entry else _like_field(table, fields[0], map_, cells)
    second = f"{map_.name}/{conflict.id.replace('-', '')[:16]}/"
    beside = {**like, map_.beside: _in_full(conflict, conflict.theirs), EXISTS: True}
    kept = parse_custom_value(conflict, cells, _in_full(conflict, conflict.ours)).cells
    return Patch(Operation.UPDATE, {**kept, **{second + name: value for name, value in beside.items()}})


def _like_entry(entry: str, cells: Cells) -> dict[str, Value]:
    """What the second value is like where the first one is in an entry: all else in it."""
    return {cell[len(entry) :]: value for cell, value in cells.items() if cell.startswith(entry)}


def _like_field(table: Table, field: Field, map_: Map, cells: Cells) -> dict[str, Value]:
    """What the second value is like where the first one is a field: its kind, and what fields named after it say."""
    like: dict[str, Value] = {
        attribute.name: field.beside for attribute in map_.attributes if field.beside in attribute.choices
    }
    names = {f"{field.name}_{attribute.name}": attribute.name for attribute in map_.attributes}
    return like | {names[name]: cells[name] for name in names if name in table.by_name and cells.get(name) is not None}
