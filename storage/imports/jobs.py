"""Imports and their undos that are carried out beside requests: one a person, as a row that every process sees.

Whoever carries one out (its ``runner``) says again and again that it does. Where nothing was said for
IMPORT_LEASE_US, its process has ended, and another one may go on. Only what was carried out already is saved.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, select, update

from models import Base, User
from storage.engines.database import Database
from storage.values.imports import ImportJob, JobState

JOBS = Base.metadata.tables["import_jobs"]
J = JOBS.c
COLUMNS = tuple(J.keys())


class ImportJobs:
    """The jobs of a database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, user_id: int, book_id: int) -> ImportJob | None:
        """The import of a person that goes on, or the last one; None where there was none."""
        with self._database.read() as connection:
            row = connection.execute(select(JOBS).where(_of(user_id, book_id))).mappings().first()
        return _job(row) if row else None

    def begin(self, job: ImportJob) -> bool:
        """Put this job in the place of the last one; False where that still goes on."""
        place = _of(job.user_id, job.book_id)
        with self._database.write() as connection:
            connection.execute(select(User.id).where(User.id == job.user_id).with_for_update()).all()
            if connection.execute(select(J.state).where(place)).scalar() == JobState.RUNNING:
                return False
            connection.execute(self._database.upsert(JOBS, COLUMNS), _row(job))
        return True

    def take(self, job: ImportJob, runner: str, now_us: int) -> ImportJob | None:
        """Let a runner go on with a job that stopped or that nobody carries out; None where another was first."""
        taken = replace(job, state=JobState.RUNNING, runner=runner, seen_at=now_us, problem="")
        where = and_(_of(job.user_id, job.book_id), J.runner == job.runner, J.seen_at == job.seen_at)
        values = {"state": taken.state, "runner": runner, "seen_at": now_us, "problem": ""}
        with self._database.write() as connection:
            changed = connection.execute(update(JOBS).where(where).values(values)).rowcount
        return taken if changed else None

    def save(self, job: ImportJob) -> bool:
        """Save how far a job is; False where it is another runner's by now."""
        where = and_(_of(job.user_id, job.book_id), J.runner == job.runner, J.state == JobState.RUNNING)
        row = _row(job)
        values = {name: row[name] for name in ("state", "seen_at", "done", "total", "report", "problem")}
        with self._database.write() as connection:
            return bool(connection.execute(update(JOBS).where(where).values(values)).rowcount)

    def beat(self, job: ImportJob, now_us: int) -> None:
        """Note that its runner is there."""
        where = and_(_of(job.user_id, job.book_id), J.runner == job.runner, J.state == JobState.RUNNING)
        with self._database.write() as connection:
            connection.execute(update(JOBS).where(where, J.seen_at < now_us).values(seen_at=now_us))


def _of(user_id: int, book_id: int) -> ColumnElement[bool]:
    return and_(J.user_id == user_id, J.book_id == book_id)


def _row(job: ImportJob) -> dict[str, Any]:
    report = json.dumps(job.report) if job.report is not None else None
    values = {name: getattr(job, name) for name in COLUMNS}
    return values | {"choices": json.dumps(job.choices), "report": report, "state": str(job.state)}


def _job(row: RowMapping) -> ImportJob:
    report = json.loads(row["report"]) if row["report"] else None
    values = {**row, "choices": json.loads(row["choices"]), "report": report, "state": JobState(row["state"])}
    return ImportJob(**values)
