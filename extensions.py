"""Flask's database extensions, over the engine that the stores use too.

``flask db`` finds Alembic through Flask-Migrate, and that finds the database through Flask-SQLAlchemy. A server loads
neither of the first two. Left to itself the third would open the file a second time with settings of its own, which
lose updates (see storage.engines.sqlite); so it is given the engine that is open already. Stores and pages never touch
``db``: it is there for ``flask shell``, for scripts and for tests of one's own (docs/models.md).
"""

from __future__ import annotations

import time
from typing import Any, cast

import click
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine, event

from models import Base, Book, Device, User
from storage.engines.database import Database
from storage.schema.revisions import MIGRATIONS


class SharedEngine(SQLAlchemy):
    """Flask-SQLAlchemy without an engine of its own."""

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> Engine:
        database = app.extensions["database"]
        assert isinstance(database, Database)
        return database.engine


db = SharedEngine(metadata=Base.metadata)


def register(app: Flask, database: Database) -> None:
    """Let Flask's extensions use this database."""
    app.extensions["database"] = database
    app.config["SQLALCHEMY_DATABASE_URI"] = database.engine.url
    db.init_app(app)
    app.shell_context_processor(names_in_a_shell)


def schema_commands(app: Flask) -> click.Command:
    """``flask db``, on the database of this app."""
    from flask_migrate import Migrate
    from flask_migrate.cli import db as commands

    Migrate(app, db, directory=str(MIGRATIONS))
    return cast(click.Command, commands)


def names_in_a_shell() -> dict[str, Any]:
    """What ``flask shell`` knows by name: ``db`` and the models."""
    return {"db": db, **{mapper.class_.__name__: mapper.class_ for mapper in Base.registry.mappers}}


@event.listens_for(User, "before_insert")
@event.listens_for(Book, "before_insert")
@event.listens_for(Device, "before_insert")
def fill_in(mapper: object, connection: object, row: Book | Device | User) -> None:
    """What nobody wants to type in a shell. The stores name every column themselves."""
    if row.created_at is None:
        row.created_at = time.time_ns() // 1000
