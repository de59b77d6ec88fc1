"""photo: a contact's photo, on this device at once and on the server with the next sync."""

from __future__ import annotations

import argparse
from pathlib import Path

from offbook.cli import messages
from offbook.cli.errors import UsageError
from offbook.cli.lookup import find_contact
from offbook.cli.result import CommandResult
from offbook.core.pictures import PICTURE_BYTES_MAX
from offbook.replica import Replica


def photo(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Give a contact the photo in a file, or take it away."""
    if (args.file is None) != args.remove:
        raise UsageError.of(messages.NO_PHOTO)
    contact = book.contacts.get(find_contact(book, args.id))
    sha256 = None if args.remove else book.blobs.put(_read(args.file))
    book.contacts.update(contact["id"], photo=sha256)
    done = "Removed the photo of" if args.remove else "Set the photo of"
    return CommandResult(book.contacts.get(contact["id"]), [f"{done} {contact['name']} ({contact['id'][:8]})."])


def _read(path: str) -> bytes:
    """No more of a file than tells that it is too large."""
    try:
        with Path(path).open("rb") as file:
            return file.read(PICTURE_BYTES_MAX + 1)
    except OSError as error:
        raise UsageError.of(messages.FILE_NOT_READ, path=path, reason=str(error.strerror)) from None
