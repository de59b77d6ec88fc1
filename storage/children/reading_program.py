"""What the process does that reads a file of contacts: see storage.children.reading.

What stands on standard input ends when the server does, and so does this process.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from threading import Thread
from typing import BinaryIO

from offbook.core.errors import Malformed
from offbook.formats.contents import read_items
from offbook.formats.registry import FORMATS
from offbook.formats.values import ContactRead
from storage.children.frames import read_frame, write_frame

ITEMS_AT_ONCE = 100
"""The server makes objects of so many at a time: a few milliseconds."""

PHOTO_BYTES_AT_ONCE = 4 * 1024**2
NICENESS = 10


def main(arguments: list[str]) -> None:
    """Read the file behind a descriptor, and write what it holds to standard output."""
    os.nice(NICENESS)
    format_name, table = read_frame(sys.stdin.buffer)
    Thread(target=_end_with_server, daemon=True).start()
    out = sys.stdout.buffer
    with _opened(int(arguments[0])) as file:
        try:
            for items in _together(read_items(file, FORMATS[format_name] if format_name else None, table)):
                write_frame(out, items)
            write_frame(out, [])
        except Malformed as error:
            write_frame(out, error.fault)
        except (MemoryError, BrokenPipeError):
            os._exit(1)
        except Exception:
            write_frame(out, traceback.format_exc())


def _end_with_server() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


def _opened(descriptor: int) -> BinaryIO:
    """The file, read from a place of its own where the system can."""
    try:
        return open(f"/proc/self/fd/{descriptor}", "rb")
    except OSError:
        file = os.fdopen(descriptor, "rb")
        file.seek(0)
        return file


def _together(items: Iterable[ContactRead]) -> Iterator[list[ContactRead]]:
    some: list[ContactRead] = []
    size = 0
    for item in items:
        some.append(item)
        size += sum(map(len, item.blobs.values()))
        if len(some) >= ITEMS_AT_ONCE or size >= PHOTO_BYTES_AT_ONCE:
            yield some
            some, size = [], 0
    if some:
        yield some
