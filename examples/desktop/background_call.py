"""Reading in a thread of the pool, for what may take longer than the window may stand still."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject, QThreadPool, Signal, Slot

logger = logging.getLogger(__name__)


class Aside(QObject):
    """Calls ``work`` in a pool's thread, one at a time, and gives what it found as a signal in the window's thread.

    Whoever asks while it is at work gets what is there after the question: what was read before is thrown away.
    """

    found = Signal(object)
    _ended = Signal(object)

    def __init__(self, work: Callable[[], object], pool: QThreadPool, parent: QObject) -> None:
        super().__init__(parent)
        self._work = work
        self._pool = pool
        self._is_busy = False
        self._is_stale = False
        self._ended.connect(self._end)

    def ask(self) -> None:
        if self._is_busy:
            self._is_stale = True
        else:
            self._begin()

    def overtake(self) -> None:
        """What is being read just now is out of date: read it again. Nothing is done where nothing is read."""
        self._is_stale = self._is_busy

    def _begin(self) -> None:
        self._is_busy, self._is_stale = True, False
        self._pool.start(self._run)

    def _run(self) -> None:
        try:
            found = self._work()
        except Exception:
            logger.exception("The book could not be read")
            found = None
        self._ended.emit(found)

    @Slot(object)
    def _end(self, found: object) -> None:
        self._is_busy = False
        if self._is_stale:
            self._begin()
        elif found is not None:
            self.found.emit(found)
