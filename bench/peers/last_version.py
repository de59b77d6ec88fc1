"""This version beside an earlier one, whose code comes from git: the same work in turns, each in its own process."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.peers import one_version
from bench.peers.commits import BEFORE_GROWTH
from bench.server import ROOT
from bench.statistics import Figure, ratios

ROUNDS = 15
Goals = Mapping[str, tuple[str, float | None]]
"""What is measured, as it is shown, and how many times the other version's time it may take."""

GOALS: Goals = {
    "list": ("a list of {:,} contacts", 1.03),
    "search for a word": ("a word searched in {:,}", 1.03),
    "search for a number": ("a number searched in {:,}", 1.03),
    "search in vain": ("a search in vain in {:,}", 1.03),
    "pull": ("a pull of {:,} contacts", 1.03),
    "push": ("a push into {:,} contacts", None),
    "add": ("a contact added on a device", None),
}


def figures(folder: Path) -> Iterator[Figure]:
    """None where git does not have the last version."""
    yield from beside(folder / "last", BEFORE_GROWTH, "the last version's", GOALS)


def beside(folder: Path, commit: str, whose: str, goals: Goals, rounds: int = ROUNDS) -> Iterator[Figure]:
    """This version's time to that of a commit, ``whose`` it is called; none where git does not have it."""
    folder.mkdir()
    code = extract(folder / "code", commit)
    if code is None:
        return
    with serving(ROOT, folder / "this-files") as this, serving(code, folder / "other-files") as other:
        for operation, (name, goal) in goals.items():
            pairs = [in_turns(this, other, operation, turn) for turn in range(rounds)]
            yield ratios(f"{name.format(one_version.CONTACTS)}, to {whose}", pairs, goal, at_most=True)


def extract(folder: Path, commit: str) -> Path | None:
    """The folder, with the code of a commit; None where git does not have it, as in an archive of the project."""
    command = ["git", "archive", commit]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


class Measured:
    """A process that measures one version."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child
        assert self._answer() == "ready"

    def seconds(self, operation: str) -> float:
        """How long an operation takes, in CPU seconds."""
        assert self._child.stdin is not None
        self._child.stdin.write(f"{operation}\n")
        self._child.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        assert self._child.stdout is not None
        return self._child.stdout.readline().strip()


@contextmanager
def serving(code: Path, folder: Path) -> Iterator[Measured]:
    """A process that measures the version whose code lies there."""
    folder.mkdir()
    command = [sys.executable, "-P", one_version.__file__, str(folder)]
    environ = os.environ | {"PYTHONPATH": str(code)}
    with subprocess.Popen(
        command, cwd=code, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        yield Measured(child)
        child.communicate()


def in_turns(this: Measured, last: Measured, operation: str, turn: int) -> tuple[float, float]:
    """How long both take, in this order; the other one goes first in every second turn."""
    if turn % 2:
        theirs = last.seconds(operation)
        return this.seconds(operation), theirs
    return this.seconds(operation), last.seconds(operation)
