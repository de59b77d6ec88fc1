"""The standard streams of a command, which may be closed, full, or a pipe that nobody reads any more.

What fails there is reported as a fault of that stream, and never taken for one of the book's file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import RawIOBase
from pathlib import Path

from offbook.cli.messages import OUTPUT_FULL

STANDARD = "-"
"""In the place of a file's name or a URL: standard input or output."""


class OutputFault(Exception):
    """Standard output takes nothing more. (A pipe that nobody reads any more is a BrokenPipeError.)"""

    def __init__(self, reason: str | None) -> None:
        self.fault = OUTPUT_FULL.fault(reason=str(reason))
        super().__init__(self.fault.detail)


def prepare() -> None:
    """Make the streams such that what is written arrives whole or fails, whatever the surroundings are."""
    _replace_closed()
    if isinstance(sys.stdout.buffer, RawIOBase):  # PYTHONUNBUFFERED: a part that a pipe did not take would be dropped
        sys.stdout = open(sys.stdout.fileno(), "w", encoding=sys.stdout.encoding, closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _replace_closed() -> None:
    """Put something in the place of each stream that was closed before we began, as by ``>&-``.

    Python has None there, and the next file that is opened, the book for one, would get the number of the stream: then
    whatever is said would be written into it. The lowest number that is free is taken, so that each gets its own. What
    stands for standard output is open for reading only: as with other programs, writing there fails.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


@contextmanager
def writing() -> Iterator[None]:
    """Around whatever is written to standard output. Raises OutputFault, and BrokenPipeError."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFault(error.strerror) from None


def print_error(line: str) -> None:
    """Say what is wrong, on standard error; where that can't be said, the exit code still says it."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)


def close_output() -> None:
    """Flush both streams, and drop what they don't take: Python flushes once more at its end, and would complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def read() -> bytes:
    """All of standard input. Raises OSError, which names it."""
    with _named_input():
        return sys.stdin.buffer.read()


def read_line() -> str:
    """The next line of standard input, empty at its end. Raises OSError, which names it."""
    with _named_input():
        return sys.stdin.buffer.readline().decode("utf-8", "replace")


@contextmanager
def _named_input() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, "Standard input") from None


def is_output(path: Path) -> bool:
    """Whether this path is what standard output writes to: /dev/stdout, or a file that the shell opened."""
    with suppress(OSError):
        return os.path.samestat(path.stat(), os.fstat(sys.stdout.fileno()))
    return False
