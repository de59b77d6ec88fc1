"""Files that people have sent and not decided about yet: one a person, for a day, for the server's eyes only."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO

KEPT_SECONDS = 24 * 3600
CHUNK = 1024**2


class Uploads:
    """The files in a folder, which is made when it is needed first. An ``owner`` is what no two people have alike."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, owner: str, content: BinaryIO, now: float) -> str:
        """Keep a person's file in the place of the one before. Returns its SHA-256, by which it is asked for again.

        Files of others that are older than a day are removed on this occasion.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._remove_old(now)
        path = self._path(owner)
        unfinished = path.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        try:
            with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                shutil.copyfileobj(content, file, CHUNK)
            with unfinished.open("rb") as file:
                digest = file_digest(file, "sha256").hexdigest()
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        return digest

    def open(self, owner: str, digest: str, now: float) -> BinaryIO | None:
        """The file of a person with this SHA-256; None where it is another by now, or too old, or gone."""
        path = self._path(owner)
        try:
            if path.stat().st_mtime < now - KEPT_SECONDS:
                return None
            file = path.open("rb")
        except FileNotFoundError:
            return None
        if file_digest(file, "sha256").hexdigest() == digest:
            file.seek(0)
            return file
        file.close()
        return None

    def temporary(self) -> BinaryIO:
        """An empty file on the disk of the uploads, without a name: it is gone when it is closed."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=self._folder)

    def remove(self, owner: str) -> None:
        """Forget a person's file."""
        self._path(owner).unlink(missing_ok=True)

    def _path(self, owner: str) -> Path:
        return self._folder / f"{owner}.upload"

    def _remove_old(self, now: float) -> None:
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):  # another process did the same
                if path.stat().st_mtime < now - KEPT_SECONDS:
                    path.unlink()
