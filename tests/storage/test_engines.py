"""What every engine promises: transactions, refused writes, references, upserts, one order of text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

import extensions
from models import Base, Book, Membership, Setting, User
from storage.engines.adapter import ALSO_CALLED, ENGINES
from storage.engines.database import Database, open_engines
from tests.conftest import BOOK

ROOT = Path(__file__).parents[2]

FORK = """
import os, sys
from storage.engines.database import open_engines

database = open_engines(sys.argv[1])
pools = (database.engine.pool, database.reader.pool)


def use():
    with database.write(), database.read() as connection:
        connection.exec_driver_sql("SELECT 1 FROM books")

use()
assert [pool.checkedin() for pool in pools] == [1, 1]
child = os.fork()
if child == 0:
    inherited = [pool.checkedin() for pool in (database.engine.pool, database.reader.pool)]
    use()
    os._exit(inherited != [0, 0])
use()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def seq_of(connection: Connection) -> int:
    return connection.execute(select(Book.seq)).scalar_one()


def set_seq(connection: Connection, seq: int) -> None:
    connection.execute(update(Book).values(seq=seq))


def read(database: Database) -> int:
    with database.read() as connection:
        return seq_of(connection)


# --- transactions ---


def test_a_write_that_fails_leaves_nothing(book: Database) -> None:
    with pytest.raises(ZeroDivisionError), book.write() as connection:
        set_seq(connection, 7)
        raise ZeroDivisionError
    assert read(book) == 0


def test_a_failed_write_lets_the_next_one_in(book: Database) -> None:
    with pytest.raises(ZeroDivisionError), book.write():
        raise ZeroDivisionError
    with book.write() as connection:
        set_seq(connection, 1)
    assert read(book) == 1


def test_a_reader_sees_one_state_while_others_write(book: Database) -> None:
    with book.read() as connection:
        before = seq_of(connection)
        with book.write() as other:
            set_seq(other, before + 1)
        assert seq_of(connection) == before
    assert read(book) == before + 1


def test_a_reader_is_refused_a_write(book: Database) -> None:
    with pytest.raises(DBAPIError, match="(?i)read.?only"), book.read() as connection:
        set_seq(connection, 1)


def test_references_are_enforced(database: Database) -> None:
    with pytest.raises(IntegrityError, match="(?i)foreign key"), database.write() as connection:
        connection.execute(insert(Membership), {"user_id": 1, "book_id": 1})


# --- what is stored is what was typed ---


TEXTS = ["", " ", "A", "B", "a", "a ", "b", "\u00c4", "\u00e4", "\u00e9", "e\u0301", "ß", "ss", "Ł", "日", "😀", "😀 "]


def test_texts_that_differ_at_all_are_different_and_in_the_order_of_their_code_points(database: Database) -> None:
    """Case, accents and spaces at the end count, as in Python and in SQLite; a language's own order does not."""
    with database.write() as connection:
        connection.execute(insert(Setting), [{"name": name, "value": name} for name in TEXTS])
        query = select(Setting.name)
        assert list(connection.execute(query.order_by(Setting.name)).scalars()) == sorted(TEXTS)
        for name in TEXTS:
            assert list(connection.execute(query.where(Setting.name == name)).scalars()) == [name]


def test_a_long_text_comes_back_whole(database: Database) -> None:
    long = "x😀" * 500_000
    with database.write() as connection:
        connection.execute(insert(Setting), {"name": "long", "value": long})
        assert connection.execute(select(Setting.value)).scalar_one() == long


def test_a_text_is_never_cut(database: Database) -> None:
    """SQLite keeps what is too long; the others refuse it. Rules of the core let none get here."""
    with database.write() as connection:
        try:
            with connection.begin_nested():
                connection.execute(insert(Setting), {"name": "x" * 51, "value": ""})
        except DataError:
            return
        assert connection.execute(select(Setting.name)).scalar_one() == "x" * 51


def test_numbers_of_63_bits_come_back_as_they_are(database: Database) -> None:
    for number in (2**63 - 1, -(2**63)):
        with database.write() as connection:
            connection.execute(delete(Book))
            connection.execute(insert(Book), {**BOOK, "seq": number})
        assert read(database) == number


# --- upserts ---


def test_an_upsert_changes_a_row_that_is_there_and_adds_one_that_is_not(database: Database) -> None:
    statement = database.upsert(Base.metadata.tables["settings"], ["name", "value"])
    with database.write() as connection:
        connection.execute(statement, [{"name": "a", "value": "1"}])
        connection.execute(statement, [{"name": "a", "value": "2"}, {"name": "b", "value": "3"}])
        rows = connection.execute(select(Setting.name, Setting.value).order_by(Setting.name)).fetchall()
    assert [tuple(row) for row in rows] == [("a", "2"), ("b", "3")]


def test_an_upsert_keeps_the_rows_that_refer_to_it(book: Database) -> None:
    """REPLACE would delete the book first, and fail, or take its members with it."""
    with book.write() as connection:
        connection.execute(insert(User), {"id": 1, "name": "ada", "password_hash": "", "created_at": 0})
        connection.execute(insert(Membership), {"user_id": 1, "book_id": 1})
        connection.execute(book.upsert(Base.metadata.tables["books"], list(BOOK)), [{**BOOK, "name": "Family"}])
        assert connection.execute(select(func.count()).select_from(Membership)).scalar_one() == 1


def test_an_upsert_of_nothing_but_keys_leaves_the_row(book: Database) -> None:
    key = {"user_id": 1, "book_id": 1}
    with book.write() as connection:
        connection.execute(insert(User), {"id": 1, "name": "ada", "password_hash": "", "created_at": 0})
        connection.execute(insert(Membership), {**key, "role": "guest"})
        connection.execute(book.upsert(Base.metadata.tables["memberships"], list(key)), [key])
        assert connection.execute(select(Membership.role)).scalar_one() == "guest"


# --- opening and closing ---


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_opens_connections_of_its_own(book: Database, database_url: str) -> None:
    """In a process of its own, since pytest's may have threads."""
    done = subprocess.run([sys.executable, "-c", FORK, database_url], cwd=ROOT, timeout=60)
    assert done.returncode == 0


def test_a_closed_database_opens_again(book: Database) -> None:
    book.close()
    assert read(book) == 0


def test_an_unknown_engine_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=f"'oracle'.*knows: {', '.join(sorted(ENGINES))}"):
        open_engines("oracle://somewhere/contacts")


@pytest.mark.parametrize(("called", "name"), ALSO_CALLED.items())
def test_other_names_of_an_engine_are_known(called: str, name: str) -> None:
    database = open_engines(f"{called}://somebody@127.0.0.1/contacts")
    assert (database.name, database.engine.url.drivername) == (name, ENGINES[name].DRIVER)


def test_the_doctor_is_told_what_is_in_force(database: Database) -> None:
    facts = dict(database.facts())
    expected = {"engine": database.name, "synchronous": "full"}
    assert facts | expected == facts
    assert facts["version"]
    assert facts["driver"]


def test_the_doctor_finds_no_fault(database: Database) -> None:
    assert list(database.faults()) == []


def test_flask_uses_the_engine_that_the_stores_use(database: Database) -> None:
    app = Flask("test")
    extensions.register(app, database)
    with app.app_context():
        assert extensions.db.engine is database.engine
        assert extensions.db.session.execute(text("SELECT COUNT(*) FROM books")).scalar_one() == 0
