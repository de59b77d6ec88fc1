"""SQLite changes most of a table only by filling a copy: what that must not lose."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import IntegrityError

from models import ContactDetail
from storage.engines.database import Database
from storage.engines.migrations import config_for, count_rows, downgrade
from storage.schema.revisions import MIGRATIONS
from tests.migrations.sample_data import add_revision, everything, head_of, revision_of, schema

pytestmark = pytest.mark.engines("sqlite")

REBUILD = '''
"""Rebuild the table that the details refer to."""

import sqlalchemy as sa
from alembic import op

from storage.engines.migrations import rebuilt

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

from storage.engines.migrations import rebuilt

revision = "lose"
down_revision = "{head}"


def upgrade():
    {statement}


def downgrade():
    pass
'''


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
        connection.execute(insert(ContactDetail), {"book_id": 1, "contact_id": "nobody", "entry_id": "k"})
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
