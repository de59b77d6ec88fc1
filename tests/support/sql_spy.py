"""What a database's driver is asked to do, whoever asks: SQLAlchemy, or our own statements that go past it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from sqlalchemy import Engine, event

Hear = Callable[[str], None]
ASKED = ("execute", "executemany")
ENDS = ("commit", "rollback")


@contextmanager
def hearing(hear: Hear, *engines: Engine) -> Iterator[None]:
    """Call ``hear`` before each statement, with its text (for many rows once), and before a transaction ends."""
    with ExitStack() as stack:
        for engine in engines:
            stack.enter_context(_hearing(hear, engine))
        yield


@contextmanager
def _hearing(hear: Hear, engine: Engine) -> Iterator[None]:
    is_open = False

    def connect(dialect: Any, record: object, arguments: Any, options: Any) -> Ear:
        return Ear(dialect.connect(*arguments, **options), lambda text: hear(text) if is_open else None)

    engine.dispose()
    event.listen(engine, "do_connect", connect)
    try:
        engine.connect().close()  # what prepares a new connection is not what is listened for
        is_open = True
        yield
    finally:
        event.remove(engine, "do_connect", connect)
        engine.dispose()


class Ear:
    """A connection or a cursor of the driver, and somebody at the door."""

    def __init__(self, real: Any, hear: Hear) -> None:
        self.__dict__.update(_real=real, _hear=hear, _began=False)

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name == "cursor":
            return lambda *rest: Ear(real(*rest), self._asked)

        def asked(text: str, *rest: Any) -> Any:
            self._asked(text)
            return real(text, *rest)

        def ended() -> Any:
            self._ends(name)
            return real()

        return asked if name in ASKED else ended if name in ENDS else real

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._real)

    def _asked(self, text: str) -> None:
        self.__dict__["_began"] = True
        self._hear(text)

    def _ends(self, name: str) -> None:
        began, self.__dict__["_began"] = self._began, False
        if began:  # SQLAlchemy rolls back whatever comes back to its pool
            self._hear(name.upper())
