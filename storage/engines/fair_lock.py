"""A lock that is given in order of arrival. It knows nothing of databases."""

from __future__ import annotations

from collections import deque
from threading import Lock, get_ident
from types import TracebackType


class FairLock:
    """Handed from the thread that leaves to the one that has waited longest.

    ``threading.Lock`` may give itself to whoever asks at the right moment: under load some threads then wait for
    seconds. Taking it twice in one thread would wait for ever, so that is an error here.
    """

    def __init__(self) -> None:
        self._guard = Lock()
        self._waiting: deque[Lock] = deque()
        self._holder: int | None = None
        self._held = False

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def acquire(self, wait_seconds: float = -1) -> bool:
        """Whether the lock was given within the time; without one, it is waited for."""
        if self._holder == get_ident():
            raise RuntimeError("This thread is writing already: a write inside a write would wait for itself.")
        with self._guard:
            turn = self._join()
        if turn is not None and not turn.acquire(timeout=wait_seconds) and self._leave(turn):
            return False
        self._holder = get_ident()
        return True

    def release(self) -> None:
        """Let the one who has waited longest have it."""
        with self._guard:
            self._holder = None
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._held = False

    def _leave(self, turn: Lock) -> bool:
        """Wait no longer; False where the lock was handed over in this very moment."""
        with self._guard:
            if turn not in self._waiting:
                return False
            self._waiting.remove(turn)
            return True

    def _join(self) -> Lock | None:
        """None when the lock was free, and is taken now; else what is released when this thread's turn comes."""
        if not self._held:
            self._held = True
            return None
        turn = Lock()
        turn.acquire()
        self._waiting.append(turn)
        return turn
