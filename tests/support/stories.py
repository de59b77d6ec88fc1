"""What happens to the records of any tables, drawn before it is played: pushes of devices, restores, undos, pruning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from offbook.core.schema import Schema
from tests.support.records import cell_names, datas

RECORDS = range(1, 4)
BATCHES = range(501, 504)


@dataclass(frozen=True)
class Edit:
    """One change of a device. ``base`` and ``bases`` count back through the heads that the book had."""

    table: str
    operation: str
    record: int
    by: int
    at: int
    base: int
    bases: Mapping[str, int]
    batch: int | None
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Restore:
    """The values from before or after a change, which counts through all that were sent."""

    change: int
    to: str


@dataclass(frozen=True)
class Version:
    """A record of a table as it was so many heads ago."""

    table: str
    record: int
    back: int


@dataclass(frozen=True)
class Undo:
    """What changes of a batch wrote, undone."""

    batch: int


@dataclass(frozen=True)
class Prune:
    """The history and the trash, up to the heads that the book had so many steps ago."""

    history: int
    trash: int


Step = list[Edit] | Restore | Version | Undo | Prune


@st.composite
def edits(draw: st.DrawFn, schema: Schema, names: list[str]) -> Edit:
    """A change of a record of one of these tables."""
    table = schema[draw(st.sampled_from(names))]
    operation = draw(st.sampled_from(["INSERT", "INSERT", "UPDATE", "UPDATE", "UPDATE", "DELETE"]))
    return Edit(
        table.name,
        operation,
        draw(st.sampled_from(RECORDS)),
        draw(st.integers(1, 3)),
        draw(st.integers(0, 9)),
        draw(st.integers(0, 3)),
        draw(st.dictionaries(cell_names(table), st.integers(0, 3), max_size=1)),
        draw(st.none() | st.sampled_from(BATCHES)),
        draw(datas(table, complete=operation == "INSERT")) if operation != "DELETE" else {},
    )


def stories(schema: Schema, names: list[str]) -> st.SearchStrategy[list[Step]]:
    """What happens to a book, of which only these tables have records."""
    tables = st.sampled_from(names)
    pushes = st.lists(edits(schema, names), min_size=1, max_size=4)
    acts = st.one_of(
        st.builds(Restore, st.integers(0, 12), st.sampled_from(["before", "after"])),
        st.builds(Version, tables, st.sampled_from(RECORDS), st.integers(0, 6)),
        st.builds(Undo, st.sampled_from(BATCHES)),
        st.builds(Prune, st.integers(0, 6), st.integers(0, 6)),
    )
    return st.lists(st.one_of(pushes, pushes, acts), min_size=2, max_size=8)
