"""Files that requests bring: views that take them, longer than other bodies, and where they lie until a view has them.

A file of contacts may have a hundred megabytes: it goes from the network to the disk, and never into memory as a whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO, ParamSpec, TypeVar, cast

from flask import Flask, Request, current_app

from config import MIB, Config
from web.current import services

P = ParamSpec("P")
R = TypeVar("R")

MARK = "takes_file"


def takes_file(view: Callable[P, R]) -> Callable[P, R]:
    """Mark a view as one that takes a file: its body may have ``Config.file_bytes_max``."""
    setattr(view, MARK, True)
    return view


class FileRequest(Request):
    """Flask's request, with the limit of views that take files, and with files where the server keeps its own."""

    @property
    def max_content_length(self) -> int | None:
        """The limit of this request's body. ``None`` is no limit."""
        view = current_app.view_functions.get(self.endpoint or "") if self.url_rule is not None else None
        if getattr(view, MARK, False):
            return services().config.file_bytes_max
        return super().max_content_length

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        self._max_content_length = value

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if total_content_length is not None and total_content_length <= MIB:
            return super()._get_file_stream(total_content_length, content_type, filename, content_length)
        return services().uploads.temporary()


def uploads_folder(config: Config) -> Path:
    """Where files are kept that people have sent."""
    return config.instance_path / "uploads"


def open_unnamed(folder: Path) -> BinaryIO:
    """A file of mode 600 without a name, which is gone when it is closed. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return cast(BinaryIO, tempfile.TemporaryFile(dir=folder))


def register(app: Flask) -> None:
    """Let the app take files."""
    app.request_class = FileRequest
