"""Making the digests anew that an older version stored: in short steps, while servers go on, and whatever stops it."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from app import App
from offbook.core.model import Record
from offbook.core.verify.ranges import WHOLE, split
from ops.backup import backup
from ops.digests import count_to_rewrite, rewrite_digests
from ops.grow import grow
from ops.move.closed_marker import ClosedMarker, set_mark
from ops.move.verify_copy import compare_books
from ops.rewrite import STEP_ROWS_MAX, STEP_SECONDS, next_size
from storage.engines.database import Database, open_engines
from storage.engines.migrations import downgrade, upgrade
from storage.engines.read_only_mode import ReadOnlyMode
from storage.sql.store import SqlStore
from tests.cli.test_accounts import run
from tests.ops.test_grow import V1, V2, killed_while
from tests.storage.library import LATER, START, Desk, Library, change, uuid
from tests.support.app_schemas import GROUPS, PEOPLE, SELECT, of_app
from tests.support.first_digests import digests_of_today, store_first_digests, stored_digests
from tests.support.samples import steps_to_stop_at

DETAILS = {"k1": {"kind": "address", "street": "Lane 1", "city": "London"}, "k2": {"kind": "phone", "value": "5"}}


@pytest.fixture
def books(database: Database) -> Library:
    grow(database, V1, START)
    return Library(SqlStore(database), database)


@pytest.fixture
def desk(books: Library) -> Desk:
    """One of two books, with records of two tables, and tombstones."""
    filled(books.desk(), 3)
    return filled(books.desk(), 12)


def filled(desk: Desk, contacts: int) -> Desk:
    desk.push(
        *(change(n, "INSERT", n, name=f"Ada {n}", starred=n % 2 == 0, details=DETAILS) for n in range(1, contacts + 1)),
        change(101, "INSERT", 1, table="notes", title="Milk", tags={"t1": {"tag": "shop"}}),
        change(102, "INSERT", 2, table="notes", title="Rum", done=True),
    )
    desk.push(change(103, "DELETE", 1, base=0), change(104, "DELETE", 2, table="notes", base=0))
    return desk


def answers(database: Database, book_id: int) -> list[Any]:
    """All that devices can compare by."""
    with SqlStore(database).reading(book_id) as reading:
        ranges = [WHOLE, *split(WHOLE)]
        return [(reading.sums(name, ranges), reading.digests(name, ranges)) for name in reading.schema]


def test_what_is_written_has_todays_digest_at_once(database: Database, desk: Desk) -> None:
    assert stored_digests(database) == digests_of_today(database)
    assert count_to_rewrite(database) == rewrite_digests(database) == 0


def test_digests_of_before_are_made_anew_once(database: Database, desk: Desk) -> None:
    before = store_first_digests(database)
    assert count_to_rewrite(database) == before == 11 + 2 + 2
    assert rewrite_digests(database) == before
    assert stored_digests(database) == digests_of_today(database)
    assert count_to_rewrite(database) == rewrite_digests(database) == 0


@pytest.mark.parametrize("every", [1, 2])
def test_devices_are_answered_the_same_before_all_is_done(database: Database, desk: Desk, every: int) -> None:
    wanted = answers(database, desk.book_id)
    store_first_digests(database, lambda record: int(record.id[-2:], 16) % every == 0)
    assert answers(database, desk.book_id) == wanted
    rewrite_digests(database)
    assert answers(database, desk.book_id) == wanted


def test_a_table_that_grew_meanwhile_is_answered_and_made_anew(database: Database, desk: Desk) -> None:
    wanted = answers(database, desk.book_id)
    store_first_digests(database)
    grow(database, V2, LATER)
    assert answers(database, desk.book_id)[: len(wanted)] == wanted
    rewrite_digests(database)
    assert stored_digests(database) == digests_of_today(database)
    assert answers(database, desk.book_id)[: len(wanted)] == wanted


def test_what_is_pushed_meanwhile_keeps_its_digest(database: Database, desk: Desk) -> None:
    """Between a step's look and its writing, and between two steps."""
    store_first_digests(database)
    done, stopped = Event(), list[Exception]()

    def push() -> None:
        try:
            for number in count(200):
                desk.push(change(number, "UPDATE", 2 + number % 11, base=0, phone=str(number)))
                if done.is_set():
                    return
        except Exception as error:
            stopped.append(error)

    thread = Thread(target=push)
    thread.start()
    try:
        rewrite_digests(database)
    finally:
        done.set()
        thread.join()
    assert stopped == []
    assert stored_digests(database) == digests_of_today(database)


def test_two_that_make_them_anew_at_once_do_no_harm(database: Database, desk: Desk, database_url: str) -> None:
    store_first_digests(database)
    other = open_engines(database_url)
    thread = Thread(target=rewrite_digests, args=(other,))
    thread.start()
    rewrite_digests(database)
    thread.join()
    other.close()
    assert stored_digests(database) == digests_of_today(database)


def test_a_step_is_as_long_as_its_time_allows() -> None:
    assert next_size(100, STEP_SECONDS) == 100
    assert next_size(100, STEP_SECONDS / 1000) == 200
    assert next_size(100, 10 * STEP_SECONDS) == 10
    assert next_size(1, 100.0) == 1
    assert next_size(10, 0.0) == 20
    assert next_size(STEP_ROWS_MAX, STEP_SECONDS / 2) == STEP_ROWS_MAX


