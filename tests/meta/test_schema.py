"""Opening a replica's file: its settings, its transactions, its growth, and several processes at once."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core.schema import Field, Map, Schema, Table, Type
from offbook.database import schema
from offbook.database.connection import BUSY_SECONDS_MAX, Connection, SqliteError, atomic, connect, home_of, reading
from offbook.database.ddl.own_tables import FIRST, SECOND
from offbook.database.local_changes import change_log

BOATS = Table(
    "boats",
    fields=(Field("name", required=True), Field("order", Type.INTEGER), Field("afloat", Type.FLAG)),
    maps=(
        Map("crew", "boat_crew", "boat_id", (Field("role", required=True), Field("from"), Field("to", shares="from"))),
    ),
)


def value(connection: sqlite3.Connection, sql: str) -> object:
    (found,) = connection.execute(sql).fetchone()
    return found


# --- opening -------------------------------------------------------------------------------------------------------


def test_a_commit_survives_a_power_loss(replica: Connection) -> None:
    assert value(replica, "PRAGMA journal_mode") == "wal"
    assert value(replica, "PRAGMA synchronous") == 2
    assert value(replica, "PRAGMA busy_timeout") == 1000 * BUSY_SECONDS_MAX


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_only_its_owner_may_read_the_file(path: Path, replica: Connection) -> None:
    replica.execute("INSERT INTO contacts(name) VALUES ('Ada')")
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_sqlite_that_can_damage_the_file_warns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offbook.database.connection.has_wal_reset_race", lambda version: True)
    with pytest.warns(RuntimeWarning, match="install pysqlite3"):
        connect(path).close()


# --- transactions --------------------------------------------------------------------------------------------------


def test_an_atomic_block_is_all_or_nothing(replica: Connection) -> None:
    with pytest.raises(KeyboardInterrupt), atomic(replica):
        replica.execute("INSERT INTO contacts(name) VALUES ('Ada')")
        raise KeyboardInterrupt
    assert not replica.in_transaction
    assert value(replica, "SELECT count(*) FROM contacts") == 0


def test_a_failed_part_of_an_atomic_block_leaves_the_rest(replica: Connection) -> None:
    with atomic(replica):
        replica.execute("INSERT INTO contacts(name) VALUES ('Ada')")
        with pytest.raises(RuntimeError), atomic(replica):
            replica.execute("INSERT INTO contacts(name) VALUES ('Eve')")
            raise RuntimeError
        with atomic(replica):
            replica.execute("INSERT INTO contacts(name) VALUES ('Grace')")
    assert replica.execute("SELECT name FROM contacts ORDER BY name").fetchall() == [("Ada",), ("Grace",)]


def countdown_ends(steps: Iterator[int]) -> bool:
    return next(steps, 1) == 0


@pytest.mark.parametrize("block", [atomic, reading])
def test_a_transaction_that_is_interrupted_while_it_begins_is_not_left_open(
    replica: Connection, block: Callable[[Connection], AbstractContextManager[None]]
) -> None:
    """Left open, it would swallow whatever is written after it."""
    for instruction in range(1, 12):
        replica.set_progress_handler(partial(countdown_ends, iter(range(instruction, -1, -1))), 1)
        with suppress(SqliteError), block(replica):
            pass
        replica.set_progress_handler(None, 0)
        assert not replica.in_transaction


def test_an_atomic_block_takes_the_write_lock_at_once(path: Path, replica: Connection) -> None:
    other = connect(path)
    other.execute("PRAGMA busy_timeout = 0")
    with atomic(replica), pytest.raises(SqliteError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()


def test_reads_in_one_block_see_one_state(path: Path, replica: Connection) -> None:
    other = connect(path)
    with reading(replica), reading(replica):
        before = value(replica, "SELECT count(*) FROM contacts")
        other.execute("INSERT INTO contacts(name) VALUES ('Ada')")
        assert value(replica, "SELECT count(*) FROM contacts") == before
    assert value(replica, "SELECT count(*) FROM contacts") == 1
    other.close()


WRITER = """
import sys
from offbook.contacts.table import BUILT_IN
from offbook.database import schema
from offbook.database.connection import atomic, connect
connection = connect(sys.argv[1])
connection.schema = BUILT_IN
schema.install(connection)
for number in range(20):
    with atomic(connection):
        (count,) = connection.execute("SELECT count(*) FROM contacts").fetchone()
        connection.execute("INSERT INTO contacts(name) VALUES (?)", (f"{count}",))
