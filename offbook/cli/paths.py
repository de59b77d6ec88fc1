"""Where the book is on this device, and a stream, when nobody says where."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from offbook.cli.environment import BOOK

NAME = "contacts.db"
STREAM = "live_stream.db"


def book_path(argument: str | None, environ: Mapping[str, str] = os.environ, *, is_made: bool = True) -> Path:
    """The book's file: the one of the argument, of OFFBOOK_DB, or one in the user's data folder.

    That folder is made where the book ``is_made``.
    """
    if named := argument or environ.get(BOOK):
        return Path(named).expanduser()
    folder = data_folder(environ)
    if is_made:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / NAME


def stream_path(argument: str | None) -> Path:
    """A stream's file: as the argument says, or in the current folder. It is never the book's."""
    return Path(argument or STREAM).expanduser()


def data_folder(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Where an app of this user keeps its data.

    XDG Base Directory Specification; Apple's File System Programming Guide; Known Folders on Windows.
    """
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "offbook"
    if platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "offbook"
    xdg_data_home = environ.get("XDG_DATA_HOME", "")
    # The specification asks that a relative path be ignored.
    return (Path(xdg_data_home) if xdg_data_home.startswith("/") else Path.home() / ".local" / "share") / "offbook"
