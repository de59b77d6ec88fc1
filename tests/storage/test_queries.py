"""Statements that must find their rows by an index, however large the book is."""

from __future__ import annotations

import pytest

from models import Base
from offbook.contacts.table import BUILT_IN
from offbook.core.verify.ranges import WHOLE, Range
from storage.engines.database import Database
from storage.sql.mapping.records import record_mappings
from storage.sql.queries import TableQueries

pytestmark = pytest.mark.engines("sqlite")  # the others decide by their statistics


@pytest.mark.parametrize("table", BUILT_IN)
def test_a_page_reads_the_entries_of_its_own_records_alone(database: Database, table: str) -> None:
    for query in TableQueries(record_mappings(BUILT_IN, Base.metadata.tables)[table]).page_entries.values():
        sql = query.text(database.reader.dialect)
        with database.read() as connection:
            steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1, 2, 3, 4, 0))]
        assert "seq>? AND seq<?" in steps[0]
        assert "book_id=? AND contact_id=?" in steps[1].replace(BUILT_IN[table].maps[0].owner, "contact_id")


@pytest.mark.parametrize("table", BUILT_IN)
def test_the_sum_of_a_whole_book_is_read_from_an_index_alone(database: Database, table: str) -> None:
    (step,) = plan_of(database, table, [WHOLE])
    assert step.startswith("SEARCH")
    assert "COVERING INDEX" in step


@pytest.mark.parametrize("table", BUILT_IN)
def test_the_sums_of_parts_walk_through_no_other_part(database: Database, table: str) -> None:
    steps = plan_of(database, table, [Range("a", "b"), Range("b", None)])
    assert len(steps) == 2
    assert all(step.startswith("SEARCH") and "id>? AND id<?" in step for step in steps)


def plan_of(database: Database, table: str, ranges: list[Range]) -> list[str]:
    """How SQLite goes about a sum: each table that it reads."""
    sql = str(
        TableQueries(record_mappings(BUILT_IN, Base.metadata.tables)[table]).sums(ranges).compile(database.engine)
    )
    with database.read() as connection:
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))]
    return [step for step in steps if step.startswith(("SEARCH", "SCAN"))]
