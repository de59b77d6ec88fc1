"""Databases to move from and to, one filled with what is hard to carry; and a move that is killed again and again.

Run by itself it moves one database into another, in processes that are killed before their first commit, their second,
third, fifth, eighth and so on, until one gets to the end: ``python -m tests.support.move_scenarios SOURCE TARGET``.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, String, Table, event, select

from models import Base
from offbook.core.pictures import sha256_of
from ops.grow import grow
from ops.move.copy_rows import MARKS, tables_of
from storage.blobs.rows import BlobRows
from storage.engines.database import Database, open_engines
from storage.sql.store import SqlStore
from storage.values.blobs import BlobHead
from tests.storage.library import Desk, Library, change, uuid
from tests.support.app_schemas import GROUPS, SELECT, of_app
from tests.support.browser import app_on
from tests.support.databases import MAKERS

INTEGER_MAX = 2**63 - 1
TEXTS = (
    "",
    " ",
    "a ",
    "'; DROP TABLE books; --",
    "100 %s {} \\ \"'`",
    "e\u0301\u00e9",
    "日本 😀 ",
    "\r\n\t\x1b\x7f",
    "İß",
)
LONG = "x😀" * 10_000
FRACTIONS = (0.1, -0.1, 1e300, 5e-324, 1.7976931348623157e308, 0.0, 1 / 3, -1e-7, 123456789.123456789)
PEOPLE = 200


@contextmanager
def databases(engine: str, folder: Path) -> Iterator[Database]:
    """A migrated database without rows."""
    folder.mkdir()
    opened = open_engines(MAKERS[engine].copy(MAKERS[engine].template(folder), folder))
    try:
        yield opened
    finally:
        opened.close()
        MAKERS[engine].free(folder)


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def rows_of(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table by its key, save the marks of moves."""
    tables = tables_of(database)
    with database.read() as connection:
        return {table.name: rows_in(connection, table) for table in tables}


def rows_in(connection: Connection, table: Table) -> list[tuple[Any, ...]]:
    query = select(table).order_by(*table.primary_key.columns)
    if table.name == "settings":
        query = query.where(table.c.name.not_in(MARKS))
    return [tuple(row) for row in connection.execute(query)]


def fill(database: Database) -> None:
    """Two books whose contacts, and records of an app, came by pushes, and hostile rows in all other tables."""
    grow(database, of_app(GROUPS, SELECT), 1)
    library = Library(SqlStore(database), database)
    desk = library.desk()
    assert set(desk.verdicts(*(change(n, "INSERT", n, **person(n)) for n in range(1, PEOPLE + 1)))) == {"applied"}
    desk.push(*(change(1000 + n, "UPDATE", n, base=desk.head(), phone="", starred=True) for n in range(1, 9)))
    desk.push(*(change(2000 + n, "DELETE", n, base=desk.head()) for n in range(5, 9)))
    keep_values_of_an_app(desk)
    asked = library.desk("ask")
    fight(asked)
    with database.write() as connection:
        for table in Base.metadata.sorted_tables:
            if table.name not in ("books", "contacts", "contact_details", "labels", "blobs", "blob_chunks"):
                connection.execute(table.insert(), [row_of(table, n) for n in range(1, len(TEXTS) + 1)])
    rows = BlobRows(database)
    for content in (b"", bytes(range(256)), b"\\x00'\0\n\t" * 300_000):
        rows.add(1, BlobHead(sha256_of(content), "image/png", len(content)), content, 1, 2**30)
        rows.add_shown(1, sha256_of(content), {96: content[::-1], 720: b""})


def person(number: int) -> dict[str, Any]:
    text = TEXTS[number % len(TEXTS)]
    details = {
        "k": {"kind": "address", "street": text, "city": LONG[:200], "label": text},
        "K-2_z": {"kind": "url", "value": text + "😀" * 900},
        "g": {"kind": "group", "value": f"{text} friends"},
    }
    return {"name": f"{number} {text}", "notes": LONG if number == 5 else text, "file_as": text, "details": details}


