"""Multistatus answers: written part by part, packed on the way, in memory while they are small and else on the disk.

A thread is free before a client takes the first byte (web.server.wsgi_bridge), so that an answer is whole before it is
sent; and what fails on the way is still answered with its own status.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import BinaryIO

from flask import Response, request

from offbook.formats.gathering import gathered
from web.bodies.compression import PACK_BYTES_MIN, PACK_LEVEL
from web.carddav.problems import XML, DavProblem
from web.carddav.xml.names import dav
from web.carddav.xml.writer import MULTISTATUS_BEGINS, MULTISTATUS_ENDS, element
from web.current import services
from web.messages import carddav as messages

MEMORY_BYTES_MAX = 512 * 1024
"""What is longer than this goes to the disk."""

PART_BYTES = 64 * 1024


def render_multistatus(responses: Iterable[bytes]) -> Response:
    """The answer with these responses. Raises DavProblem (507) where a long one finds no room on the disk."""
    parts = gathered(_document(responses), PART_BYTES)
    first = next(parts)
    is_packed = len(first) > PACK_BYTES_MIN and request.accept_encodings["gzip"] > 0
    parts = chain((first,), parts)
    file: BinaryIO = io.BytesIO()
    try:
        for part in _packed(parts) if is_packed else parts:
            file.write(part)
            if isinstance(file, io.BytesIO) and file.tell() > MEMORY_BYTES_MAX:
                file = _moved_to_disk(file)
    except OSError:
        file.close()
        raise DavProblem(507, messages.NO_ROOM_FOR_ANSWER.fault(), element(dav("sufficient-disk-space"))) from None
    except BaseException:
        file.close()
        raise
    return _response(file, is_packed)


def _document(responses: Iterable[bytes]) -> Iterator[bytes]:
    yield MULTISTATUS_BEGINS
    yield from responses
    yield MULTISTATUS_ENDS


def _packed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The same as gzip."""
    packer = zlib.compressobj(PACK_LEVEL, wbits=zlib.MAX_WBITS | 16)
    yield from map(packer.compress, parts)
    yield packer.flush()


def _moved_to_disk(memory: io.BytesIO) -> BinaryIO:
    file = services().uploads.temporary()
    file.write(memory.getbuffer())
    return file


def _response(file: BinaryIO, is_packed: bool) -> Response:
    headers = {"Vary": "Accept-Encoding", **({"Content-Encoding": "gzip"} if is_packed else {})}
    if isinstance(file, io.BytesIO):
        return Response(file.getvalue(), 207, headers, content_type=XML)
    headers["Content-Length"] = str(file.seek(0, 2))
    file.seek(0)
    wrapper = request.environ.get("wsgi.file_wrapper", _parts)
    return Response(wrapper(file), 207, headers, content_type=XML, direct_passthrough=True)


def _parts(file: BinaryIO) -> Iterator[bytes]:
    """What is in a file, for a server that has no way of its own to send one."""
    with file:
        while part := file.read(PART_BYTES):
            yield part
