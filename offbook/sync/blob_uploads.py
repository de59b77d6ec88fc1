"""Sending the photos that wait on a device, at the end of a sync: the changes that name them are on the server by then.

A photo never stops a sync. A server that knows no photos, or has no room now, is asked again by the next one; one that
will not take a photo is not sent it again, and the photo stays on the device.
"""

from __future__ import annotations

import logging

from offbook.core.protocol.requests import PROTOCOL
from offbook.database import blobs
from offbook.database.connection import Connection
from offbook.sync.http.errors import problem_of
from offbook.sync.http.transport import Response, Transport

logger = logging.getLogger("offbook")

FOR_GOOD = (413, 422)
"""The statuses of a photo that the server will never take."""

HEADERS = {"Offbook-Protocol": PROTOCOL, "Content-Type": "application/octet-stream"}


def send_waiting(connection: Connection, transport: Transport) -> None:
    """Send all photos that wait, until the server says that it takes none now. Raises Offline."""
    for sha256 in blobs.waiting(connection):
        kept = blobs.find(connection, sha256)
        if kept is None:
            continue
        response = transport.send("PUT", f"/blobs/{sha256}", kept[1], HEADERS)
        if response.status in (201, 204):
            blobs.mark(connection, sha256, blobs.KEPT)
        elif response.status in FOR_GOOD and problem_of(response) is not None:
            blobs.mark(connection, sha256, blobs.REFUSED)
            logger.warning("The server does not take a photo: %s", _reason(response))
        else:
            logger.warning("Photos wait on this device: %s", _reason(response))
            return


def _reason(response: Response) -> str:
    problem = problem_of(response)
    return f"it answered {response.status}" if problem is None else problem["detail"]
