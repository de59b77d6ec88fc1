"""How the digest of a record is stored: which one it is, each row says by itself.

A stored digest 2 has the bit MARK, which no digest has: a database of before holds digest 1, without it, until it is
made anew (ops.digests). A sum of both is worth nothing. The bit changes no sum, since sums count modulo MODULUS.
"""

from __future__ import annotations

from offbook.core.model import Record
from offbook.core.verify.digests import MODULUS, digest_of

MARK = MODULUS


def stored_digest(record: Record) -> int:
    """What is stored of a record; 0 of a tombstone, which is not there for digests."""
    return 0 if record.deleted else MARK + digest_of(record)


def is_current(stored: int) -> bool:
    """Whether a record that lives has its digest 2 stored."""
    return stored >= MARK
