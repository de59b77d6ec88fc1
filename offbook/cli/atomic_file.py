"""A file that a command writes: whole, or as it was before."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar

PREFIX = ".offbook-"
Written = TypeVar("Written")


def write_whole(path: Path, data: bytes, mode: int) -> None:
    """Make ``data`` all that is in the file. Raises as write_with()."""
    write_with(path, lambda file: file.write(data), mode)


def write_with(path: Path, write: Callable[[BinaryIO], Written], mode: int) -> Written:
    """Make what ``write`` writes all that is in the file; what it returns is returned.

    Raises OSError, which names the file; then the file is as it was. ``mode`` says who may read it; a file that is
    there and is for fewer stays so. A link stays a link. A pipe or a device has no content to be replaced, and is
    written to.
    """
    try:
        present = _stat(path)
        if present is None:
            return _replace(path, write, mode)
        if not stat.S_ISREG(present.st_mode):
            with path.open("wb") as file:
                return write(file)
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return _replace(path, write, mode & present.st_mode)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _stat(path: Path) -> os.stat_result | None:
    with suppress(FileNotFoundError):
        return path.stat()
    return None


def _replace(path: Path, write: Callable[[BinaryIO], Written], mode: int) -> Written:
    """Write a draft in the same folder, since only there a rename is one step; sync it before it gets the name."""
    target = os.path.realpath(path)
    handle, draft = tempfile.mkstemp(prefix=PREFIX, dir=os.path.dirname(target))  # mode 600
    try:
        with os.fdopen(handle, "wb") as file:
            written = write(file)
            file.flush()
            os.fsync(handle)
        with suppress(PermissionError):  # memory sticks know no modes
            os.chmod(draft, stat.S_IMODE(mode))
        os.replace(draft, target)
        return written
    except BaseException:
        os.unlink(draft)
        raise
