"""offbook in a Qt app: syncs in threads of a QThreadPool, reported by signals in the thread of the window.

::

    syncer = Syncer(book)                    # owns a timer; nothing happens before start()
    syncer.finished.connect(window.show_report)
    syncer.error.connect(window.show_error)
    button.clicked.connect(syncer.sync_now)
    syncer.start()

    live = LiveSignals(book)                 # or, where the server has it, live: then no timer is needed
    live.changed.connect(window.show_changes)
    live.start()

Needs PySide6: ``pip install offbook[qt]``. Nothing here draws, and nothing makes its caller wait but stop(), for two
seconds at the most. Whatever in a Replica asks no server may be called from the thread of the window: it reads and
writes this device's file.
"""

from __future__ import annotations

import logging
import random
from functools import partial
from threading import Event

from PySide6.QtCore import QCoreApplication, QObject, QRunnable, Qt, QThreadPool, QTimer, Signal, Slot

from offbook.core.backoff import backoff_seconds, with_jitter
from offbook.core.errors import NoServer, NotAuthorized, OtherBook, SyncError
from offbook.database.status import Status
from offbook.replica import Replica
from offbook.sync.session import SyncReport

logger = logging.getLogger("offbook")

INTERVAL = "sync_interval_seconds"
"""The name under which ``book.settings`` keeps how long to wait between two syncs."""

INTERVAL_SECONDS = 60.0
INTERVAL_SECONDS_MIN = 1.0
RETRY_SECONDS_MIN = 1.0
RETRY_SECONDS_MAX = 60.0
STOP_MS_MAX = 2000


class SyncSignals(QObject):
    """The signals of a SyncWorker: ``progress`` after each response, and in the end either ``finished`` or
    ``error``."""

    progress = Signal(SyncReport, int)
    finished = Signal(SyncReport)
    error = Signal(Exception)


class SyncWorker(QRunnable):
    """One sync, for a QThreadPool: connect to its ``signals``, then ``pool.start(worker)``. It runs once.

    To be made in the thread of the window, where its slots are called. Nobody has to keep it.
    """

    def __init__(self, book: Replica) -> None:
        super().__init__()
        # The pool deletes the worker as soon as it has run, when its last signals have not arrived yet.
        self.signals = SyncSignals(QCoreApplication.instance())
        self._book = book
        self._stop = Event()

    def run(self) -> None:
        """Sync. Called by the pool."""
        try:
            report = self._book.sync(self.signals.progress.emit, self._stop)
        except Exception as error:
            if not isinstance(error, SyncError):
                logger.exception("The sync failed")
            self.signals.error.emit(error)
        else:
            self.signals.finished.emit(report)
        self.signals.deleteLater()

    def stop(self) -> None:
        """Make it end within a tenth of a second, with the error Stopped, even when the server hangs."""
        self._stop.set()


class Syncer(QObject):
    """Syncs a replica from time to time, and whenever it is asked to; never twice at once.

    A sync that failed is tried again by itself, later and later; a server that names its own time is obeyed. What is
    asked for while a sync runs is done after it.
    """

    started = Signal()
    progress = Signal(SyncReport, int)
    finished = Signal(SyncReport)
    error = Signal(Exception)

    def __init__(self, book: Replica, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._book = book
        self._pool = QThreadPool(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)  # others may end 5 % early, before a Retry-After
        self._timer.timeout.connect(self._begin)
        self._worker: SyncWorker | None = None
        self._is_periodic = False
        self._has_next_request = False
        self._failures = 0

    @property
    def interval_seconds(self) -> float:
        """How long to wait after a sync; kept in the replica, so that the next start has it too."""
        return float(self._book.settings.get(INTERVAL, INTERVAL_SECONDS))

    @interval_seconds.setter
    def interval_seconds(self, seconds: float) -> None:
        """Raises ValueError for less than a second."""
        if not seconds >= INTERVAL_SECONDS_MIN:
            raise ValueError(f"At least {INTERVAL_SECONDS_MIN:g} seconds lie between two syncs: not {seconds}.")
        self._book.settings[INTERVAL] = seconds
        if self._timer.isActive() and not self._failures:
            self._schedule(seconds)

    @property
    def is_syncing(self) -> bool:
        """Whether a sync is on its way."""
        return self._worker is not None

    def start(self) -> None:
        """Sync now, and from time to time from now on."""
        self._is_periodic = True
        self.sync_now()

    def stop(self) -> None:
        """Sync no more. Waits for a sync that is on its way to let go: two seconds at the most, mostly none at all."""
        self._is_periodic = self._has_next_request = False
        self._timer.stop()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()
        self._pool.waitForDone(STOP_MS_MAX)

    @Slot()
    def sync_now(self) -> None:
        """Sync at once, whatever the last one failed with: a person asks for it."""
        if self._worker is None:
            self._begin()
        else:
            self._has_next_request = True

    @Slot()
    def sync_soon(self) -> None:
        """Sync at once if all is well, and else with the next try: for after a local commit."""
        if not self._failures:
            self.sync_now()

    def _begin(self) -> None:
        self._timer.stop()
        self._has_next_request = False
        worker = self._worker = SyncWorker(self._book)
        worker.signals.progress.connect(partial(self._emit_progress, worker))
        worker.signals.finished.connect(partial(self._end, worker))
        worker.signals.error.connect(partial(self._end, worker))
        self._pool.start(worker)
        self.started.emit()

    # What a worker still reports after stop() is ignored.

    def _emit_progress(self, worker: SyncWorker, report: SyncReport, pending: int) -> None:
        if worker is self._worker:
            self.progress.emit(report, pending)

    def _end(self, worker: SyncWorker, outcome: SyncReport | Exception) -> None:
        if worker is not self._worker:
            return
        self._worker = None
        if isinstance(outcome, SyncReport):
            self._failures = 0
            self._schedule(0.0 if self._has_next_request else self.interval_seconds)
            self.finished.emit(outcome)
        else:
            self._failures += 1
            self._schedule(retry_seconds(outcome, self._failures, random.random()))
            self.error.emit(outcome)

    def _schedule(self, seconds: float) -> None:
        if self._is_periodic or self._has_next_request:
            self._timer.start(round(seconds * 1000))


def retry_seconds(error: Exception, failures: int, chance: float) -> float:
    """How long to wait after so many failures in a row: twice as long each time, and as long as the server asked for.

    ``chance`` is from 0 to 1, so that many devices do not come back in one moment.
    """
    if isinstance(error, NotAuthorized | OtherBook | NoServer):
        seconds = with_jitter(RETRY_SECONDS_MAX, chance)
    else:
        seconds = backoff_seconds(failures, chance, RETRY_SECONDS_MIN, RETRY_SECONDS_MAX)
    server_seconds = error.retry_after_seconds if isinstance(error, SyncError) else None
    return max(seconds, server_seconds or 0.0)


class LiveSignals(QObject):
    """A replica's background thread, whose callbacks arrive as signals in the thread that this object lives in.

    ``rows`` has the records that the server changed, as pairs of a table's name and an id, ``changed`` the ids of the
    contacts among them; ``status`` the replica's new Status.
    """

    changed = Signal(list)
    rows = Signal(list)
    status = Signal(Status)
    error = Signal(Exception)

    def __init__(self, book: Replica, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._book = book

    def start(self) -> None:
        """Start the replica's background thread, with the signals as its callbacks."""
        self._book.start(
            on_change=self.changed.emit,
            on_rows=self.rows.emit,
            on_status=self.status.emit,
            on_error=self.error.emit,
        )

    def stop(self) -> None:
        """Returns within two seconds, even when the server hangs."""
        self._book.stop()