def test_a_database_that_is_closed_is_left_as_it_is(database: Database, desk: Desk) -> None:
    store_first_digests(database)
    before = stored_digests(database)
    with database.exclusive() as connection:
        set_mark(connection, ClosedMarker("m", "there"))
    with pytest.raises(ReadOnlyMode):
        rewrite_digests(database)
    assert stored_digests(database) == before


@pytest.mark.proof
@pytest.mark.kills
def test_whatever_is_killed_before_any_statement_goes_on_with_what_is_left(
    database: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr("ops.rewrite.FIRST_STEP_ROWS", 5)
    monkeypatch.setattr("ops.rewrite.STEP_ROWS_MAX", 5)
    wanted, left = answers(database, desk.book_id), set[int]()
    for statements in steps_to_stop_at(request):
        store_first_digests(database)
        was_killed = killed_while(database, statements, rewrite_digests)
        left.add(count_to_rewrite(database))
        assert answers(database, desk.book_id) == wanted
        rewrite_digests(database)
        assert stored_digests(database) == digests_of_today(database)
        if not was_killed:
            break
    assert len(left) > 3


# --- backups, moves and commands -------------------------------------------------------------------------------------


def test_going_back_a_version_gives_each_record_its_digest_of_before(database: Database) -> None:
    """Of any table: its names may be words of SQL's, and its entries' values of several parts."""
    grow(database, of_app(GROUPS, SELECT, PEOPLE), START)
    desk = Library(SqlStore(database), database).desk()
    row: dict[str, Any] = {"order": "x", "double": 0.1, "primary": True, "json": {"a": [1]}}
    row["index"] = {"k": {"float": 1e16}}
    desk.push(
        change(1, "INSERT", 1, name="Ada", starred=True, details=DETAILS),
        change(2, "INSERT", 2, table="people", name="Ada", details=DETAILS),
        change(3, "INSERT", 3, table="select", **row, values={"v": {"key": "v", "to": "y"}, "w": {"key": "w"}}),
        change(4, "INSERT", 4, name="Gone"),
    )
    desk.push(change(5, "DELETE", 4, base=0), change(6, "UPDATE", 1, base=0, details={"k2": None}))
    downgrade(database, "0013")
    made = stored_digests(database)
    upgrade(database)
    assert store_first_digests(database) == 3
    assert stored_digests(database) == made
    assert rewrite_digests(database) == 3


def half(record: Record) -> bool:
    return record.id < uuid(5)


def test_a_backup_of_a_half_rewritten_database_is_taken_for_whole_and_restored(
    app: App, database: Database, desk: Desk, file: Path
) -> None:
    wanted = answers(database, desk.book_id)
    store_first_digests(database, half)
    backup.back_up(database, file)
    assert backup.check(database, file).manifest is not None
    assert run(app, "restore", str(file), "--yes").exit_code == 0
    assert answers(database, desk.book_id) == wanted
    assert count_to_rewrite(database) == 0


def test_a_letter_that_became_another_one_shows_in_either_half(database: Database, desk: Desk) -> None:
    store_first_digests(database, half)
    assert all(book.source_sum == book.target_sum for book in compare_books(database, database))
    for number in (2, 9):
        with database.write() as connection:
            connection.exec_driver_sql(f"UPDATE contacts SET name = 'Adb' WHERE id = '{uuid(number)}'")
        differing = [book.table for book in compare_books(database, database) if book.source_sum != book.target_sum]
        assert differing
        assert set(differing) == {"contacts"}
        with database.write() as connection:
            connection.exec_driver_sql(f"UPDATE contacts SET name = 'Ada {number}' WHERE id = '{uuid(number)}'")


def test_a_table_that_grew_before_its_digests_were_made_anew_is_no_fault_of_a_backup(
    database: Database, desk: Desk, file: Path
) -> None:
    store_first_digests(database)
    grow(database, V2, LATER)
    assert all(book.source_sum == book.target_sum for book in compare_books(database, database))


def test_the_doctor_counts_what_is_left_and_an_upgrade_does_it(app: App, database: Database, desk: Desk) -> None:
    assert "Each record has the digest" in run(app, "doctor").stdout
    count = store_first_digests(database)
    looked = run(app, "doctor")
    assert f"! {count} records have a digest of an older version" in looked.stdout
    assert looked.exit_code == 1
    upgraded = run(app, "db", "upgrade")
    assert upgraded.exit_code == 0
    assert f"The digests of {count} records were made anew." in upgraded.output
    assert count_to_rewrite(database) == 0
    assert "made anew" not in run(app, "db", "upgrade").output


def test_an_upgrade_that_can_not_make_them_anew_says_so(app: App, database: Database, desk: Desk) -> None:
    store_first_digests(database)
    with database.exclusive() as connection:
        set_mark(connection, ClosedMarker("m", "there"))
    refused = run(app, "db", "upgrade")
    assert refused.exit_code == 1
    assert "run `flask db upgrade` once more" in refused.output + str(refused.exception)
