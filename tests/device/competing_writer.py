"""Another program that writes to the same file, and how long it had to wait for its turns."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.cli_runner import ROOT

SCRIPT = """
import select, sys, time
from offbook.database.connection import connect

connection = connect(sys.argv[1])
waits = []
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.002)[0]:
    began = time.monotonic()
    connection.execute("BEGIN IMMEDIATE")
    waits.append(time.monotonic() - began)
    connection.execute("ROLLBACK")
print(max(waits), sum(wait > 0.001 for wait in waits))
"""


@dataclass
class Rival:
    """The longest wait so far is known when the rival has ended; so is how often it had to wait at all."""

    longest: float = 0.0
    waits: int = 0


@contextmanager
def rival(path: Path) -> Iterator[Rival]:
    """One that takes the write lock again and again, as long as this lasts."""
    command = [sys.executable, "-c", SCRIPT, str(path)]
    pipe = subprocess.PIPE
    seen = Rival()
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "ready\n"
            yield seen
            out, _ = process.communicate("end\n", timeout=60)
        finally:
            process.kill()
    longest, waits = out.split()
    seen.longest, seen.waits = float(longest), int(waits)
