"""References to what is deleted: whoever deletes a record clears those that are declared so, as ordinary changes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from offbook.core.model import Record, Scalar, Value, value_of_parts
from offbook.core.schema import EXISTS, Field, Gone, Map, Type


def cleared_cells(record: Record, deleted: Mapping[str, Collection[str]]) -> dict[str, Value]:
    """The cells that a change of this record writes, so that it refers to none of the deleted ones.

    ``deleted`` are ids by table. Of an entry that was removed nothing is written.
    """
    cells: dict[str, Value] = {}
    for field in record.table.fields:
        value = record.cells.get(field.name)
        if not isinstance(value, tuple) and _is_cleared(field, value, deleted):
            cells[field.name] = None
    for map_ in record.table.maps:
        cells.update(_cleared_entries(record, map_, deleted))
    return cells


def _cleared_entries(record: Record, map_: Map, deleted: Mapping[str, Collection[str]]) -> Iterator[tuple[str, Value]]:
    prefix, suffix = f"{map_.name}/", f"/{EXISTS}"
    for name, exists in record.cells.items():
        if exists and name.startswith(prefix) and name.endswith(suffix):
            entry = name.removesuffix(EXISTS)
            for cell, parts in map_.cells.items():
                values = record.cells.get(entry + cell)
                held = values if isinstance(values, tuple) else (values,) * len(parts)
                kept = tuple(
                    None if _is_cleared(part, value, deleted) else value
                    for part, value in zip(parts, held, strict=True)
                )
                if kept != held:
                    yield name, True
                    yield entry + cell, value_of_parts(kept)


def _is_cleared(field: Field, value: Scalar, deleted: Mapping[str, Collection[str]]) -> bool:
    is_clearing = field.type is Type.REF and field.gone is Gone.CLEAR
    return is_clearing and value is not None and value in deleted.get(field.target, ())
