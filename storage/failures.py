"""What a read or a write may end with when the database is the reason, whatever engine it is of."""

from __future__ import annotations

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError, TimeoutError

from storage.engines.adapter import ENGINES
from storage.errors import TooBusy, Unwritable

FAILURES: tuple[type[Exception], ...] = (
    OperationalError,
    InterfaceError,
    TimeoutError,
    *(failure for kind in ENGINES.values() for failure in kind.FAILURES),
)
"""What SQLAlchemy and the drivers raise where a database can't be reached, is too busy, or ended the transaction. The
same may be tried again a moment later."""


NOT_WRITTEN: tuple[type[Exception], ...] = (Unwritable, TooBusy, SQLAlchemyError, *FAILURES)
"""What a write may end with, and a note with it."""
