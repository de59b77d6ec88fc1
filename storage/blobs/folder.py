"""The bytes of blobs as files in a folder, where a server's settings name one (BLOB_URL).

What is known of them stays in the database.

A file has its whole content from the moment that it has its name, and mode 600. A file that no row names any more is
removed a day after it was written: until then a row for it may be on its way.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from storage.errors import FolderUnwritable

DAY_SECONDS = 24 * 3600
FULL = (errno.ENOSPC, errno.EDQUOT)
UNFINISHED = ".part"
ASIDE = ".aside"


class BlobFolder:
    """The files below a folder, which is made when it is needed first. Safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, book_id: int, name: str, content: bytes) -> None:
        """Keep these bytes under a name, in the place of those that it had. Raises FolderUnwritable."""
        path = self._path(book_id, name)
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            for folder in (self.folder, path.parent.parent, path.parent):
                folder.mkdir(mode=0o700, exist_ok=True)
            handle, unfinished = tempfile.mkstemp(suffix=UNFINISHED, dir=path.parent)  # mode 600
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(unfinished, path)
                _sync_folder(path.parent)
            except BaseException:
                Path(unfinished).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise FolderUnwritable(str(self.folder), error.errno in FULL) from error

    def read(self, book_id: int, name: str) -> bytes | None:
        """The bytes of this name; None where there are none that can be read."""
        try:
            return self._path(book_id, name).read_bytes()
        except OSError:
            return None

    def has(self, book_id: int, name: str) -> bool:
        """Whether there are bytes of this name."""
        return self._path(book_id, name).is_file()

    def books(self) -> list[int]:
        """The books of which there are files."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    def remove_old(self, book_id: int, held: Collection[str], now: float) -> None:
        """Remove the files of a book that were written a day ago or earlier, but for those of these hashes."""
        for path in self._files(book_id):
            with suppress(FileNotFoundError):  # another process does the same
                if path.name[:64] not in held and path.stat().st_mtime < now - DAY_SECONDS:
                    _remove_unless_new(path, now)

    def _path(self, book_id: int, name: str) -> Path:
        return self.folder / str(book_id) / name[:2] / name

    def _files(self, book_id: int) -> Iterator[Path]:
        yield from sorted(path for path in (self.folder / str(book_id)).rglob("*") if path.is_file())


def _remove_unless_new(path: Path, now: float) -> None:
    """Another request may write the same name just now: what it wrote stays, whichever of both comes first."""
    aside = path.with_name(path.name + ASIDE)
    path.rename(aside)
    if aside.stat().st_mtime >= now - DAY_SECONDS:
        with suppress(FileExistsError):
            os.link(aside, path)
    aside.unlink()


def _sync_folder(folder: Path) -> None:
    """So that the name is still there after a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
