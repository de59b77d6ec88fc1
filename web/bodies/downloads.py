"""Files that are made for a request and sent when they are whole: they are on the disk, and never all in memory."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from flask import Response, request

from offbook.formats.registry import ARCHIVE, FORMATS
from services.contacts.archiving import export_archive
from web.current import services
from web.errors import ApiProblem
from web.messages.api import NO_ROOM_FOR_FILE

log = logging.getLogger("offbook")
PART_BYTES = 64 * 1024


def render_archive(book_id: int) -> Response:
    """The zip of a book. Raises Invalid where it is larger than a zip can be, ApiProblem where the disk has no room."""
    parts, now_us = services(), services().clock()
    try:
        file = export_archive(parts.store, parts.contacts, parts.blobs, book_id, parts.uploads.temporary, now_us)
    except OSError as error:
        log.error("A zip can't be made: %s", error.strerror)
        raise ApiProblem(507, NO_ROOM_FOR_FILE.fault()) from None
    day = datetime.fromtimestamp(now_us / 1_000_000, UTC).date().isoformat()
    format_ = FORMATS[ARCHIVE]
    return render_file(file, format_.media_type, f"contacts-{day}{format_.suffix}")


def render_file(file: BinaryIO, media_type: str, name: str) -> Response:
    """A file as a download, from its beginning on. It is closed when it was sent."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(file.seek(0, 2))}
    file.seek(0)
    wrapper = request.environ.get("wsgi.file_wrapper", _parts)
    if request.method == "HEAD":
        file.close()
    body: Iterable[bytes] = wrapper(file) if not file.closed else ()
    return Response(body, mimetype=media_type, headers=headers, direct_passthrough=True)


def _parts(file: BinaryIO) -> Iterator[bytes]:
    """What is in a file, for a server that has no way of its own to send one."""
    with file:
        while part := file.read(PART_BYTES):
            yield part
