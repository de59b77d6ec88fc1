"""Reading in a thread of the pool, for what may take longer than the window may stand still."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject, QThreadPool, Signal, Slot

logger = logging.getLogger(__name__)


class BackgroundCall(QObject):
    """Calls ``work`` in a pool's thread, one call at a time; ``returned`` has its result, in the window's thread.

    A request that comes while it is at work gets what is there after the request: what was read before is dropped.
    """

    returned = Signal(object)
    _ended = Signal(object)

    def __init__(self, work: Callable[[], object], pool: QThreadPool, parent: QObject) -> None:
        super().__init__(parent)
        self._work = work
        self._pool = pool
        self._is_busy = False
        self._is_stale = False
        self._ended.connect(self._end)

    def request(self) -> None:
        """Call it, or once more after the call that is running."""
        if self._is_busy:
            self._is_stale = True
        else:
            self._begin()

    def invalidate(self) -> None:
        """Drop what the running call returns, and call once more. Where none is running, nothing is done."""
        self._is_stale = self._is_busy

    def _begin(self) -> None:
        self._is_busy, self._is_stale = True, False
        self._pool.start(self._run)

    def _run(self) -> None:
        try:
            result = self._work()
        except Exception:
            logger.exception("The book could not be read")
            result = None
        self._ended.emit(result)

    @Slot(object)
    def _end(self, result: object) -> None:
        self._is_busy = False
        if self._is_stale:
            self._begin()
        elif result is not None:
            self.returned.emit(result)
