"""`flask move`: every row arrives as it was, whatever the engines; a move that was stopped goes on; nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count, islice, pairwise, permutations
from pathlib import Path
from threading import Event

import pytest
from click.testing import Result
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DataError

from models import Base, ChangeRow, Contact, Setting, User
from ops.move import copy_rows, verify_copy
from ops.move import move as moving
from ops.move.closed_marker import ClosedMarker, why_closed
from ops.move.copy_rows import PAGE_CHARACTERS, PAGE_ROWS_MAX, rows_after, rows_next
from ops.move.move import DatabaseState, Unmovable, decide
from ops.move.verify_copy import differences
from storage.engines.adapter import ENGINES
from storage.engines.database import Database, open_engines
from storage.engines.read_only_mode import ReadOnlyMode
from storage.sql.store import SqlStore
from tests.conftest import available
from tests.migrations.sample_data import revision_of
from tests.storage.library import Desk, Library, change, uuid
from tests.support.browser import app_on
from tests.support.move_scenarios import databases, fill, rows_of, url_of
from tests.support.samples import IS_PROOF

ROOT = Path(__file__).parents[2]
ROUND = [("sqlite", "postgresql"), ("postgresql", "mysql"), ("mysql", "sqlite")]
"""Each engine is moved from once, and once to."""
PAIRS = list(permutations(sorted(ENGINES), 2)) if IS_PROOF else ROUND
WRITERS = 3
BEFORE_A_MOVE = 30


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def both(stack: ExitStack, tmp_path: Path) -> tuple[Database, Database]:
    """A filled SQLite database, and an empty one."""
    source, target = (stack.enter_context(databases("sqlite", tmp_path / name)) for name in ("source", "target"))
    fill(source)
    return source, target


def pair(stack: ExitStack, folder: Path, one: str, other: str) -> tuple[Database, Database]:
    """Empty databases of these two engines."""
    places = ((available(one), folder / "source"), (available(other), folder / "target"))
    source, target = (stack.enter_context(databases(*place)) for place in places)
    return source, target


def flask_move(source: Database, *words: str) -> Result:
    app = app_on(url_of(source))
    try:
        return app.test_cli_runner().invoke(args=["move", *words])
    finally:
        app.extensions["database"].close()


def moved(source: Database, target: Database) -> str:
    """What the command says of a move that goes well."""
    result = flask_move(source, "--to", url_of(target))
    assert result.exit_code == 0, result.output
    return result.output


def refused(source: Database, *words: str) -> str:
    """The one line that it says of one that does not."""
    result = flask_move(source, *words)
    assert result.exit_code == 1, result.output
    (line,) = result.stderr.splitlines()
    return line


# --- from any engine to any other ------------------------------------------------------------------------------------


@pytest.mark.moves
@pytest.mark.proof
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_every_row_arrives_as_it_was(stack: ExitStack, tmp_path: Path, one: str, other: str) -> None:
    """Hostile text, the largest numbers, emptiness and null, between any two engines."""
    source, target = pair(stack, tmp_path, one, other)
    fill(source)
    before = rows_of(source)
    assert all(before.values()), "a table has nothing to move"
    said = moved(source, target)
    assert rows_of(target) == rows_of(source) == before
    assert f"  contacts: {len(before['contacts'])}\n" in said
    assert "Next: stop the server, set DATABASE_URL" in said


@pytest.mark.moves
@pytest.mark.parametrize(("one", "other"), ROUND)
def test_numbers_go_on_from_the_old_server_s(stack: ExitStack, tmp_path: Path, one: str, other: str) -> None:
    """Also from those whose rows are gone: history still names them."""
    source, target = pair(stack, tmp_path, one, other)
    for number in (1, 2, 3):
        assert add_user(source, f"user {number}") == number
    with source.write() as connection:
        connection.execute(delete(User).where(User.id == 3))
    moved(source, target)
    assert add_user(target, "next") == 4


def add_user(database: Database, name: str) -> int:
    with database.write() as connection:
        made = connection.execute(insert(User).values(name=name, password_hash="", created_at=0))
        assert made.inserted_primary_key is not None
        return int(made.inserted_primary_key[0])


@pytest.mark.moves
@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_pages_are_whole_and_in_the_order_of_keys(stack: ExitStack, tmp_path: Path, engine: str) -> None:
    database = stack.enter_context(databases(available(engine), tmp_path / "it"))
    fill(database)
    for table in copy_rows.tables_of(database):
        whole = rows_of(database)[table.name]
        keys = [copy_rows.key_of(table, row) for page in copy_rows.pages(database, table) for row in page]
        assert all(key < other for key, other in pairwise(keys))
        assert len(keys) == len(whole)
        with database.read() as connection:
            for most in (1, 3):
                for place, key in islice(enumerate(keys), 10):
                    found = [tuple(row) for row in rows_after(connection, table, key, most)]
                    assert found == whole[place + 1 : place + 1 + most]


def test_a_page_shrinks_when_its_rows_are_long_and_grows_again() -> None:
    assert rows_next(64, 100) == 128
    assert rows_next(PAGE_ROWS_MAX, 100) == PAGE_ROWS_MAX
    assert rows_next(1000, 10 * PAGE_CHARACTERS) == 100
    assert rows_next(1, 10 * PAGE_CHARACTERS) == 1


@pytest.mark.moves
def test_a_new_file_is_migrated_first(both: tuple[Database, Database], stack: ExitStack, tmp_path: Path) -> None:
    source, _ = both
    target = open_engines(f"sqlite:///{tmp_path / 'new.db'}")
    stack.callback(target.close)
    moved(source, target)
    assert revision_of(target) == revision_of(source)
    assert rows_of(target) == rows_of(source)


def test_a_server_moves_on_and_on(both: tuple[Database, Database], stack: ExitStack, tmp_path: Path) -> None:
    source, target = both
    third = stack.enter_context(databases("sqlite", tmp_path / "third"))
    moved(source, target)
    moved(target, third)
    assert rows_of(third) == rows_of(source)
    assert [why_closed(one) is None for one in (source, target, third)] == [False, False, True]


# --- stopped half-way ------------------------------------------------------------------------------------------------


@pytest.mark.moves
@pytest.mark.parametrize(("one", "other"), ROUND[:2])
def test_a_move_that_is_killed_goes_on(stack: ExitStack, tmp_path: Path, one: str, other: str) -> None:
    """By SIGKILL before its first commit, then its second, third, fifth, eighth, until it gets to the end."""
    source, target = pair(stack, tmp_path, one, other)
    fill(source)
    before = rows_of(source)
    command = [sys.executable, "-m", "tests.support.move_scenarios", url_of(source), url_of(target)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    killed = ran.stdout.splitlines().count("-9")
    assert killed >= 6, ran.stdout
    assert "Next: stop" in ran.stdout or "is finished" in ran.stdout, ran.stdout
    assert rows_of(target) == rows_of(source) == before


@pytest.mark.moves
@pytest.mark.parametrize(("one", "other"), ROUND)
def test_what_is_acknowledged_while_a_move_begins_arrives(
    stack: ExitStack, tmp_path: Path, one: str, other: str
) -> None:
    """Devices push until they are sent away: each change that was answered is there, and none that was not."""
    source, target = pair(stack, tmp_path, one, other)
    library = Library(SqlStore(source), source)
    books = [library.add_book() for _ in range(WRITERS)]
    acknowledged: list[str] = []
    enough, failed = Event(), Event()

    def write(writer: int, book_id: int) -> None:
        beside = Database(source.name, source.engine.url)
        desk = Desk(SqlStore(beside), book_id)
        numbers = count(writer * 10**6)
        try:
            while not failed.is_set():
                number = next(numbers)
                desk.push(change(number, "INSERT", number, name="Ada"))
                acknowledged.append(uuid(number))
                if len(acknowledged) >= BEFORE_A_MOVE:
                    enough.set()
        except ReadOnlyMode:
            enough.set()
        finally:
            beside.close()

    with ThreadPoolExecutor() as pool, ExitStack() as at_the_end:
        at_the_end.callback(failed.set)
        writers = [pool.submit(write, *work) for work in enumerate(books, 1)]
        assert enough.wait(60)
        moved(source, target)
        for ended in writers:
            ended.result(60)
    with target.read() as connection:
        assert set(connection.execute(select(ChangeRow.change_id)).scalars()) == set(acknowledged)


@pytest.mark.moves
def test_a_copy_that_stops_after_any_page_goes_on(both: tuple[Database, Database]) -> None:
    source, target = both
    steps = 0
    moving.begin(source, target, lambda: "move")
    while list(islice(copy_rows.copy(source, target), steps))[steps - 1 :] or not steps:
        steps += 1
    assert steps > len(copy_rows.tables_of(source))
    assert not any(one.differing for one in verify_copy.compare(source, target))


@pytest.mark.moves
def test_a_target_is_closed_until_all_is_there(both: tuple[Database, Database]) -> None:
    source, target = both
    move = moving.begin(source, target, lambda: "move")
    list(copy_rows.copy(source, target))
    closed = why_closed(target)
    assert closed is not None
    assert "not finished" in closed.detail
    moving.finish(source, target, move)
    assert why_closed(target) is None
    closed = why_closed(source)
    assert closed is not None
    assert "moved to" in closed.detail


@pytest.mark.moves
def test_a_source_that_took_changes_meanwhile_is_not_finished(both: tuple[Database, Database]) -> None:
    source, target = both
    move = moving.begin(source, target, lambda: "move")
    moving.cancel_move(source)
    with pytest.raises(Unmovable, match="opened again"):
        moving.finish(source, target, move)
    assert why_closed(target) is not None


# --- what is compared ------------------------------------------------------------------------------------------------


@pytest.mark.moves
def test_rows_that_differ_are_told_by_table_and_key(both: tuple[Database, Database]) -> None:
    source, target = both
    moving.begin(source, target, lambda: "move")
    list(copy_rows.copy(source, target))
    with target.write_while_closed() as connection:
        connection.execute(update(User).where(User.id == 2).values(admin=True, name="other"))
        connection.execute(insert(Setting), {"name": "extra", "value": ""})
        connection.execute(delete(Setting).where(Setting.name.like("3 %")))
    result = flask_move(source, "--to", url_of(target))
    assert result.exit_code == 1
    assert "! users: 1 rows differ" in result.stdout
    assert "\n    2\n" in result.stdout
    assert "! settings: 2 rows differ" in result.stdout
    assert "'extra'" in result.stdout
    assert "the target stays closed" in result.stderr
    assert why_closed(target) is not None


@pytest.mark.moves
def test_a_digest_that_its_rows_do_not_make_is_told(both: tuple[Database, Database]) -> None:
    """Rows that are alike are not enough: devices would compare a sum that no row explains."""
    source, target = both
    with source.write() as connection:
        wrong = connection.execute(select(Contact.id).where(Contact.deleted.is_(False)).limit(1)).scalar_one()
        connection.execute(update(Contact).where(Contact.id == wrong).values(digest=Contact.digest + 1))
    result = flask_move(source, "--to", url_of(target))
    assert result.exit_code == 1
    assert "rows differ" not in result.stdout
    assert "contacts: Sum(" in result.stdout
    assert why_closed(target) is not None


@pytest.mark.parametrize(
    ("here", "there", "told"),
    [
        ("", "", []),
        ("abc", "abc", []),
        ("abc", "", ["a", "b", "c"]),
        ("", "ab", ["a", "b"]),
        ("acd", "abd", ["b", "c"]),
        ("bc", "abcd", ["a", "d"]),
        ("aBc", "abc", ["b"]),
    ],
)
def test_differences_are_found_by_key(here: str, there: str, told: list[str]) -> None:
    assert [key for (key,) in differences(here, there, key=lambda one: (one.lower(),))] == told


# --- what is refused -------------------------------------------------------------------------------------------------

HERE, TO = ClosedMarker("m", "there"), "there"

GOOD = {
    "a new one": (DatabaseState(), DatabaseState(), None),
    "one of a source with rows": (DatabaseState(has_rows=True), DatabaseState(), None),
    "one that was stopped at once": (DatabaseState(HERE), DatabaseState(), "m"),
    "one that was stopped": (DatabaseState(HERE, has_rows=True), DatabaseState(ClosedMarker("m"), has_rows=True), "m"),
    "one of a server that moved before": (DatabaseState(arrived="old"), DatabaseState(), None),
}
BAD = {
    "a target with rows": (DatabaseState(), DatabaseState(has_rows=True), "holds a server already"),
    "a finished one": (DatabaseState(HERE), DatabaseState(arrived="m", has_rows=True), "is finished: set DATABASE_URL"),
    "one to where another arrived": (
        DatabaseState(HERE),
        DatabaseState(arrived="x", has_rows=True),
        "holds a server already",
    ),
    "an unfinished one of another": (
        DatabaseState(),
        DatabaseState(ClosedMarker("x"), has_rows=True),
        "unfinished move of another",
    ),
    "an unfinished one of another time": (
        DatabaseState(HERE),
        DatabaseState(ClosedMarker("x")),
        "unfinished move of another",
    ),
    "one to another target": (DatabaseState(ClosedMarker("m", "elsewhere")), DatabaseState(), "moved to elsewhere"),
    "one from a target": (DatabaseState(ClosedMarker("m")), DatabaseState(), "finish that first"),
    "one into a source": (DatabaseState(), DatabaseState(ClosedMarker("m", "elsewhere")), "moved elsewhere itself"),
    "one into tables of others": (
        DatabaseState(),
        DatabaseState(foreign=("a", "b", "c", "d")),
        r"not offbook's \(a, b, c\)",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_move_that_can_be(name: str) -> None:
    here, there, move = GOOD[name]
    assert decide(here, there, TO) == move


@pytest.mark.parametrize("name", BAD)
def test_a_move_that_can_not_be(name: str) -> None:
    here, there, said = BAD[name]
    with pytest.raises(Unmovable, match=said):
        decide(here, there, TO)


@pytest.mark.moves
def test_a_refused_move_changes_nothing(both: tuple[Database, Database]) -> None:
    source, target = both
    add_user(target, "someone")
    before = rows_of(target)
    assert "holds a server already" in refused(source, "--to", url_of(target))
    assert why_closed(source) is None
    assert why_closed(target) is None
    assert rows_of(target) == before


@pytest.mark.moves
def test_tables_of_others_are_left_alone(both: tuple[Database, Database], stack: ExitStack, tmp_path: Path) -> None:
    source, _ = both
    target = open_engines(f"sqlite:///{tmp_path / 'theirs.db'}")
    stack.callback(target.close)
    with target.migrate() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (a)")
    assert "not offbook's (theirs)" in refused(source, "--to", url_of(target))
    assert revision_of(target) is None
    assert why_closed(source) is None


@pytest.mark.moves
@pytest.mark.servers
def test_what_does_not_fit_is_told_in_a_line(stack: ExitStack, tmp_path: Path) -> None:
    """SQLite keeps a text of any length. No rule of ours lets one in, but a hand may have."""
    source = stack.enter_context(databases("sqlite", tmp_path / "source"))
    target = stack.enter_context(databases(available("postgresql"), tmp_path / "target"))
    add_user(source, "x" * 101)
    assert "too long" in refused(source, "--to", url_of(target))
    with pytest.raises(DataError):
        add_user_anyway(target, "x" * 101)


def add_user_anyway(database: Database, name: str) -> None:
    with database.write_while_closed() as connection:
        connection.execute(insert(User).values(name=name, password_hash="", created_at=0))


@pytest.mark.moves
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "no database's URL"),
        ("oracle://ada:secret@host/offbook", "no database's URL"),
        ("sqlite://", "no database's URL"),
        ("postgresql://ada:secret@127.0.0.1:x/offbook", "no database's URL"),
        ("postgresql://ada:secret@127.0.0.1:1/offbook", "Connection refused"),
        ("mysql://ada:secret@127.0.0.1:1/offbook", "connect"),
        ("sqlite:////nowhere/at/all.db", "unable to open"),
    ],
)
def test_a_target_that_is_none_is_told_in_a_line(both: tuple[Database, Database], url: str, said: str) -> None:
    source, _ = both
    line = refused(source, "--to", url)
    assert said in line
    assert "secret" not in line
    assert why_closed(source) is None


@pytest.mark.moves
def test_the_very_database_is_no_target(both: tuple[Database, Database], tmp_path: Path) -> None:
    source, _ = both
    assert "this very database" in refused(source, "--to", url_of(source))
    (tmp_path / "link").symlink_to(tmp_path / "source")
    assert "this very database" in refused(source, "--to", url_of(source).replace("/source/", "/link/"))


def test_a_password_is_never_told() -> None:
    database = open_engines("postgresql://ada:secret@host:5433/offbook?password=secret")
    assert database.place == "postgresql://ada@host:5433/offbook"


@pytest.mark.moves
def test_one_thing_at_a_time_is_asked_for(both: tuple[Database, Database]) -> None:
    source, target = both
    for words in ((), ("--back", "--to", url_of(target))):
        assert flask_move(source, *words).exit_code == 2


# --- the way back ----------------------------------------------------------------------------------------------------


@pytest.mark.moves
def test_a_move_can_be_given_up_and_begun_anew(
    both: tuple[Database, Database], stack: ExitStack, tmp_path: Path
) -> None:
    source, target = both
    moving.begin(source, target, lambda: "move")
    next(copy_rows.copy(source, target))
    assert "takes changes again" in flask_move(source, "--back").output
    add_user(source, "later")
    assert "unfinished move of another time" in refused(source, "--to", url_of(target))
    third = stack.enter_context(databases("sqlite", tmp_path / "third"))
    moved(source, third)
    assert rows_of(third) == rows_of(source)


@pytest.mark.moves
def test_there_is_no_way_back_for_what_is_not_whole(both: tuple[Database, Database]) -> None:
    source, target = both
    assert "takes changes: nothing" in refused(source, "--back")
    moving.begin(source, target, lambda: "move")
    assert "not whole" in refused(target, "--back")


@pytest.mark.moves
def test_every_table_goes_along(both: tuple[Database, Database]) -> None:
    source, _ = both
    own = {"app_groups", "app_select", "app_select_values", "app_select_index"}
    assert {table.name for table in copy_rows.tables_of(source)} == {*Base.metadata.tables, *own}
