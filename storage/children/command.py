"""How a module is run in a process of its own (storage/children/program.py)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

PROGRAM = Path(__file__).with_name("program.py")


class Limits(NamedTuple):
    """The most that a process may take: of memory, and of the processor."""

    memory_bytes: int
    seconds: int


def command(module: str, limits: Limits, *arguments: str) -> list[str]:
    """The words that start it. Nothing of the environment or the working folder decides what it imports."""
    return [sys.executable, "-I", str(PROGRAM), module, str(limits.memory_bytes), str(limits.seconds), *arguments]
