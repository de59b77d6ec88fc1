"""What an administrator looks after, as values: settings and sizes of a database, and how far devices are behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Facts = Mapping[str, str | int | bool]
"""What an administrator wants to know about the engine: its version, and the settings that connections really have."""


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """``data`` is what the database takes, its log included; ``free`` what of that a vacuum would give back, if known.

    ``folder`` is where it lies, None where that is not for this machine to see.
    """

    data: int
    free: int | None = None
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class LogSize:
    """The log that commits go to first: its length, the part that can't be copied yet, and how long it ought to be."""

    bytes: int
    held_bytes: int
    usual_bytes: int


@dataclass(frozen=True, slots=True)
class DeviceLag:
    """Of the devices that may come in: how many there are, and how many lack something that their book has.

    ``seconds`` ago, the one of them that is furthest behind had all that there was; 0 where none lacks anything. A
    device that never said how far it is lacks nothing that is known.
    """

    devices: int
    behind: int
    seconds: float