def keep_values_of_an_app(desk: Desk) -> None:
    items = [change(3000 + n, "INSERT", n, table="select", **odd_row(n)) for n in range(1, len(TEXTS) + 1)]
    items.append(change(3100, "INSERT", 1, table="groups", name="Home"))
    items.append(change(3101, "DELETE", 2, table="select", base=desk.head()))
    assert set(desk.verdicts(*items)) == {"applied"}


def odd_row(number: int) -> dict[str, Any]:
    """What is hard to carry of every type."""
    text = TEXTS[number - 1]
    entry = {"unique": True, "float": FRACTIONS[-number], "table": [text, None, {}], "default": "null"}
    return {
        "order": f"{number} {text}",
        "check": LONG if number == 3 else text,
        "limit": 2**53 - 1 if number % 2 else -(2**53 - 1),
        "double": FRACTIONS[number - 1],
        "primary": bool(number % 2),
        "date": "--12-10",
        "timestamp": "2026-11-20T17:00:00.000Z",
        "case": "when",
        "json": {text: [text, 1.5, None, True, number]},
        "references": uuid(1),
        "values": {"k": {"key": text.strip() or "k", "from": -number, "to": text}},
        "index": {"K-2_z": entry, "empty": {}},
    }


def fight(desk: Desk) -> None:
    """Two replicas change the same cell, and a person is asked."""
    desk.push(change(1, "INSERT", 1, name="Ada"))
    base = desk.head()
    desk.push(change(2, "UPDATE", 1, by=1, base=base, name="😀 one"))
    assert desk.verdicts(change(3, "UPDATE", 1, by=2, base=base, name="two")) == ["conflict"]


def row_of(table: Table, number: int) -> dict[str, Any]:
    """A row whose texts are hostile and whose numbers are the largest; every other value that may be null is null."""
    row: dict[str, Any] = {}
    for place, column in enumerate(table.c):
        if column.foreign_keys or column.name == "book_id":
            (name,) = {key.column.table.name for key in column.foreign_keys} or {"books"}
            of_contact = uuid(number) if name == "contacts" else number
            row[column.name] = 1 if name == "books" or column.name == "book_id" else of_contact
        elif column.nullable and (place + number) % 2:
            row[column.name] = None
        elif isinstance(column.type, String):
            row[column.name] = text_of(column, number)
        elif column.type.python_type is bool:
            row[column.name] = bool(number % 2)
        elif column is table.autoincrement_column:
            row[column.name] = number if table.name in ("users", "devices") else 10**15 + number
        else:
            row[column.name] = INTEGER_MAX - number if number % 2 else -INTEGER_MAX - 1 + number
    return row


def text_of(column: Any, number: int) -> str:
    text, most = TEXTS[number - 1], column.type.length
    if column.primary_key or any(column.name in key.columns for key in unique_in(column.table)):
        return f"{number} {text}"[:most]
    return text[:most] if most else text + LONG * (number == 3)


def unique_in(table: Table) -> list[Any]:
    return [one for one in table.constraints if type(one).__name__ == "UniqueConstraint"]


# --- killed --------------------------------------------------------------------------------------------------------


def main(source: str, target: str) -> None:
    commits, following = 1, 2
    while True:
        child = os.fork()
        if child == 0:
            os._exit(move(source, target, commits))
        commits, following = following, commits + following
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, flush=True)
        if code != -signal.SIGKILL:
            return


def move(source: str, target: str, commits: int) -> int:
    left = commits

    @event.listens_for(Engine, "commit")
    def counts(connection: Connection) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    result = app_on(source).test_cli_runner().invoke(args=["move", "--to", target])
    print(result.output, flush=True)
    return result.exit_code


if __name__ == "__main__":
    main(*sys.argv[1:])
