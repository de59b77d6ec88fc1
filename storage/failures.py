"""What a read or a write may end with when the database is the reason, whatever engine it is of."""

from __future__ import annotations

import sys

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError, TimeoutError

from storage.engines.adapter import ENGINES
from storage.errors import TooBusy, Unwritable


def database_failures() -> tuple[type[Exception], ...]:
    """What SQLAlchemy and the drivers raise where a database can't be reached, is too busy, or ended the transaction.
    The same may be tried again a moment later.

    Of the engines that were opened in this process: no other driver is loaded, and so none raises anything.
    """
    of_drivers = (failure for adapter in ENGINES.loaded() for failure in adapter.FAILURES)
    return (OperationalError, InterfaceError, TimeoutError, *of_drivers)


def not_written() -> tuple[type[Exception], ...]:
    """What a write may end with, and a note with it."""
    return (Unwritable, TooBusy, SQLAlchemyError, *database_failures())


def schema_failures() -> tuple[type[Exception], ...]:
    """What Alembic raises where a schema can't be read or moved: nothing, where it is not loaded."""
    loaded = sys.modules.get("alembic.util")
    return () if loaded is None else (loaded.CommandError,)
