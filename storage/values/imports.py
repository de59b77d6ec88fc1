"""Imports that go on beside requests, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

IMPORT_LEASE_US = 10_000_000
"""How long nothing may be heard of who carries out an import until another one goes on."""

UNDOES = "undoes"
"""Among what was chosen for a job: the batch that it undoes."""

UNDONE_ACT = "act"
"""And what that batch was, in words; an import where nothing is said."""

GOES_BACK_TO, HEAD = "goes_back_to", "head"
"""The seq to which a job takes the book back, and the book's seq when that began."""


class JobState(StrEnum):
    """Whether an import goes on, was carried out, or ended before that."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ImportJob:
    """An import: which file it is of and what was chosen for it, and how far it is; or the undo of one.

    ``batch`` is the one that its changes share, and the job's id. ``done`` of ``total`` contacts of the file are
    carried out; ``total`` is 0 while the file is read. ``report`` is of these alone; ``problem`` says why it stopped.
    """

    user_id: int
    book_id: int
    batch: str
    digest: str
    file_name: str
    choices: Mapping[str, Any]
    started_at: int
    runner: str
    seen_at: int
    state: JobState = JobState.RUNNING
    done: int = 0
    total: int = 0
    report: Mapping[str, Any] | None = None
    problem: str = ""

    @property
    def undoes(self) -> str:
        """The batch that it undoes; empty where it is an import."""
        return str(self.choices.get(UNDOES, ""))

    @property
    def goes_back_to(self) -> int | None:
        """The seq to which it takes the book back; None where it is something else."""
        return self.choices.get(GOES_BACK_TO)

    @property
    def head(self) -> int:
        """The book's seq when that began."""
        return int(self.choices[HEAD])

    @property
    def undone_act(self) -> str:
        """What it undoes, in words."""
        return str(self.choices.get(UNDONE_ACT, "the import"))

    def is_abandoned(self, now_us: int) -> bool:
        """Whether it would go on, and nobody carries it out any more."""
        return self.state is JobState.RUNNING and self.seen_at <= now_us - IMPORT_LEASE_US
