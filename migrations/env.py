"""How a migration runs: the whole of it in one transaction, on the database that the app uses.

``flask db`` finds the database at the app; storage.engines.migrations, which tests use, passes it along. What the
database must have switched off meanwhile is its own affair (``Database.migrate``). Before ``flask db`` changes a schema
with rows in it, a backup is kept (ops.backup.backup): whatever goes wrong later, there is a way back. What it stores
in another form than before it then makes anew, in steps (ops.digests).
"""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from alembic import context
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, select

from models import Base, Book
from offbook.core.errors import NotLetIn
from ops.backup.backup import before_migrating
from ops.backup.files import BackupError
from ops.digests import rewrite_digests
from ops.search_texts import rewrite_search_texts
from services.contacts.names import add_parts_of_names
from services.naming.renaming import add_all_named
from storage.engines.database import Database
from storage.engines.migrations import differs_in_default
from storage.errors import Unwritable
from storage.repositories.contact_queries import ContactQueries
from storage.schema.app_tables import PREFIX
from storage.schema.revisions import why_unknown
from storage.sql.store import SqlStore


def passed_database() -> Database | None:
    database: Database | None = context.config.attributes.get("database")
    return database


def apps_database() -> Database:
    from flask import current_app

    database = current_app.extensions["database"]
    assert isinstance(database, Database)
    return database


def run() -> None:
    if context.is_offline_mode():
        raise SystemExit("Migrations look at the data, so they run on a database: --sql is not supported.")
    passed = passed_database()
    database = passed or apps_database()
    with plainly(), database.migrate() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_server_default=differs_in_default,
            include_name=lambda name, kind, _: kind != "table" or not str(name).startswith(PREFIX),  # an app's own
        )
        require_known(is_command=passed is None)
        if passed is None and is_to_move():
            keep(database, connection)
        context.run_migrations()
    if is_to_head():
        complete_contacts(database, is_command=passed is None)
        if passed is None:
            rewrite(database)


@contextmanager
def plainly() -> Iterator[None]:
    """What keeps a migration from being stored is told in a line, and all is as it was."""
    try:
        yield
    except Unwritable as error:
        raise SystemExit(f"Nothing was migrated. {error.for_admins}") from None


def require_known(is_command: bool) -> None:
    """Raise CommandError where the database is of a newer version; Flask-Migrate would log that, and not print it."""
    scripts = ScriptDirectory.from_config(context.config)
    known = [script.revision for script in scripts.walk_revisions()]
    for revision in context.get_context().get_current_heads():
        if (newer := why_unknown(revision, known)) is not None:
            raise SystemExit(newer.detail) if is_command else CommandError(newer.detail)


def is_to_move() -> bool:
    """Whether ``flask db`` was told to go to another revision: it also comes here only to look."""
    try:
        wanted = context.get_revision_argument()
    except KeyError:
        return False
    except CommandError:  # some steps up or down, which have no number
        return True
    return (wanted,) != context.get_context().get_current_heads()


def is_to_head() -> bool:
    """Whether ``flask db`` was told to go to the last revision, where the schema is that of the models."""
    try:
        wanted = context.get_revision_argument()
    except (KeyError, CommandError):  # it only looks, or goes some steps
        return False
    return bool(wanted == ScriptDirectory.from_config(context.config).get_current_head())


def complete_contacts(database: Database, is_command: bool) -> None:
    """Let the books of before have what is derived of contacts; again, where that was cut off the last time.

    Those are records of what is named in them, and the parts of names. A database that a move fills takes no changes
    until it is there: the command completes it then.
    """
    store = SqlStore(database)
    queries = ContactQueries(database, store)
    with database.read() as connection:
        books = connection.scalars(select(Book.id).order_by(Book.id)).all()
    try:
        for book_id in books:
            with suppress(NotLetIn):  # purged meanwhile
                add_all_named(store, book_id, new_id, now_us())
                add_parts_of_names(store, queries, book_id, new_id, now_us)
    except Unwritable as error:
        if not is_command:
            return
        advice = "The schema is migrated. Labels and parts of names are still to be added"
        raise SystemExit(f"{advice}: {error.for_admins}") from None


def new_id() -> str:
    return str(uuid.uuid4())


def now_us() -> int:
    return time.time_ns() // 1000


def rewrite(database: Database) -> None:
    """What the schema's change left to be done in steps, while servers go on."""
    for made, rewrite_them in {"digests": rewrite_digests, "search texts": rewrite_search_texts}.items():
        try:
            count = rewrite_them(database)
        except Unwritable as error:
            advice = f"Not all {made} are made anew: run `flask db upgrade` once more."
            raise SystemExit(f"{advice} {error.for_admins}") from None
        if count:
            print(f"The {made} of {count:,} records were made anew.", file=sys.stderr)


def keep(database: Database, connection: Connection) -> None:
    """A way back, or no migration at all."""
    heads = context.get_context().get_current_heads()
    try:
        kept = before_migrating(database, connection, "-".join(heads) or "none", time.time_ns() // 1000)
    except BackupError as error:
        raise SystemExit(f"Nothing was migrated, since no backup could be made first. {error}") from None
    if kept is not None:
        print(f"What is there before the migration is kept in {kept}.", file=sys.stderr)


run()
