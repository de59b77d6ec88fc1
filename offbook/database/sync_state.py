"""The one row of sync_state: who this replica is, and where it is in its book. Who syncs it: offbook.database.lease."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

from offbook.core.schema import Schema
from offbook.database.connection import Connection
from offbook.database.known_cells import Repull, covers, note_of, repulls_of


class Snapshot(IntEnum):
    """Where a snapshot stands (``sync_state.snapshot``)."""

    NONE = 0
    TAKING = 1  # its pages come
    CATCHING_UP = 2  # it is complete as of its start: what changed since comes, and then what is still stale is gone


@dataclass(frozen=True, slots=True)
class SyncState:
    """The row: who this replica is, how far it has synced, and what is known of its server and the server's clock.

    ``knew`` is what all versions knew that pulled, ``repulls`` what is pulled again because of it
    (offbook.database.known_cells); ``cursor_before`` the cursor that was given up for a snapshot, until its first page
    is here. ``server_shape`` names what the server last said of its tables, None where it says nothing of them
    (offbook.database.local_changes.held). ``answered`` is a seq that the book had when it answered, where no line of
    the log tells one that is as new.
    """

    replica: str
    server: str | None
    token: str | None
    book: str | None
    cursor: str | None
    snapshot: int
    last_success_ms: int | None
    clock_offset_ms: int | None
    takes_history: int = 0
    knew: str | None = None
    cursor_before: str | None = None
    server_shape: str | None = None
    repulls: str | None = None
    answered: int = 0

    @property
    def next_repull(self) -> Repull | None:
        """What is pulled again next; None where nothing is to be."""
        return next(iter(repulls_of(self.repulls)), None)

    @property
    def place(self) -> str | None:
        """The cursor from which the next page is to come."""
        repull = self.next_repull
        return self.cursor if repull is None else repull.since

    def is_behind(self, schema: Schema) -> bool:
        """Whether rows were pulled without cells of this schema."""
        return not covers(self.knew, note_of(schema))


def server_takes_batches(state: SyncState) -> bool:
    """Whether the server knows the key ``batch`` of a change: one that names no shape would reject the change."""
    return state.server_shape is not None


COLUMNS = tuple(field.name for field in fields(SyncState))


def read(connection: Connection) -> SyncState:
    """The row as it is now."""
    return SyncState(*connection.execute(f"SELECT {', '.join(COLUMNS)} FROM sync_state").fetchone())


def write(connection: Connection, **values: str | int | None) -> None:
    """Set these columns. Their names come from our own code only."""
    assert values.keys() <= set(COLUMNS)
    assignments = ", ".join(f"{name} = ?" for name in values)
    connection.execute(f"UPDATE sync_state SET {assignments}", list(values.values()))
