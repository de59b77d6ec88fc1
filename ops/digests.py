"""Digests that an older version stored are made anew: digest 2 takes the place of digest 1, once, after an upgrade.

Servers answer meanwhile of what is not made anew yet from its rows.
"""

from __future__ import annotations

from sqlalchemy import and_

from ops.rewrite import StoredForm, count_outdated, rewrite_rows
from storage.engines.database import Database
from storage.sql.mapping.stored_digests import MARK, stored_digest

DIGESTS = StoredForm(
    lambda rows: and_(rows.c.deleted.is_(False), rows.c.digest < MARK),
    lambda mapping, record: {"digest": stored_digest(record)},
)


def rewrite_digests(database: Database) -> int:
    """Make all digests anew that are not of today's form. Returns of how many records. Raises Unwritable."""
    return rewrite_rows(database, DIGESTS)


def count_to_rewrite(database: Database) -> int:
    """How many records have a digest that is not of today's form."""
    return count_outdated(database, DIGESTS)
