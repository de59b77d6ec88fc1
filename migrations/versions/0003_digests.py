"""Contacts can be compared: a digest of each, derived from its columns and its details, and the index to add them up.

Going back drops only what is derived; going forward again derives it anew. How a digest is made is written out here, as
it was when this migration was made: a migration must not change with the code.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 500

FIELDS = (
    *("name", "email", "email_label", "phone", "phone_label", "given_name", "middle_name", "family_name", "prefix"),
    *("suffix", "nickname", "file_as", "company", "department", "title", "birthday", "website", "website_label"),
    *("notes", "starred"),
)
ATTRIBUTES = ("kind", "label", "value", "street", "city", "region", "postcode", "country", "position")

contacts = sa.table("contacts", *map(sa.column, ("book_id", "id", "seq", "deleted", "digest", *FIELDS)))
details = sa.table("contact_details", *map(sa.column, ("book_id", "contact_id", "entry_id", "removed", *ATTRIBUTES)))


def upgrade() -> None:
    op.add_column("contacts", sa.Column("digest", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    _fill(op.get_bind())
    op.create_index("ix_contacts_digests", "contacts", ["book_id", "deleted", "id", "digest"])


def downgrade() -> None:
    op.drop_index("ix_contacts_digests", "contacts")
    op.drop_column("contacts", "digest")


def _fill(connection: sa.Connection) -> None:
    """Derive the digest of every contact, some hundred at a time so that memory stays small."""
    query = sa.select(contacts.c.book_id, contacts.c.id).where(contacts.c.deleted == sa.false())
    by_book: dict[int, list[str]] = defaultdict(list)
    for book_id, contact_id in connection.execute(query):
        by_book[book_id].append(contact_id)
    update = (
        contacts.update()
        .where(contacts.c.book_id == sa.bindparam("of_book"), contacts.c.id == sa.bindparam("of_id"))
        .values(digest=sa.bindparam("made"))
    )
    for book_id, ids in by_book.items():
        for start in range(0, len(ids), ROWS_AT_ONCE):
            connection.execute(update, _digests(connection, book_id, ids[start : start + ROWS_AT_ONCE]))


def _digests(connection: sa.Connection, book_id: int, ids: list[str]) -> list[dict[str, Any]]:
    rows = connection.execute(
        sa.select(contacts.c.id, contacts.c.seq, *(contacts.c[name] for name in FIELDS)).where(
            contacts.c.book_id == book_id, contacts.c.id.in_(ids)
        )
    )
    sums = {
        contact_id: _hash(["contacts", contact_id, seq, *values, int(starred)])
        for contact_id, seq, *values, starred in rows
    }
    entries = connection.execute(
        sa.select(details.c.contact_id, details.c.entry_id, *(details.c[name] for name in ATTRIBUTES)).where(
            details.c.book_id == book_id, details.c.contact_id.in_(ids), details.c.removed == sa.false()
        )
    )
    for contact_id, entry_id, *values in entries:
        sums[contact_id] += _hash(["contacts", "details", contact_id, entry_id, *values])
    return [{"of_book": book_id, "of_id": key, "made": total % (1 << 40)} for key, total in sums.items()]


def _hash(parts: Iterable[object]) -> int:
    line = b"\xff".join(b"" if part is None else str(part).encode() for part in parts)
    return int.from_bytes(blake2b(line, digest_size=5).digest(), "big")