"""


def test_several_processes_make_and_write_one_file(path: Path) -> None:
    root = Path(__file__).parents[2]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path)], cwd=root) for _ in range(4)]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4
    connection = connect(path)
    connection.schema = BUILT_IN
    assert value(connection, "SELECT count(DISTINCT name) FROM contacts") == 80
    assert len(change_log.pending_lines(connection)) == 80
    connection.close()


# --- one replica, one home -----------------------------------------------------------------------------------------


def test_a_file_opened_where_it_was_stays_the_same_replica(path: Path, replica: Connection) -> None:
    first = schema.assign_replica_id(replica, home_of(path))
    assert schema.assign_replica_id(replica, home_of(path)) == first
    assert value(replica, "SELECT replica FROM sync_state") == first


def test_a_copied_file_is_a_new_replica_and_holds_no_lease(path: Path, replica: Connection) -> None:
    first = schema.assign_replica_id(replica, home_of(path))
    replica.execute("UPDATE sync_state SET lease_holder = 'me', lease_until_ms = 1")
    replica.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copied = path.with_name("copied.db")
    shutil.copyfile(path, copied)
    copy = connect(copied)
    second = schema.assign_replica_id(copy, home_of(copied))
    assert second != first
    assert copy.execute("SELECT replica, lease_holder FROM sync_state").fetchall() == [(second, None)]
    copy.close()


# --- growth --------------------------------------------------------------------------------------------------------


def test_another_synced_table_costs_one_entry(replica: Connection) -> None:
    replica.schema = Schema((CONTACTS, BOATS))
    schema.install(replica)
    with change_log.coalesce_changes(replica):
        replica.execute("""INSERT INTO boats(id, name, "order") VALUES ('b1', 'Beagle', 3)""")
        replica.execute("""INSERT INTO boat_crew(boat_id, entry_id, role, "to") VALUES ('b1', 'k1', 'cook', '1836')""")
    replica.execute("UPDATE boats SET afloat = 1")
    replica.execute("""UPDATE boat_crew SET "from" = '1831'""")
    replica.execute("DELETE FROM boats")
    lines = change_log.pending_lines(replica)
    assert [(line.table, line.operation, line.data) for line in lines] == [
        (
            "boats",
            "INSERT",
            {"name": "Beagle", "order": 3, "crew": {"k1": {"role": "cook", "from": None, "to": "1836"}}},
        ),
        ("boats", "UPDATE", {"afloat": 1}),
        ("boats", "UPDATE", {"crew": {"k1": {"from": "1831", "to": "1836"}}}),
        ("boats", "DELETE", None),
    ]
    assert value(replica, "SELECT count(*) FROM boat_crew") == 0


def test_a_table_that_grew_keeps_its_rows_and_logs_what_is_new(replica: Connection) -> None:
    replica.execute("INSERT INTO contacts(name) VALUES ('Ada')")
    more = (*CONTACTS.fields, Field("shoe_size", Type.INTEGER), Field("species", required=True))
    replica.schema = Schema((replace(CONTACTS, fields=more),))
    schema.install(replica)
    replica.execute("UPDATE contacts SET shoe_size = 37")
    assert [line.data for line in change_log.pending_lines(replica)] == [{"name": "Ada"}, {"shoe_size": 37}]


@pytest.mark.parametrize(
    ("write", "is_kept"),
    [
        ("UPDATE sync_state SET cursor = 'e.2', knew_at = 'e.2'", True),
        ("UPDATE sync_state SET cursor = 'e.2'", False),
        ("UPDATE sync_state SET cursor = NULL", False),
        ("UPDATE sync_state SET cursor = 'e.1', book = 'b'", True),
        ("UPDATE sync_state SET last_success_ms = 5", True),
    ],
)
def test_a_cursor_that_is_moved_without_a_note_takes_the_note_away(
    replica: Connection, write: str, is_kept: bool
) -> None:
    replica.execute("UPDATE sync_state SET cursor = 'e.1', knew_at = 'e.1', knew = '[]'")
    replica.execute(write)
    assert value(replica, "SELECT knew FROM sync_state") == ("[]" if is_kept else None)


def test_opening_a_file_that_is_up_to_date_writes_nothing(replica: Connection) -> None:
    replica.execute("UPDATE sync_state SET cursor = 'e.1'")
    before = replica.total_changes
    schema.install(replica)
    assert replica.total_changes == before
    assert value(replica, "SELECT cursor FROM sync_state") == "e.1"


def test_new_triggers_replace_ours_and_no_others(replica: Connection) -> None:
    replica.execute("CREATE TRIGGER mine AFTER INSERT ON contacts BEGIN SELECT 1; END")
    replica.execute("UPDATE sync_state SET shape = 'older', cursor = 'e.1'")
    names = "SELECT group_concat(name) FROM (SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name)"
    before = value(replica, names)
    schema.install(replica)
    assert value(replica, names) == before
    assert value(replica, "SELECT cursor FROM sync_state") == "e.1"


def test_triggers_of_another_version_that_knows_the_same_are_made_anew(replica: Connection) -> None:
    replica.execute("UPDATE sync_state SET knows = 'other' || substr(knows, instr(knows, ' ')), shape = 'other'")
    replica.execute("UPDATE sync_state SET cursor = 'e.1', knew_at = 'e.1', knew = '[]'")
    replica.execute("DROP TRIGGER offbook_contacts_update")
    schema.install(replica)
    replica.execute("INSERT INTO contacts(name) VALUES ('Ada')")
    replica.execute("UPDATE contacts SET phone = '1'")
    assert len(change_log.pending_lines(replica)) == 2
    assert value(replica, "SELECT knew FROM sync_state") == "[]"


def test_an_older_file_keeps_all_that_it_holds_and_asks_for_the_conflicts(path: Path) -> None:
    old = connect(path)
    old.schema = BUILT_IN
    with atomic(old):
        for sql in FIRST:
            old.execute(sql)
        old.execute("PRAGMA user_version = 1")
        old.execute("INSERT INTO change_log (table_name, record_id, operation) VALUES ('contacts', 'r1', 'DELETE')")
        old.execute("INSERT INTO server_rows (table_name, record_id, seq) VALUES ('contacts', 'r1', 5)")
        old.execute("UPDATE sync_state SET cursor = 'e.5', snapshot = 2, book = 'b', token = 't'")
    before = old.execute("SELECT change_id, replica FROM change_log, sync_state").fetchone()
    schema.install(old)
    (line,) = change_log.pending_lines(old)
    assert (line.record_id, line.resolves, line.seq) == ("r1", (), None)
    assert (line.change_id, value(old, "SELECT replica FROM sync_state")) == before
    assert value(old, "SELECT seq FROM server_rows") == 5
    assert value(old, "SELECT count(*) FROM conflicts") == 0
    assert old.execute("SELECT cursor, snapshot, book, token FROM sync_state").fetchone() == (None, 0, "b", "t")
    old.close()


def test_a_file_without_settings_gets_a_place_for_them_and_keeps_its_cursor(path: Path) -> None:
    old = connect(path)
    old.schema = BUILT_IN
    with atomic(old):
        for sql in (*FIRST, *SECOND):
            old.execute(sql)
        old.execute("PRAGMA user_version = 2")
        old.execute("UPDATE sync_state SET cursor = 'e.5'")
    schema.install(old)
    assert value(old, "SELECT cursor FROM sync_state") == "e.5"
    assert value(old, "SELECT count(*) FROM app_settings") == 0
    old.close()


def test_a_file_of_a_newer_offbook_is_left_alone(replica: Connection) -> None:
    replica.execute("PRAGMA user_version = 99")
    with pytest.raises(schema.TooNew, match="update offbook"):
        schema.install(replica)
