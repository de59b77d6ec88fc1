"""Photos of a file that is imported, and those that this device can put into one. Nothing here waits for a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from offbook.blobs import DeviceBlobs
from offbook.contacts.importing import ImportProblem, ImportStep
from offbook.core.errors import Invalid, Malformed
from offbook.core.pictures import LIST_WIDTH, PAGE_WIDTH, picture_head
from offbook.database import blobs
from offbook.database.connection import Connection
from offbook.formats.archive.writing import Photo
from offbook.formats.contents import FilePhotos


def keep_photo(
    connection: Connection,
    photos: DeviceBlobs,
    file: FilePhotos,
    step: ImportStep,
    tell: Callable[[ImportProblem], None],
) -> ImportStep:
    """The step, its photo kept here and to be sent; without it, and told so, where it is none that may be.

    A smaller picture stands in the place of a photo that neither the file nor this device has.
    """
    photo = str(step.data.get("photo"))
    try:
        if photo in file.photos:
            photos.put(file.photos[photo])
        elif photo in file.thumbnails and blobs.find(connection, photo) is None:
            return step._replace(data={**step.data, "photo": photos.put(file.thumbnails[photo])})
    except (Invalid, Malformed) as fault:
        tell(ImportProblem(0, "PHOTO", fault.code, str(fault), str(step.contact["name"] or "")))
        return step._replace(data={**step.data, "photo": None})
    return step


def held_photo(connection: Connection, sha256: str) -> bytes | None:
    """The largest picture of a photo that this device holds: as it came, where it does."""
    for width in (blobs.ITSELF, PAGE_WIDTH, LIST_WIDTH):
        if (kept := blobs.find(connection, sha256, width)) is not None:
            return kept[1]
    return None


def held_photos(connection: Connection) -> Iterator[Photo]:
    """Every photo of which this device holds something, as largely as it does."""
    for sha256 in blobs.all_held(connection):
        kept = blobs.find(connection, sha256)
        content = held_photo(connection, sha256) if kept is None else kept[1]
        head = None if content is None else picture_head(content)
        if content is not None and head is not None:
            yield Photo(sha256, head.type, content, is_thumbnail=kept is None)
