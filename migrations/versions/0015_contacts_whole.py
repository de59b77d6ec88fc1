"""Contacts hold what phones and other programs know of a person: ten fields, and four attributes of each detail.

Devices that learn of them pull contacts again from here on, and not from the beginning: all books get a later seq, and
the declaration in the settings says that whatever is new has one behind it. Details hold longer texts. Going back
forgets what the columns held, and cuts what an older version has no room for.
"""

from __future__ import annotations

import json
import time
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

LONG = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")
SHORT_VALUE = 2000

SETTINGS = sa.table("settings", sa.column("name", sa.String), sa.column("value", sa.Text))
BOOKS = sa.table("books", sa.column("seq", sa.BigInteger))
DETAILS = sa.table("contact_details", sa.column("value", sa.String))

DECLARATION, SHAPE = "tables", "tables_shape"


def _fields() -> list[sa.Column[Any]]:
    return [
        sa.Column("uid", sa.String(500)),
        sa.Column("kind", sa.String(20)),
        sa.Column("role", sa.String(300)),
        sa.Column("phonetic_given", sa.String(200)),
        sa.Column("phonetic_middle", sa.String(200)),
        sa.Column("phonetic_family", sa.String(200)),
        sa.Column("phone_params", LONG),
        sa.Column("email_params", LONG),
        sa.Column("website_params", LONG),
        sa.Column("photo", sa.String(64)),
    ]


def _attributes() -> list[sa.Column[Any]]:
    return [
        sa.Column("po_box", sa.String(200)),
        sa.Column("extended", sa.String(500)),
        sa.Column("pref", sa.Boolean()),
        sa.Column("params", LONG),
    ]


def upgrade() -> None:
    for column in _fields():
        op.add_column("contacts", column)
    for column in _attributes():
        op.add_column("contact_details", column)
    if op.get_bind().dialect.name != "sqlite":  # which takes any length
        op.alter_column("contact_details", "value", existing_type=sa.String(SHORT_VALUE), type_=LONG)
    _declare(op.get_bind())


def downgrade() -> None:
    connection = op.get_bind()
    _forget(connection)
    connection.execute(DETAILS.update().values(value=sa.func.substr(DETAILS.c.value, 1, SHORT_VALUE)))
    if connection.dialect.name != "sqlite":
        op.alter_column("contact_details", "value", existing_type=LONG, type_=sa.String(SHORT_VALUE))
    for column in _attributes():
        op.drop_column("contact_details", column.name)
    for column in _fields():
        op.drop_column("contacts", column.name)


def _learnt() -> list[str]:
    return [
        *(f"contacts.{column.name}" for column in _fields()),
        *(f"contacts.details.{column.name}" for column in _attributes()),
    ]


def _declare(connection: sa.Connection) -> None:
    """Note the seq from which on there are values of what is new; where there is no book yet, there is none to note."""
    newest = connection.scalar(sa.select(sa.func.max(BOOKS.c.seq)))
    if newest is None:
        return
    declared = _declaration(connection)
    seq = max(time.time_ns() // 1000, newest + 1, *(growth + 1 for growth in declared["growths"]))
    connection.execute(BOOKS.update().values(seq=seq))
    declared["since"] |= dict.fromkeys(_learnt(), seq)
    declared["growths"].append(seq)
    _store(connection, declared)


def _forget(connection: sa.Connection) -> None:
    """The seqs of growths stay: a device may have one for its cursor."""
    declared = _declaration(connection)
    for name in _learnt():
        declared["since"].pop(name, None)
    if declared["growths"]:
        _store(connection, declared)


def _declaration(connection: sa.Connection) -> dict[str, Any]:
    text = connection.scalar(sa.select(SETTINGS.c.value).where(SETTINGS.c.name == DECLARATION))
    declared: dict[str, Any] = json.loads(text) if text else {"tables": [], "since": {}, "growths": []}
    return declared


def _store(connection: sa.Connection, declared: dict[str, Any]) -> None:
    """The declaration, and beside it what every server compares with the one that it has read."""
    text = json.dumps(declared, ensure_ascii=False)
    connection.execute(SETTINGS.delete().where(SETTINGS.c.name.in_([DECLARATION, SHAPE])))
    shape = sha256(text.encode()).hexdigest()[:16]
    rows = [{"name": DECLARATION, "value": text}, {"name": SHAPE, "value": shape}]
    connection.execute(SETTINGS.insert(), rows)
