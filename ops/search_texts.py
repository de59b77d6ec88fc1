"""What people search for and lists are sorted by, as an older version folded it, is made anew, once, after an upgrade.

Meanwhile each record is found as that version found it, and is in its place by the name that is shown.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, false, func, not_, or_

from ops.rewrite import StoredForm, count_outdated, rewrite_rows
from storage.engines.database import Database


def is_outdated(rows: Table) -> ColumnElement[bool]:
    """Whether a row's text neither begins nor ends as today's do (offbook.core.search), or its names have none."""
    has_no_names = rows.c.search_name.is_(None) if "search_name" in rows.c else false()
    return or_(has_no_names, not_(func.coalesce(rows.c.search, "").like("\n%\n")))


SEARCH_TEXTS = StoredForm(is_outdated, lambda mapping, record: mapping.derived_columns(record.cells))


def rewrite_search_texts(database: Database) -> int:
    """Make all texts anew that are not of today's form. Returns of how many records. Raises Unwritable."""
    return rewrite_rows(database, SEARCH_TEXTS)


def count_old_search_texts(database: Database) -> int:
    """How many records have texts that are not of today's form."""
    return count_outdated(database, SEARCH_TEXTS)
