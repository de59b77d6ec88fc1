"""How a migration runs: the whole of it in one transaction, on the database that the app uses.

``flask db`` finds the database at the app; storage.migrating, which tests use, passes it along. What the database must
have switched off meanwhile is its own affair (``Database.migrate``).
"""

from __future__ import annotations

from alembic import context

from models import Base
from storage.engines import Database
from storage.migrating import differs_in_default


def current_database() -> Database:
    database = context.config.attributes.get("database")
    if database is None:
        from flask import current_app

        database = current_app.extensions["database"]
    assert isinstance(database, Database)
    return database


def run() -> None:
    if context.is_offline_mode():
        raise SystemExit("Migrations look at the data, so they run on a database: --sql is not supported.")
    with current_database().migrate() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_server_default=differs_in_default,
        )
        context.run_migrations()


run()
