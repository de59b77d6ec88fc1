"""The schema comes from migrations alone: they make what the models say, and going back and forth keeps the data."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import IntegrityError

from models import Base, Contact, ContactDetail
from offbook.core.changes import Clock, Record
from offbook.core.digests import digest_of
from offbook.core.tables import TABLES
from storage.engines import Database, open_engines
from storage.migrating import MIGRATIONS, config_for, count_rows, downgrade, upgrade
from storage.rows import layouts

BOOK = "INSERT INTO books(id, uuid, name, epoch, created_at) VALUES (1, 'b', 'Contacts', 'e', 0)"

CREATED = Clock(1, 1, "c1", "r1")
RECORDS = (
    Record(
        table="contacts",
        id="ada",
        seq=1,
        deleted=False,
        cells={
            "name": "Ada Löwe " + "x" * 120,
            "notes": "Straße\nÅngström",
            "starred": True,
            "details/k1/@exists": True,
            "details/k1/kind": "address",
            "details/k1/value": (None, "1 Boat Lane", "Łódź", None, None, None),
            "details/k2/@exists": False,
            "details/k2/kind": "phone",
            "details/k2/value": ("555-0000", None, None, None, None, None),
        },
        created=CREATED,
        clocks={},
    ),
    Record(table="contacts", id="gone", seq=2, deleted=True, cells={}, created=CREATED, clocks={}),
)

REBUILD = '''
"""Rebuild the table that the details refer to."""

import sqlalchemy as sa
from alembic import op

from storage.migrating import rebuilt

revision = "rebuild"
down_revision = "{head}"


def upgrade():
    with rebuilt(op, "contacts") as batch:
        batch.alter_column("nickname", type_=sa.String(400))


def downgrade():
    with rebuilt(op, "contacts") as batch:
        batch.alter_column("nickname", type_=sa.String(200))
'''

LOSE = '''
"""Lose {what}."""

from alembic import op

from storage.migrating import rebuilt

revision = "lose"
down_revision = "{head}"


def upgrade():
    {statement}


def downgrade():
    pass
'''


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Database]:
    """A database without a schema."""
    database = open_engines(f"sqlite:///{tmp_path / 'empty.db'}")
    yield database
    database.close()


@pytest.fixture
def filled(database: Database) -> Database:
    """A migrated database with two contacts, written as the store writes them."""
    layout = layouts(Base.metadata.tables)["contacts"]
    (details,) = TABLES["contacts"].maps
    with database.write() as connection:
        connection.execute(text(BOOK))
        for record in RECORDS:
            connection.execute(Contact.__table__.insert(), layout.row_of(1, record))
            for row in layout.entry_rows(details, 1, record).values():
                connection.execute(ContactDetail.__table__.insert(), row)
    return database


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the migrations, to which a test adds its own."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__")))


def everything(database: Database) -> dict[str, list[dict[str, object]]]:
    """Every row of every table; columns by name, since a rebuilt table may order them anew."""
    with database.read() as connection:
        return {
            table.name: sorted((dict(row) for row in connection.execute(select(table)).mappings()), key=repr)
            for table in Base.metadata.sorted_tables
        }


def schema(database: Database) -> list[tuple[str, ...]]:
    with database.read() as connection:
        query = "SELECT type, name, tbl_name FROM sqlite_master WHERE name != 'alembic_version' ORDER BY type, name"
        return [tuple(row) for row in connection.execute(text(query))]


def head_of(directory: Path) -> str:
    head = ScriptDirectory(str(directory)).get_current_head()
    assert head is not None
    return head


def add_revision(directory: Path, source: str, **names: str) -> None:
    (directory / "versions" / "added.py").write_text(source.strip().format(head=head_of(directory), **names))


def test_migrations_make_what_the_models_say(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_every_constraint_of_the_models_is_in_the_database(database: Database) -> None:
    """Alembic compares neither primary keys nor what a deletion does to the rows that refer to it."""
    with database.read() as connection:
        looked = inspect(connection)
        for table in Base.metadata.sorted_tables:
            keys = looked.get_pk_constraint(table.name)
            assert keys["constrained_columns"] == [column.name for column in table.primary_key], table.name
            deletes = {key["name"]: key["options"].get("ondelete") for key in looked.get_foreign_keys(table.name)}
            assert deletes == {key.name: key.ondelete for key in table.foreign_key_constraints}, table.name


def test_upgrade_from_nothing_and_back_to_nothing(empty: Database) -> None:
    upgrade(empty)
    assert {table for _, _, table in schema(empty)} >= set(Base.metadata.tables)
    downgrade(empty, "base")
    assert [name for _, name, _ in schema(empty) if not name.startswith("sqlite_")] == []


def test_downgrade_and_up_again_keep_the_data(filled: Database) -> None:
    before, names = everything(filled), schema(filled)
    downgrade(filled, "-1")
    upgrade(filled)
    assert everything(filled) == before
    assert schema(filled) == names


def test_every_step_back_keeps_contacts_and_details(filled: Database) -> None:
    """All but the first migration, below which there are no contacts."""
    downgrade(filled, "0001")
    with filled.read() as connection:
        counts = count_rows(connection)
    assert (counts["books"], counts["contacts"], counts["contact_details"]) == (1, 2, 2)


def test_records_that_are_there_get_the_digest_that_the_store_gives_them(filled: Database) -> None:
    digests = {record.id: digest_of(record) for record in RECORDS}
    downgrade(filled, "0002")
    upgrade(filled)
    with filled.read() as connection:
        assert {row.id: row.digest for row in connection.execute(select(Contact.id, Contact.digest))} == digests
    assert digests["ada"] and not digests["gone"]


def test_there_is_one_line_of_migrations() -> None:
    assert len(ScriptDirectory(str(MIGRATIONS)).get_heads()) == 1


def test_rebuilding_a_table_keeps_its_rows_their_children_and_its_triggers(filled: Database, directory: Path) -> None:
    with filled.write() as connection:
        connection.execute(text("CREATE TRIGGER tell AFTER DELETE ON contacts BEGIN SELECT 1; END"))
    before, names = everything(filled), schema(filled)
    add_revision(directory, REBUILD)
    command.upgrade(config_for(filled, directory), "head")
    assert everything(filled) == before
    assert schema(filled) == names
    command.downgrade(config_for(filled, directory), "-1")
    assert everything(filled) == before


def test_a_rebuilt_table_is_still_what_its_children_refer_to(filled: Database, directory: Path) -> None:
    add_revision(directory, REBUILD)
    command.upgrade(config_for(filled, directory), "head")
    with pytest.raises(IntegrityError, match="FOREIGN KEY"), filled.write() as connection:
        connection.execute(ContactDetail.__table__.insert(), {"book_id": 1, "contact_id": "nobody", "entry_id": "k"})
    with filled.write() as connection:
        connection.execute(text("DELETE FROM contacts"))
        assert count_rows(connection)["contact_details"] == 0


@pytest.mark.parametrize(
    ("what", "statement", "complaint"),
    [
        ("a parent", "op.execute(\"DELETE FROM contacts WHERE id = 'ada'\")", "without what they refer to"),
        (
            "rows while a table is rebuilt",
            'with rebuilt(op, "contact_details", recreate="always"): op.execute("DELETE FROM contact_details")',
            "changed how many rows",
        ),
    ],
)
def test_a_migration_that_loses_rows_is_undone(
    filled: Database, directory: Path, what: str, statement: str, complaint: str
) -> None:
    before = everything(filled)
    add_revision(directory, LOSE, what=what, statement=statement)
    with pytest.raises(RuntimeError, match=complaint):
        command.upgrade(config_for(filled, directory), "head")
    assert everything(filled) == before
    assert revision_of(filled) == head_of(MIGRATIONS)


def test_references_are_enforced_again_after_a_migration(filled: Database) -> None:
    downgrade(filled, "-1")
    with filled.write() as connection:
        assert foreign_keys(connection) == 1


def test_a_failed_migration_leaves_references_enforced(filled: Database, directory: Path) -> None:
    add_revision(directory, LOSE, what="everything", statement="raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        command.upgrade(config_for(filled, directory), "head")
    with filled.write() as connection:
        assert foreign_keys(connection) == 1


def foreign_keys(connection: Connection) -> int:
    value: int = connection.execute(text("PRAGMA foreign_keys")).scalar_one()
    return value


def revision_of(database: Database) -> str | None:
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()
