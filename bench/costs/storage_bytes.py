"""Bytes on the disk: of a contact and of a change, with their indexes, in a book that was filled by random ids."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing

from bench import sync
from bench.costs.setup import Place
from bench.statistics import Figure

CONTACTS = 10_000
TABLES = ("contacts", "changes")

IN_SQLITE = """
SELECT s.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_schema s ON s.name = d.name GROUP BY s.tbl_name
"""
IN_POSTGRESQL = "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relname = ANY(%s)"


def all_figures(place: Place) -> Iterator[Figure]:
    (token,) = place.new_book()
    client, ids = place.connect(token), [str(uuid.uuid4()) for _ in range(CONTACTS)]
    empty = sizes(place)
    for start in range(0, CONTACTS, sync.BATCH):
        part = ids[start : start + sync.BATCH]
        client.send("POST", "/sync", sync.body([sync.insert(record_id) for record_id in part]))
    filled = sizes(place)
    yield Figure("on the disk: a contact of four fields", (filled["contacts"] - empty["contacts"]) / CONTACTS, "bytes")
    yield Figure("on the disk: the change that made it", (filled["changes"] - empty["changes"]) / CONTACTS, "bytes")
    for start in range(0, CONTACTS, sync.BATCH):
        part = ids[start : start + sync.BATCH]
        client.send("POST", "/sync", sync.body([sync.update(record_id) for record_id in part]))
    edited = sizes(place)
    yield Figure("on the disk: an edit, in the history", (edited["changes"] - filled["changes"]) / CONTACTS, "bytes")
    yield Figure(
        "on the disk: more of a contact by its first edit",
        (edited["contacts"] - filled["contacts"]) / CONTACTS,
        "bytes",
    )


def sizes(place: Place) -> Mapping[str, int]:
    """Of each table with its indexes."""
    if place.database.name == "postgresql":
        with place.database.read() as connection:
            rows = connection.exec_driver_sql(IN_POSTGRESQL, (list(TABLES),)).all()
        return dict(rows)
    with closing(sqlite3.connect(f"file:{place.database.engine.url.database}?mode=ro", uri=True)) as connection:
        return dict(connection.execute(IN_SQLITE).fetchall())
