"""Decoding photos in a process of their own, which a hostile one may use up or end without harm to others.

The server itself never loads what decodes (storage/blobs/decoder_program.py).
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping

from offbook.contacts.photo_likeness import THUMBNAIL_WIDTH, PhotoPrint
from offbook.core.pictures import WIDTHS
from storage.children.command import Limits, command
from storage.errors import DecodersBusy

MODULE = "storage.blobs.decoder_program"
SECONDS_MAX = 5
LIMITS = Limits(memory_bytes=256 * 1024**2, seconds=SECONDS_MAX)
WAIT_SECONDS = 10
PROCESSES_MAX = 2
"""So many at a time, each with 256 MB: requests that ask for more wait, and then are told to come again."""

NOTHING: Mapping[int, bytes] = dict.fromkeys(WIDTHS, b"")


class Decoder:
    """Makes what pages show. Safe to share between threads."""

    def __init__(self, seconds_max: float = SECONDS_MAX, wait_seconds: float = WAIT_SECONDS) -> None:
        self._seconds_max = seconds_max
        self._wait_seconds = wait_seconds
        self._free = threading.BoundedSemaphore(PROCESSES_MAX)

    def shown(self, content: bytes) -> Mapping[int, bytes]:
        """A picture as JPEG in each of WIDTHS; empty where it can't be decoded within the limits.

        Raises DecodersBusy where others are decoding all the time.
        """
        output = self._run(content, *map(str, WIDTHS))
        return _pictures(output) if output else NOTHING

    def print(self, content: bytes) -> PhotoPrint | None:
        """A picture as it is compared; None where it can't be decoded within the limits. Raises as ``shown``."""
        output = self._run(content, "print", str(THUMBNAIL_WIDTH))
        width, height = (int.from_bytes(output[place : place + 4], "big") for place in (0, 4))
        return PhotoPrint(width, height, output[8:]) if output else None

    def _run(self, content: bytes, *arguments: str) -> bytes:
        """What the program answers; nothing where it fails."""
        if not self._free.acquire(timeout=self._wait_seconds):
            raise DecodersBusy
        words = command(MODULE, LIMITS, *arguments)
        try:
            ended = subprocess.run(words, input=content, capture_output=True, timeout=self._seconds_max, check=False)
        except subprocess.TimeoutExpired:
            return b""
        finally:
            self._free.release()
        return ended.stdout if ended.returncode == 0 else b""


def _pictures(output: bytes) -> Mapping[int, bytes]:
    """Each picture stands behind its length."""
    pictures, place = dict[int, bytes](), 0
    for width in WIDTHS:
        start = place + 4
        place = start + int.from_bytes(output[place:start], "big")
        pictures[width] = output[start:place]
    return pictures
