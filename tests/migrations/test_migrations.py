"""The schema comes from migrations alone: they make what the models say, and going back and forth keeps the data."""

from __future__ import annotations

import json

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Index, insert, inspect, select, update

from models import Base, Contact, User
from ops.digests import rewrite_digests
from ops.query_plans import is_wanted
from ops.search_texts import rewrite_search_texts
from storage.engines.database import Database
from storage.engines.migrations import count_rows, differs_in_default, downgrade, upgrade
from storage.schema.revisions import MIGRATIONS
from storage.sql.mapping.stored_digests import stored_digest
from tests.migrations.sample_data import RECORDS, everything, schema


def test_migrations_make_what_the_models_say(database: Database) -> None:
    with database.read() as connection:

        def is_compared(item: object, *_: object) -> bool:
            return not isinstance(item, Index) or is_wanted(item, database.name)

        options = {"compare_server_default": differs_in_default, "include_object": is_compared}
        context = MigrationContext.configure(connection, opts=options)
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
    assert schema(empty) == {}
    upgrade(empty)
    assert schema(empty).keys() == Base.metadata.tables.keys()
    downgrade(empty, "base")
    assert schema(empty) == {}


def test_downgrade_and_up_again_keep_the_data(filled: Database) -> None:
    """All that people wrote; that tables have grown, is told of books and in the settings."""
    before, names = everything(filled), schema(filled)
    downgrade(filled, "-1")
    upgrade(filled)
    rewrite_digests(filled)
    rewrite_search_texts(filled)
    told = ("books", "settings")
    assert {**everything(filled), **dict.fromkeys(told)} == {**before, **dict.fromkeys(told)}
    assert schema(filled) == names


def test_every_step_back_keeps_contacts_and_details(filled: Database) -> None:
    """All but the first migration, below which there are no contacts."""
    downgrade(filled, "0001")
    with filled.read() as connection:
        counts = count_rows(connection)
    assert (counts["books"], counts["contacts"], counts["contact_details"]) == (1, 2, 2)


def test_records_that_are_there_get_the_digest_that_the_store_gives_them(filled: Database) -> None:
    digests = {record.id: stored_digest(record) for record in RECORDS}
    downgrade(filled, "0002")
    upgrade(filled)
    rewrite_digests(filled)
    with filled.read() as connection:
        assert {row.id: row.digest for row in connection.execute(select(Contact.id, Contact.digest))} == digests
    assert digests["ada"]
    assert not digests["gone"]


def test_a_version_that_knows_no_unseen_writes_reads_the_clocks_after_going_back(filled: Database) -> None:
    clocks = '{"@created":[1,1,"c1","r1"],"phone":[9,2,"c3","r1",8,1,"c2","r2"],"email":[7,1,"c4","r1"]}'
    with filled.write() as connection:
        connection.execute(update(Contact).where(Contact.id == "ada").values(clocks=clocks))
    downgrade(filled, "0006")
    with filled.read() as connection:
        kept = {row.id: row.clocks for row in connection.execute(select(Contact.id, Contact.clocks))}
    shortened = {"@created": [1, 1, "c1", "r1"], "phone": [9, 2, "c3", "r1"], "email": [7, 1, "c4", "r1"]}
    assert json.loads(kept["ada"]) == shortened
    assert json.loads(kept["gone"]).keys() == {"@created"}


@pytest.mark.parametrize("column", ["disabled_at", "removed_at"])
def test_nobody_who_is_kept_out_is_let_in_by_going_back(filled: Database, column: str) -> None:
    downgrade(filled, "0011")  # without a transaction around all (MariaDB), what came later would be gone half-way
    with filled.write() as connection:
        connection.execute(insert(User).values(name="eve", created_at=0, **{column: 1}))
    with pytest.raises(RuntimeError, match="would let them in"):
        downgrade(filled, "0011-1")
    with filled.write() as connection:
        connection.execute(update(User).values({column: None}))
    downgrade(filled, "0011-1")


def test_there_is_one_line_of_migrations() -> None:
    assert len(ScriptDirectory(str(MIGRATIONS)).get_heads()) == 1
