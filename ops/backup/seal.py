"""The seal of a backup: the last line of its file, with what the file holds and a SHA-256 of all that is before it.

One line at the end suits every format: SQLite and pg_restore read no further than their own end, and to mariadb it is a
comment. So people copy one file, and the tools that know its format still open it.

The digest covers the seal's own beginning too. A file that lost its seal, to the byte, is told from one that never had
it by a mark in what is sealed, which each format has its own of (``Copies.is_marked``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO

from ops import messages
from ops.backup.files import BackupError

HEX_DIGITS = 64
LINE = re.compile(rb"\n-- offbook backup (\{[^\n]*\}) sha256 ([0-9a-f]{64})\n\Z")
LINE_BYTES_MAX = 1 << 16
PART_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds: the engine that it is of, the revision of its schema, how many rows each table has.

    Without a revision what it holds was not looked at: it is the copy of a database that was about to be replaced.
    """

    engine: str
    revision: str | None = None
    rows: Mapping[str, int] = field(default_factory=dict)


def write(path: Path, manifest: Manifest) -> None:
    """Append the seal to ``path``, and read the whole file back. Raises BackupError where that differs."""
    head = f"\n-- offbook backup {json.dumps(asdict(manifest))} sha256 ".encode()
    digest = sha256()
    with path.open("r+b") as file:
        while part := file.read(PART_BYTES):
            digest.update(part)
        digest.update(head)
        file.write(head + digest.hexdigest().encode() + b"\n")
    if read(path) != manifest:
        raise BackupError.of(messages.READ_BACK_OTHERWISE)


def read(path: Path) -> Manifest | None:
    """What the seal says, after all that it covers was compared with it; None where there is none.

    Raises BackupError where the file is not what was sealed.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - LINE_BYTES_MAX))
        line = LINE.search(file.read())
        if line is None:
            return None
        file.seek(0)
        if _digest(file, size - HEX_DIGITS - 1) != line[2].decode():
            raise BackupError.of(messages.BACKUP_ALTERED, path=path)
    try:
        return Manifest(**json.loads(line[1]))
    except (ValueError, TypeError):
        raise BackupError.of(messages.BAD_SEAL, path=path) from None


def content_bytes(path: Path) -> int:
    """How long ``path`` is without its seal."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - LINE_BYTES_MAX))
        line = LINE.search(file.read())
    return size if line is None else size - len(line[0])


def _digest(file: IO[bytes], size: int) -> str:
    digest, left = sha256(), size
    while part := file.read(min(PART_BYTES, left)):
        digest.update(part)
        left -= len(part)
    return digest.hexdigest()
