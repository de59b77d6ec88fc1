"""A made-up table beside contacts: a declaration, a model, a migration. Prints what a server makes of it.

Runs in an interpreter of its own, since it changes the models for all.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, ForeignKeyConstraint, Integer, String, UniqueConstraint
from sqlalchemy import Table as Rows

from models import LONG_TEXT, NUMBER, Base
from offbook.contacts.table import CONTACTS
from offbook.core.protocol.view import View
from offbook.core.schema import Field, Map, Schema, Table, Type
from offbook.core.verify.ranges import parse_compare
from services.sync.responses import changes
from services.sync.verify import compare
from storage.engines.database import Database, open_engines
from storage.engines.migrations import MIGRATIONS, config_for
from storage.sql.store import SqlStore
from tests.storage.library import Desk, Library, change
from tests.support.memory_store import MemoryStore

BOATS = Table(
    "boats",
    fields=(Field("name", required=True), Field("order", Type.INTEGER), Field("afloat", Type.FLAG)),
    maps=(
        Map("crew", "boat_crew", "boat_id", (Field("role", required=True), Field("from"), Field("to", shares="from"))),
    ),
)

SCHEMA = Schema((CONTACTS, BOATS))

MIGRATION = '''
"""Add boats."""

import sqlalchemy as sa
from alembic import op

revision = "boats"
down_revision = "{head}"


def upgrade():
    op.create_table(
        "boats",
        sa.Column("book_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.ForeignKey("books.id")),
        sa.Column("id", sa.String(36)),
        sa.Column("name", sa.String(200)),
        sa.Column("order", sa.Integer()),
        sa.Column("afloat", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("clocks", sa.Text(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("book_id", "id"),
        sa.UniqueConstraint("book_id", "seq"),
    )
    op.create_table(
        "boat_crew",
        sa.Column("book_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.Column("boat_id", sa.String(36)),
        sa.Column("entry_id", sa.String(64)),
        sa.Column("role", sa.String(200)),
        sa.Column("from", sa.String(200)),
        sa.Column("to", sa.String(200)),
        sa.Column("removed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("book_id", "boat_id", "entry_id"),
        sa.ForeignKeyConstraint(["book_id", "boat_id"], ["boats.book_id", "boats.id"]),
    )


def downgrade():
    op.drop_table("boat_crew")
    op.drop_table("boats")
'''


def add_model() -> None:
    def flag(name: str) -> Column[bool]:
        return Column(name, Boolean(), nullable=False, server_default="0")

    Rows(
        "boats",
        Base.metadata,
        Column("book_id", NUMBER, ForeignKey("books.id"), primary_key=True),
        Column("id", String(36), primary_key=True),
        Column("name", String(200)),
        Column("order", Integer()),
        flag("afloat"),
        *(Column(name, BigInteger(), nullable=False) for name in ("created_at", "updated_at", "seq")),
        flag("deleted"),
        Column("clocks", LONG_TEXT, nullable=False),
        Column("digest", BigInteger(), nullable=False, server_default="0"),
        UniqueConstraint("book_id", "seq"),
    )
    Rows(
        "boat_crew",
        Base.metadata,
        Column("book_id", NUMBER, primary_key=True),
        Column("boat_id", String(36), primary_key=True),
        Column("entry_id", String(64), primary_key=True),
        *(Column(name, String(200)) for name in ("role", "from", "to")),
        flag("removed"),
        ForeignKeyConstraint(["book_id", "boat_id"], ["boats.book_id", "boats.id"]),
    )


def add_migration(database: Database, folder: Path) -> None:
    """Migrate with a copy of all migrations and one more."""
    directory = Path(shutil.copytree(MIGRATIONS, folder / "migrations", ignore=shutil.ignore_patterns("__pycache__")))
    head = ScriptDirectory(str(directory)).get_current_head()
    (directory / "versions" / "boats.py").write_text(MIGRATION.strip().format(head=head))
    command.upgrade(config_for(database, directory), "head")


def story(library: Library) -> Any:
    """Boats and contacts in one book: made, merged, deleted, paged, pruned."""
    desk = library.desk()
    crew = {"k1": {"role": "cook", "from": "1831", "to": "1836"}, "k2": {"role": "captain"}}
    answers = desk.push(
        change(1, "INSERT", 1, table="boats", name="Beagle", order=3, crew=crew),
        change(2, "INSERT", 2, name="Ada"),
        change(3, "INSERT", 1, name="Bob, under a boat's id"),
        change(4, "INSERT", 3, table="boats", order=1),
        change(5, "INSERT", 4, table="boats", name="Wager", crew={"k1": {"to": "1741"}}),
        change(6, "INSERT", 5, table="boats", name="Erebus"),
    )
    base = answers[0]["seq"]
    answers += desk.push(
        change(7, "UPDATE", 1, table="boats", base=base, afloat=True, crew={"k2": None}),
        change(8, "UPDATE", 1, table="boats", base=base, by=2, order=4, crew={"k1": {"from": "1830"}}),
        change(9, "DELETE", 5, table="boats", base=answers[5]["seq"]),
    )
    compared = comparison(desk)
    before, in_pages = desk.pull()["changes"], [row for page in desk.pages(limit=1) for row in page["changes"]]
    desk.prune(desk.head())
    return {
        "verdicts": [answer.get("code") or answer["verdict"] for answer in answers],
        "rows": [[row["table"], row["data"]["name"]] for row in before],
        "boat": before[-1]["data"],
        "same_in_pages": in_pages == before,
        "same_after_pruning": desk.pull()["changes"] == before,
        "compared": compared,
        "compared_after_pruning": comparison(desk) == compared,
        "views": views(library),
    }


def views(library: Library) -> Any:
    """What each of several views has of a book in which a contact and a boat wait for a person."""
    desk = library.desk("ask")
    for number, table in enumerate(("contacts", "boats")):
        made = desk.seq(change(10 + number, "INSERT", 1, table=table, name="Beagle"))
        for by in (1, 2):
            edit = change(20 + 2 * number + by, "UPDATE", 1, table=table, base=made, by=by, name=f"Wager {by}")
            desk.push(edit)
    crew = {"k1": {"role": "cook", "from": "1831"}}
    desk.push(change(30, "INSERT", 2, table="boats", name="Erebus", afloat=True, order=0, crew=crew))
    narrow = replace(
        BOATS, fields=BOATS.fields[:1], maps=(replace(BOATS.maps[0], attributes=BOATS.maps[0].attributes[:1]),)
    )
    shown = {
        "contacts": View(Schema((CONTACTS,))),
        "boats": View(SCHEMA, is_sparse=True).only(["boats"]),
        "narrow": View(Schema((narrow,))),
    }
    return {name: rows_shown(desk, view) for name, view in shown.items()}


def rows_shown(desk: Desk, view: View) -> list[Any]:
    """The table and the data of each row; of a conflict, the table that it is about."""
    rows = changes(desk.store, desk.book_id, None, view=view)["changes"]
    return [[row["table"], row["data"].get("table") or without_times(row["data"])] for row in rows]


def without_times(data: Any) -> Any:
    return {name: value for name, value in data.items() if not name.endswith("_at") and value is not None}


def comparison(desk: Desk) -> Any:
    """What both tables are compared by, but for the book's own id."""
    questions = [parse_compare(SCHEMA, {"table": name, "ranges": [["", None]], "records": True}) for name in SCHEMA]
    return [{**compare(desk.store, desk.book_id, one), "book": "", "cursor": ""} for one in questions]


def main(folder: Path) -> None:
    add_model()
    database = open_engines(f"sqlite:///{folder / 'boats.db'}")
    add_migration(database, folder)
    with database.read() as connection:
        differs = [str(one) for one in compare_metadata(MigrationContext.configure(connection), Base.metadata)]
    stories = {
        "memory": story(Library(MemoryStore(SCHEMA))),
        "sql": story(Library(SqlStore(database, SCHEMA), database)),
    }
    database.close()
    print(json.dumps({"differs": differs, **stories}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
