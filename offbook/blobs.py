"""``book.blobs``: photos on this device, by the SHA-256 of their bytes, which a contact's ``photo`` names."""

from __future__ import annotations

from collections.abc import Callable

from offbook import messages
from offbook.core.errors import Invalid, NotFound, ServerFault
from offbook.core.pictures import WIDTHS, checked_picture, photo_name, sha256_of
from offbook.core.protocol.requests import PROTOCOL
from offbook.database import blobs
from offbook.database.connection import Connection
from offbook.sync.http.errors import error_of, problem_of
from offbook.sync.http.transport import Transport


class DeviceBlobs:
    """The photos of a book. ``connect`` gives the calling thread's connection, ``reach`` its way to the server."""

    def __init__(self, connect: Callable[[], Connection], reach: Callable[[Connection], Transport]) -> None:
        self._connect = connect
        self._reach = reach

    def put(self, content: bytes) -> str:
        """Keep a photo here, and send it with the next sync: the hash that a contact names it by.

        Nothing waits for a network. Raises Invalid for what can't be a photo.
        """
        sha256 = sha256_of(content)
        checked_picture(content, sha256)
        blobs.keep(self._connect(), sha256, blobs.ITSELF, blobs.WAITING, content)
        return sha256

    def get(self, sha256: str, size: int | None = None) -> bytes:
        """A photo as it was sent; with ``size`` 96 or 720, a JPEG of that width from the server, kept once it is here.

        One that the server does not have yet is given as it is, whatever the size. Raises NotFound, and SyncError
        where it has to be fetched and can't be.
        """
        if photo_name(sha256) is None or size not in (None, *WIDTHS):
            raise Invalid.of(messages.BAD_PHOTO_SIZE, widths=str(WIDTHS))
        connection, width = self._connect(), size or blobs.ITSELF
        kept = blobs.find(connection, sha256, width)
        if kept is None:
            original = blobs.find(connection, sha256)
            kept = original if original is not None and original[0] != blobs.KEPT else None
        if kept is not None:
            return kept[1]
        content = self._fetch(connection, sha256, size)
        blobs.keep(connection, sha256, width, blobs.KEPT, content)
        return content

    def _fetch(self, connection: Connection, sha256: str, size: int | None) -> bytes:
        path = f"/blobs/{sha256}" + ("" if size is None else f"?size={size}")
        response = self._reach(connection).send("GET", path, None, {"Offbook-Protocol": PROTOCOL})
        if response.status == 404 and problem_of(response) is not None:
            raise NotFound.of(messages.NO_PHOTO)
        if response.status != 200:
            raise error_of(response)
        if size is None and not blobs.is_whole(response.body, sha256):
            raise ServerFault.of(messages.OTHER_PHOTO)
        return response.body
