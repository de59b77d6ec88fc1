"""What a command returns: its answer, and the exit code of the process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

OK, FAILED, USAGE, OFFLINE, NOT_AUTHORIZED, PARKED = range(6)
"""Exit codes."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command has to say: to programs, and to people."""

    data: Any
    lines: Sequence[str] = ()
    code: int = OK
    raw: bytes | Iterable[bytes] | None = None
    """In the place of lines: a file, as it is to be written, or its parts."""
