"""Growing the tables of an app: what is made, what is refused, and what happens where it is stopped or not alone."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from sqlalchemy import delete, inspect, select

from models import Base
from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core.errors import Invalid
from offbook.core.protocol.requests import Push, parse_push
from offbook.core.schema import Schema
from offbook.tables import Choice, Flag, Integer, Json, Map, Number, Ref, Table, Text
from ops.backup import backup
from ops.grow import GrowthReport, grow, table_sizes
from ops.move.closed_marker import ClosedMarker, set_mark
from services.sync.responses import sync, sync_together
from storage.engines.database import Database, open_engines
from storage.engines.read_only_mode import ReadOnlyMode
from storage.errors import TablesGrown
from storage.schema import app_tables
from storage.schema.declaration import GROWING, read_declaration
from storage.schema.known_tables import all_database_tables
from storage.sql.store import SqlStore
from tests.storage.library import LATER, ORIGIN, START, Desk, Library, change, uuid
from tests.support.app_schemas import GROUPS, SELECT, of_app
from tests.support.samples import steps_to_stop_at
from tests.support.sql_spy import hearing

NOTEBOOKS = Table("notebooks", Text("name", required=True), key="name")
V1 = of_app(
    NOTEBOOKS,
    Table("notes", Text("title", required=True), Flag("done"), Map("tags", Text("tag", required=True))),
)
V2 = of_app(
    Table("notebooks", Text("name", required=True), Text("color"), key="name"),
    Table(
        "notes",
        Text("title", required=True, limit=300),
        Flag("done"),
        Flag("order"),
        Integer("rank"),
        Ref("notebook", "notebooks", gone="clear"),
        Map("tags", Text("tag", required=True), Number("weight")),
        Map("links", Text("url"), Json("more")),
        heading="All notes",
    ),
    Table("places", Text("name")),
)
STEPS = (
    "notebooks.color: new column",
    "notes: heading nothing -> All notes",
    "notes.title: limit 200 -> 300",
    "notes.order: new column",
    "notes.rank: new column",
    "notes.notebook: new column",
    "notes.tags.weight: new column",
    "notes.links: new map, 2 columns",
    "places: new, 1 column",
)
TIMES = count(LATER)
"""Of growths, each of which keeps what was there under its time."""

LEARNT = {
    *("notebooks.color", "notes.order", "notes.rank", "notes.notebook", "notes.tags.weight", "notes.links", "places"),
}


def declared(database: Database) -> Any:
    with database.read() as connection:
        return read_declaration(connection)


def form_of(database: Database) -> dict[str, Any]:
    """What all tables that apps brought are made of, whatever the order of their columns."""
    with database.read() as connection:
        inspector = inspect(connection)
        names = [name for name in inspector.get_table_names() if name.startswith(app_tables.PREFIX)]
        return {
            name: (
                sorted(
                    (column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(name)
                ),
                sorted((str(index["name"]), index["column_names"]) for index in inspector.get_indexes(name)),
                inspector.get_pk_constraint(name)["constrained_columns"],
                sorted(key["constrained_columns"] for key in inspector.get_foreign_keys(name)),
            )
            for name in names
        }


@pytest.fixture
def books(database: Database) -> Library:
    return Library(SqlStore(database), database)


@pytest.fixture
def desk(database: Database, books: Library) -> Desk:
    """A book of an app at its first version."""
    grow(database, V1, START)
    return books.desk()


def shown(desk: Desk, *names: str) -> dict[str, Any]:
    """These fields of the first record."""
    data = desk.live()[uuid(1)]
    return {name: data[name] for name in names}


# --- what is made ----------------------------------------------------------------------------------------------------


def test_tables_are_made_and_each_step_is_told(database: Database) -> None:
    steps = ("notebooks: new, 1 column", "notes: new, 3 columns")
    assert grow(database, V1, START, dry_run=True) == GrowthReport(steps)
    assert declared(database).schema == BUILT_IN
    assert form_of(database) == {}
    assert grow(database, V1, START) == GrowthReport(steps)
    now = declared(database)
    assert (now.schema, now.shape, now.since) == (V1, V1.shape, {"notebooks": START, "notes": START})
    assert set(form_of(database)) == {"app_notebooks", "app_notes", "app_notes_tags"}
    assert [(size.name, size.records, size.columns, size.since) for size in table_sizes(database)] == [
        ("contacts", 0, len(CONTACTS.fields) + 1, None),
        ("labels", 0, 1, None),
        ("notebooks", 0, 1, START),
        ("notes", 0, 3, START),
    ]


def test_growing_again_does_nothing(database: Database) -> None:
    grow(database, V1, START)
    before = declared(database), form_of(database)
    assert grow(database, V1, LATER) == GrowthReport(())
    assert grow(database, of_app(NOTEBOOKS), LATER) == GrowthReport(()), "an older declaration takes nothing away"
    assert (declared(database), form_of(database)) == before


def test_what_grew_in_pieces_is_as_what_was_made_at_once(database: Database) -> None:
    grow(database, V1, START)
    assert grow(database, V2, LATER).steps == STEPS
    in_pieces = form_of(database), declared(database).schema
    assert {name for name, seq in declared(database).since.items() if seq == LATER} == LEARNT
    forget_tables(database)
    grow(database, V2, START)
    assert (form_of(database), declared(database).schema) == in_pieces


def test_every_type_and_every_word_of_sql_may_be_declared(database: Database) -> None:
    grow(database, of_app(GROUPS, SELECT), START)
    assert set(form_of(database)) == {"app_groups", "app_select", "app_select_values", "app_select_index"}
    assert grow(database, of_app(GROUPS, SELECT), START).steps == ()


def test_the_widest_table_that_may_be_declared_can_be_made(database: Database, books: Library) -> None:
    """MariaDB counts what a row may take at the most, and has room for so many keys."""
    long = "x" * 40
    fields = [Ref(f"r{n}_{long}", "wide") if n < 30 else Text(f"t{n}_{long}") for n in range(150)]
    grow(database, of_app(Table("wide", *fields)), START)
    desk = books.desk()
    values: dict[str, Any] = {field.name: uuid(1) if field.target else "ä" * 200 for field in fields}
    assert desk.verdicts(change(1, "INSERT", 1, table="wide", **values)) == ["applied"]
    assert shown(desk, *values) == values


def test_what_is_no_growth_is_refused_and_nothing_is_done(database: Database) -> None:
    grow(database, V1, START)
    before = declared(database), form_of(database)
    other = of_app(Table("notes", Integer("title"), Text("body")), Table("places", Text("name")))
    with pytest.raises(Invalid, match=r"notes\.title") as refused:
        grow(database, other, LATER)
    assert refused.value.code == "not_growth"
    assert (declared(database), form_of(database)) == before


def test_a_database_that_is_closed_does_not_grow(database: Database) -> None:
    with database.exclusive() as connection:
        set_mark(connection, ClosedMarker("move", "elsewhere"))
    with pytest.raises(ReadOnlyMode):
        grow(database, V1, START)
    assert form_of(database) == {}


@pytest.mark.engines("sqlite")
def test_what_was_there_is_kept_before(database: Database, desk: Desk, tmp_path: Path) -> None:
    desk.push(change(1, "INSERT", 1, table="notes", title="Milk"))
    kept = grow(database, V2, LATER).kept
    assert kept is not None
    assert kept.name.endswith("-tables.backup")
    backup.restore(database, backup.check(database, kept), tmp_path, LATER, lambda: "new")
    assert declared(database).schema == V1
    assert shown(desk, "title") == {"title": "Milk"}


# --- records ---------------------------------------------------------------------------------------------------------


def test_records_stay_as_they_were_and_take_what_is_new(database: Database, desk: Desk) -> None:
    first = desk.seq(change(1, "INSERT", 1, table="notes", title="Milk", tags={"k": {"tag": "shop"}}))
    grow(database, V2, desk.now)
    assert shown(desk, "title", "order", "rank", "tags", "links") == {
        "title": "Milk",
        "order": False,
        "rank": None,
        "tags": {"k": {"tag": "shop"}},
        "links": {},
    }
    news: dict[str, Any] = {
        "order": True,
        "rank": -5,
        "notebook": uuid(7),
        "links": {"l": {"url": "x", "more": [1, {"a": None}]}},
    }
    edit = change(2, "UPDATE", 1, table="notes", base=first, tags={"k": {"weight": 0.5}}, **news)
    assert desk.verdicts(edit) == ["applied"]
    assert shown(desk, *news) == news
    assert shown(desk, "tags") == {"tags": {"k": {"tag": "shop", "weight": 0.5}}}


def test_what_was_read_by_older_tables_is_not_judged_by_them(database: Database, desk: Desk) -> None:
    news = [change(1, "INSERT", 1, table="notes", title="x" * 250), change(2, "INSERT", 2, table="places", name="Rome")]
    early = [(ORIGIN, read_push(desk, item)) for item in news]
    grow(database, V2, LATER)
    with pytest.raises(TablesGrown):
        sync(desk.store, desk.book_id, ORIGIN, early[0][1], desk.now)
    late = [(ORIGIN, read_push(desk, item)) for item in news]
    first, second, *others = sync_together(desk.store, desk.book_id, [*early, *late], desk.now)
    assert isinstance(first, TablesGrown)
    assert isinstance(second, TablesGrown)
    assert [answer["results"][0]["verdict"] for answer in others if isinstance(answer, dict)] == ["applied"] * 2


def read_push(desk: Desk, item: Any) -> Push:
    """As the server reads it by the tables that it knows."""
    schema = desk.store.schema
    return parse_push(schema, {"changes": [item]}, uuid(1), shape=schema.shape)


def test_a_process_that_nobody_asks_for_anything_notices_a_growth(database: Database, desk: Desk) -> None:
    assert desk.store.schema == V1
    grow(database, V2, LATER)
    SqlStore.latest_seqs(desk.store, [desk.book_id])  # type: ignore[arg-type]
    assert desk.store.schema == V2


def test_a_view_that_began_before_a_growth_goes_on_with_what_it_has(database: Database, desk: Desk) -> None:
    desk.push(change(1, "INSERT", 1, table="notes", title="Milk"))
    other = SqlStore(database)
    with other.reading(desk.book_id) as book:
        grow_beside(database, of_app(*(table for table in V1.values() if table.name not in BUILT_IN), GROUPS))
        assert list(book.schema) == list(V1)
        assert book.records("notes", [uuid(1)])
    with other.reading(desk.book_id) as book:
        assert list(book.schema) == [*V1, "groups"]


def grow_beside(database: Database, wanted: Schema) -> None:
    """In a database of its own: a thread may not write while it reads one of SQLite."""
    with closing(open_engines(database.engine.url)) as beside:
        grow(beside, wanted, LATER)


def test_whatever_is_new_has_a_later_seq_though_the_clock_was_set_back(
    database: Database, books: Library, desk: Desk
) -> None:
    cursor = desk.pull()["cursor"]
    grow(database, V2, LATER * 2)
    since = declared(database).since["notes.rank"]
    assert since == LATER * 2
    epoch = cursor.partition(".")[0]
    assert desk.pull(f"{epoch}.{since}")["changes"] == [], "from there on a device pulls what has grown"
    seq = desk.seq(change(1, "INSERT", 1, table="notes", title="Milk", rank=1))
    assert seq > since
    assert [row["seq"] for row in desk.pull(f"{epoch}.{since}")["changes"]] == [seq]
    assert [row["seq"] for row in desk.pull(cursor)["changes"]] == [seq]
    assert books.desk().seq(change(1, "INSERT", 1, table="places", name="Rome")) > since


def test_a_growth_is_later_than_all_that_was_written(database: Database, desk: Desk) -> None:
    head = desk.seq(change(1, "INSERT", 1, table="notes", title="Milk"))
    grow(database, V2, START)
    assert declared(database).since["notes.rank"] == head + 1
    more = of_app(Table("places", Text("name"), Choice("kind", ("city",))))
    grow(database, more, START + 1)
    assert declared(database).since["places.kind"] == head + 2


# --- stopped, and not alone ------------------------------------------------------------------------------------------


def forget_tables(database: Database) -> None:
    """As before any table grew. Nothing of the kind is ever done to a database that is used."""
    tables = all_database_tables(declared(database).schema)
    settings = Base.metadata.tables["settings"]
    with database.migrate() as connection:
        there = set(inspect(connection).get_table_names())
        for table in reversed(tables):
            if table.name.startswith(app_tables.PREFIX) and table.name in there:
                table.drop(connection)
        connection.execute(delete(settings).where(settings.c.name.like("tables%")))


FEW = of_app(Table("notes", Text("title", required=True), Map("tags", Text("tag"))))
FEW_MORE = of_app(
    Table("notes", Text("title", required=True), Ref("notebook", "notebooks"), Map("tags", Text("tag"), Flag("done"))),
    NOTEBOOKS,
)


@pytest.mark.proof
@pytest.mark.kills
def test_a_growth_that_is_killed_before_any_statement_is_finished_by_the_next_one(
    database: Database, books: Library, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    grow(database, FEW_MORE, next(TIMES))
    whole = form_of(database), declared(database).schema
    for statements in steps_to_stop_at(request):
        forget_tables(database)
        grow(database, FEW, next(TIMES))
        desk = books.desk()
        desk.push(change(1, "INSERT", 1, table="notes", title="Milk", tags={"k": {"tag": "shop"}}))
        was_killed = killed_while(database, statements, partial(grow, wanted=FEW_MORE, now_us=next(TIMES)))
        assert declared(database).schema in ((FEW, FEW_MORE) if was_killed else (FEW_MORE,))
        assert desk.seq(change(2, "UPDATE", 1, table="notes", base=0, title="Milk!"))
        if is_growing(database):  # elsewhere all of it is there or nothing, of which there are backups in other tests
            backup.back_up(database, tmp_path / f"{statements}.backup")
        grow(database, FEW_MORE, next(TIMES))
        assert (form_of(database), declared(database).schema) == whole
        assert shown(desk, "title", "notebook", "tags") == {
            "title": "Milk!",
            "notebook": None,
            "tags": {"k": {"tag": "shop"}},
        }
        assert not is_growing(database)
        if not was_killed:
            assert statements > 10
            return


def is_growing(database: Database) -> bool:
    """Whether a growth has begun, and not come to its end."""
    settings = Base.metadata.tables["settings"]
    with database.read() as connection:
        return connection.execute(select(settings).where(settings.c.name == GROWING)).first() is not None


def killed_while(database: Database, statements: int, work: Callable[[Database], object]) -> bool:
    """Whether a process that does this work came to its n-th statement that writes, at which it dies by a signal."""
    database.close()
    child = os.fork()
    if child == 0:
        left = statements

        def hear(text: str) -> None:
            nonlocal left
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            opened = open_engines(database.engine.url)
            opened.engine.connect().close()  # what its dialect asks first is not listened to
            with hearing(hear, opened.engine):
                work(opened)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


def test_a_growth_that_was_stopped_is_finished_by_another_one(database: Database) -> None:
    """What was begun stays declared, whatever is wanted next: MariaDB has made some of it."""
    grow(database, V1, START)
    with hearing(stop_at("app_places"), database.engine), pytest.raises(Stopped):
        grow(database, V2, next(TIMES))
    assert declared(database).schema == V1
    steps = grow(database, of_app(GROUPS), next(TIMES)).steps
    whole = database.name == "mysql"
    assert set(steps) == {*(STEPS if whole else ()), "groups: new, 1 column"}
    assert ("app_places" in form_of(database)) == whole


class Stopped(Exception):
    pass


def stop_at(word: str) -> Callable[[str], None]:
    def hear(text: str) -> None:
        if word in text:
            raise Stopped

    return hear


def test_two_growths_at_once_come_one_after_the_other(database: Database) -> None:
    wanted = [V2, of_app(GROUPS), V2, of_app(NOTEBOOKS, SELECT, GROUPS)]
    start, failures = Barrier(len(wanted)), list[Exception]()

    def work(schema: Schema) -> None:
        with closing(open_engines(database.engine.url)) as opened:
            start.wait()
            try:
                grow(opened, schema, next(TIMES))
            except Exception as error:
                failures.append(error)

    threads = [Thread(target=work, args=[schema]) for schema in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    now = declared(database)
    assert set(now.schema) == {*V2, "groups", "select"}
    assert now.shape == now.schema.shape
    assert len(set(now.since.values())) >= 2
    assert set(form_of(database)) == {table.name for table in all_database_tables(now.schema)} - set(
        Base.metadata.tables
    )


def test_devices_push_and_pull_while_tables_grow(database: Database, desk: Desk) -> None:
    """None of them hears anything but that tables have grown, and then goes on."""
    stop, failures, acknowledged = Event(), list[BaseException](), list[str]()

    def push(start: int) -> None:
        store = SqlStore(database)
        mine = Desk(store, desk.book_id)
        for number in count(start):
            if stop.is_set():
                return
            item = change(number, "INSERT", number, table="notes", title=f"{number}", tags={"k": {"tag": "t"}})
            try:
                mine.push(item)
                acknowledged.append(uuid(number))
                mine.pull()
            except TablesGrown:
                continue
            except BaseException as error:
                failures.append(error)
                return

    threads = [Thread(target=push, args=[start]) for start in (1_000_000, 2_000_000)]
    for thread in threads:
        thread.start()
    try:
        with closing(open_engines(database.engine.url)) as beside:
            for schema in (V2, of_app(GROUPS), of_app(GROUPS, SELECT), of_app(*grown_by(5))):
                grow(beside, schema, next(TIMES))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert acknowledged
    assert set(desk.live()) >= set(acknowledged)


def grown_by(columns: int) -> Iterator[Any]:
    fields = [Text("title", required=True, limit=300), *(Text(f"more_{number}") for number in range(columns))]
    yield Table("notes", *fields, Map("tags", Text("tag", required=True), *fields[1:]))
