"""Reading a file of contacts in a process of its own, so that a long or hostile one holds up no request.

Python runs one thread at a time: a file that is read by a thread of the server takes its time from all others, and a
single long line all of it for seconds. What is short is read at once, which is quicker than a process.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import SEEK_END, UnsupportedOperation
from shutil import copyfileobj
from typing import IO, Any, BinaryIO

from offbook.core.errors import Malformed
from offbook.core.messages import Fault
from offbook.formats.contents import read_items
from offbook.formats.messages import TOO_DEMANDING
from offbook.formats.registry import Format
from offbook.formats.table_mapping import TableMapping
from offbook.formats.values import ContactRead
from storage.children.command import Limits, command
from storage.children.frames import read_frame, write_frame

MODULE = "storage.children.reading_program"
LIMITS = Limits(memory_bytes=768 * 1024**2, seconds=300)
"""A line of a hundred megabytes takes several times as much for a moment, 200,000 cards a minute on a slow machine."""

SHORT_BYTES = 256 * 1024
"""Of so many, the worst that is known takes a twentieth of a second."""


class ReadingFailed(RuntimeError):
    """The process that read a file failed by a fault of ours; its traceback."""


def read_apart(file: BinaryIO, format_: Format | None, table: TableMapping | None) -> Iterator[ContactRead]:
    """The contacts of a file, as offbook.formats.contents.read_items gives them.

    Raises Malformed also where reading it takes more than LIMITS.
    """
    if file.seek(0, SEEK_END) <= SHORT_BYTES:
        yield from read_items(file, format_, table)
        return
    with _on_disk(file) as stored, _reader(stored.fileno()) as child:
        yield from _received(child, format_.name if format_ else "", table)


@contextmanager
def _on_disk(file: BinaryIO) -> Iterator[IO[bytes]]:
    """The file as one that another process can open."""
    file.seek(0)
    try:
        file.fileno()
    except UnsupportedOperation:
        with tempfile.TemporaryFile() as copied:
            copyfileobj(file, copied)
            copied.flush()
            yield copied
    else:
        yield file


@contextmanager
def _reader(descriptor: int) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which does not outlive its use."""
    words = command(MODULE, LIMITS, str(descriptor))
    child = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=[descriptor]
    )
    try:
        yield child
    finally:
        child.kill()
        with suppress(BrokenPipeError):
            child.communicate()


def _received(child: subprocess.Popen[bytes], format_name: str, table: TableMapping | None) -> Iterator[ContactRead]:
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        write_frame(child.stdin, (format_name, table))
        while items := _items_of(read_frame(child.stdout)):
            yield from items
    except (EOFError, BrokenPipeError):
        raise Malformed.of(TOO_DEMANDING) from None


def _items_of(frame: Any) -> list[ContactRead]:
    """What a frame brings: items, none at the end, or an error, which is raised."""
    match frame:
        case Fault() as fault:
            raise Malformed(fault)
        case str() as traceback:
            raise ReadingFailed(traceback)
        case items:
            return list(items)
