"""Imports that another process carries out, for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app import App
from storage.imports.jobs import ImportJobs
from storage.values.imports import ImportJob
from tests.support.browser import parts_of

DIGEST = "5e" * 32
"""Of no file."""


def begin_job(app: App, name: str, **values: Any) -> tuple[ImportJobs, ImportJob]:
    """An import of this person, with these values; and where it is kept."""
    parts, jobs = parts_of(app), ImportJobs(app.extensions["database"])
    user, now_us = parts.accounts.user_named(name), parts.clock()
    job = ImportJob(
        user_id=user.id,
        book_id=user.book_id,
        batch=parts.new_id(),
        digest=DIGEST,
        file_name="all.vcf",
        choices={"on_duplicate": "keep", "label": ""},
        started_at=now_us,
        runner=parts.new_id(),
        seen_at=now_us,
    )
    job = replace(job, **values)
    assert jobs.begin(job)
    return jobs, job
