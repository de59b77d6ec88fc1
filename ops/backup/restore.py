"""One restore on its way: what keeps others out of the database meanwhile, and what becomes of it when something fails.

On a server of databases anyone may come at any time, a server of ours that is started too. So the database is closed
(storage.engines.read_only_mode) before it is kept, and opens with its new epochs: whatever stops in between leaves one
that takes no changes, and says so. What is kept of it is closed as well, and opens when it is restored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, delete, inspect, select, update

from models import Base, Book
from ops.move.closed_marker import RESTORE, mark_in, set_mark
from storage.engines.database import Database, open_engines
from storage.engines.migrations import upgrade
from storage.engines.read_only_mode import CLOSED, RESTORED, RESTORING
from storage.repositories.accounts.sessions import forget_all

SETTINGS = Base.metadata.tables["settings"]


class RestoreRun:
    """``kept`` is where ``back_up`` puts what is there before."""

    def __init__(
        self, database: Database, kept: Path, back_up: Callable[[], None], now_us: int, new_id: Callable[[], str]
    ) -> None:
        self.database = database
        self.kept = kept
        self.unfinished = False
        self._back_up = back_up
        self._now = now_us
        self._new_id = new_id

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Nobody writes from here on, until ``finish``. What fails within must leave what is there as it was."""
        was_open = self._close()
        self.unfinished = True
        try:
            yield
        except BaseException:
            self.unfinished = was_open and not self._reopen()
            raise

    def keep(self) -> None:
        """Copy what is there. To be called when nobody can write any more, and nothing is replaced yet."""
        self._back_up()

    def finish(self, url: URL) -> None:
        """Make the database at ``url`` ready: on this version's schema, in a new epoch, without sessions, and open."""
        opened = open_engines(url)
        try:
            upgrade(opened)
            with opened.write_while_closed() as connection:
                begin_epochs(connection, self._new_id)
                forget_all(connection, self._now)
                _unmark(connection)
        finally:
            opened.close()
        self.unfinished = False

    def outcome(self) -> str:
        """How a restore that failed leaves the database, and what to do."""
        if not self.unfinished:
            also = f", and {self.kept} holds it too" if self.kept.exists() else ""
            return f"The database is as it was{also}."
        back = f"`flask restore {self.kept}` puts back what was there" if self.kept.exists() else "restore again"
        return f"The database is not whole, and takes no changes: {back}."

    def _close(self) -> bool:
        """Whether it was open. One without a schema can't be closed, and takes no changes anyway."""
        with self.database.read() as connection:
            if not inspect(connection).has_table(SETTINGS.name):
                return False
        with self.database.exclusive() as connection:
            if mark_in(connection) is not None:
                return False
            set_mark(connection, RESTORE)
        return True

    def _reopen(self) -> bool:
        """Whether it could be: a program may have failed when it had replaced all already."""
        with self.database.exclusive() as connection:
            if mark_in(connection) != RESTORE:
                return False
            _unmark(connection)
        return True


def begin_epochs(connection: Connection, new_id: Callable[[], str]) -> None:
    """From here on no cursor of before counts, in any book."""
    for book_id in connection.scalars(select(Book.id)).all():
        connection.execute(update(Book).where(Book.id == book_id).values(epoch=new_id()))


def _unmark(connection: Connection) -> None:
    """A database that was closed for another reason stays so."""
    connection.execute(delete(SETTINGS).where(SETTINGS.c.name == CLOSED, SETTINGS.c.value.in_((RESTORING, RESTORED))))
