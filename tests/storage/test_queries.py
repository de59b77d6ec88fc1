"""Statements that must find their rows by an index, however large the book is."""

from __future__ import annotations

import pytest

from models import Base
from offbook.core.tables import TABLES
from storage.engines import Database
from storage.queries import TableQueries
from storage.rows import layouts


@pytest.mark.parametrize("table", TABLES)
def test_a_page_reads_the_entries_of_its_own_records_alone(database: Database, table: str) -> None:
    if database.kind.name != "sqlite":
        pytest.skip("other engines decide by their statistics")
    for query in TableQueries(layouts(Base.metadata.tables)[table]).page_entries.values():
        sql = query.text(database.reader.dialect)
        with database.read() as connection:
            steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1, 2, 3))]
        assert "seq>? AND seq<?" in steps[0]
        assert "book_id=? AND contact_id=?" in steps[1].replace(TABLES[table].maps[0].owner, "contact_id")


@pytest.mark.parametrize("table", TABLES)
def test_the_sums_of_ranges_are_read_from_an_index_alone(database: Database, table: str) -> None:
    if database.kind.name != "sqlite":
        pytest.skip("other engines decide by their statistics")
    queries = TableQueries(layouts(Base.metadata.tables)[table])
    for query in (queries.sums(2), queries.digests(2)):
        sql = str(query.compile(database.engine))
        with database.read() as connection:
            steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1, "a", "b") * 2)]
        looks = [step for step in steps if step.startswith(("SEARCH", "SCAN"))]
        assert len(looks) == 2
        assert all("COVERING INDEX" in step and "id>? AND id<?" in step for step in looks)
