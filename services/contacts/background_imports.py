"""Imports, and undoing them, beside requests: carried out by a thread of the process that somebody confirmed one at.

How far one is stands in a row (storage.imports.jobs), so that any process can tell it, and one that was killed in the
middle is gone on with by whatever process somebody asks next: the file is read once more, and what of it is carried out
twice has no effect (services.contacts.importing). Where that process does not have the file, it says where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from threading import Event, Lock, Thread
from typing import Any, BinaryIO, NamedTuple

from offbook.contacts.importing import ImportProblem, ImportReport, OnDuplicate
from offbook.core.errors import CodedError, NotFound, NotLetIn, Pruned
from offbook.core.history.undo import undo_id
from services.batches import read_batch, undo_in_portions
from services.blobs import Blobs
from services.contacts.import_run import ImportRun
from services.contacts.importing import owner_of_upload, read_file
from services.contacts.mappings import mapping_without_memory
from services.restore import Actor
from services.time_travel import restore_book_in_portions
from storage.base import ChangeOrigin, Store
from storage.errors import Unwritable
from storage.imports.jobs import ImportJobs
from storage.repositories.contact_queries import ContactQueries
from storage.uploads import Uploads
from storage.values.imports import GOES_BACK_TO, HEAD, UNDOES, UNDONE_ACT, ImportJob, JobState

PROBLEMS_KEPT = 200
"""So many are told of a job: as many as its page shows."""

END_SECONDS = 5
"""How long a server that ends waits for its imports: each looks after every portion whether it is to go on."""

BEAT_SECONDS = 2
"""How often it is noted that somebody carries an import out."""

MICROSECONDS = 1_000_000
SAVE_EVERY_US = MICROSECONDS // 2
"""How often it is saved how far an import is: what is not, is carried out again where it is killed."""

FILE_GONE = "The file is not kept here any more. Choose it once more: what came of it already is not added twice."
FAILED = "The server failed. What was done until then is there."

log = logging.getLogger("offbook")


class _CarriedOut(NamedTuple):
    """What carries an import out, and what is set when that is to stop."""

    thread: Thread
    is_ending: Event


class BackgroundImports:
    """The imports of all users. Safe to share between threads; ``failures`` are those of a database that pass."""

    def __init__(
        self,
        store: Store,
        queries: ContactQueries,
        blobs: Blobs,
        uploads: Uploads,
        jobs: ImportJobs,
        clock: Callable[[], int],
        new_id: Callable[[], str],
        failures: tuple[type[Exception], ...],
    ) -> None:
        self._store = store
        self._queries = queries
        self._blobs = blobs
        self._uploads = uploads
        self._jobs = jobs
        self._clock = clock
        self._new_id = new_id
        self._passing: tuple[type[Exception], ...] = (*failures, Unwritable)
        self._carried_out: dict[str, _CarriedOut] = {}
        self._servers: list[Event] = []
        self._lock = Lock()

    def start(self, user_id: int, book_id: int, digest: str, file_name: str, **choices: Any) -> bool:
        """Begin to import the file that a person looked at; False where it is not kept any more.

        Where an import of theirs goes on, that is the one.
        """
        file = self._file(user_id, book_id, digest)
        if file is None:
            return False
        file.close()
        self._begin(user_id, book_id, self._new_id(), digest, file_name, choices)
        return True

    def start_undo(self, user_id: int, book_id: int, batch: str, act: str = "") -> None:
        """Begin to undo what an import wrote, or another ``act``, which is named in words. Raises NotFound and Pruned.

        Where an import of theirs goes on, or an undo, that is the one.
        """
        read_batch(self._store, book_id, batch)
        last = self._jobs.get(user_id, book_id)
        name = last.file_name if last is not None and last.batch == batch else ""
        self._begin(user_id, book_id, undo_id(batch), "", name, {UNDOES: batch, **({UNDONE_ACT: act} if act else {})})

    def start_going_back(self, user_id: int, book_id: int, seq: int, head: int) -> None:
        """Begin to take the book back to where it was right after ``seq``; ``head`` is its seq now.

        Where an import of theirs goes on, or an undo, that is the one.
        """
        self._begin(user_id, book_id, self._new_id(), "", "", {GOES_BACK_TO: seq, HEAD: head})

    def _begin(
        self, user_id: int, book_id: int, batch: str, digest: str, file_name: str, choices: dict[str, Any]
    ) -> None:
        now_us = self._clock()
        job = ImportJob(user_id, book_id, batch, digest, file_name[:255], choices, now_us, self._new_id(), now_us)
        if self._jobs.begin(job):
            self._carry_out(job)

    def current(self, user_id: int, book_id: int) -> ImportJob | None:
        """The import of a person that goes on, or the last one. Where its process has ended, it goes on here."""
        job, now_us = self._jobs.get(user_id, book_id), self._clock()
        if job is None or not job.is_abandoned(now_us) or self._is_carried_out_here(job):
            return job
        return self._resume(job, now_us)

    def go_on(self, user_id: int, book_id: int) -> ImportJob | None:
        """Go on with an import that stopped. Returns as ``current``."""
        job = self._jobs.get(user_id, book_id)
        if job is None or job.state is not JobState.STOPPED:
            return self.current(user_id, book_id)
        return self._resume(job, self._clock())

    def wait(self, job: ImportJob, seconds: float) -> None:
        """Wait for an import that is carried out here, so long at the most."""
        with self._lock:
            carried_out = self._carried_out.get(job.batch)
        if carried_out is not None:
            carried_out.thread.join(seconds)

    @contextmanager
    def while_served(self) -> Iterator[Event]:
        """One run of a server, from its start to its end; gives what is set when it ends.

        An import that has begun meanwhile and goes on at the end stops where it is: the next process that is asked goes
        on with it. One that begins where no server runs goes on as long as the process.
        """
        is_ending = Event()
        with self._lock:
            self._servers.append(is_ending)
        try:
            yield is_ending
        finally:
            is_ending.set()
            with self._lock:
                self._servers.remove(is_ending)
                threads = [it.thread for it in self._carried_out.values() if it.is_ending is is_ending]
            for thread in threads:
                thread.join(END_SECONDS)

    # --- in a thread of its own ---

    def _carry_out(self, job: ImportJob) -> None:
        with self._lock:
            is_ending = self._servers[-1] if self._servers else Event()
            name = f"offbook-import-{job.user_id}"
            thread = Thread(target=self._run, args=(job, is_ending), name=name, daemon=True)
            self._carried_out[job.batch] = _CarriedOut(thread, is_ending)
            thread.start()

    def _is_carried_out_here(self, job: ImportJob) -> bool:
        with self._lock:
            return job.batch in self._carried_out

    def _resume(self, job: ImportJob, now_us: int) -> ImportJob | None:
        taken = self._jobs.take(job, self._new_id(), now_us)
        if taken is None:
            return self._jobs.get(job.user_id, job.book_id)
        self._carry_out(taken)
        return taken

    def _run(self, job: ImportJob, is_ending: Event) -> None:
        has_ended = Event()
        Thread(target=self._beat, args=(job, has_ended), name=f"offbook-beat-{job.user_id}", daemon=True).start()
        try:
            saved_at = 0
            for state in self._states(job):
                now_us, is_running = self._clock(), state.state is JobState.RUNNING
                is_left = is_running and is_ending.is_set()
                if is_running and not is_left and now_us < saved_at + SAVE_EVERY_US:
                    continue
                job, saved_at = replace(state, seen_at=0 if is_left else now_us), now_us
                if not self._jobs.save(job) or is_left:
                    return
            if job.state is JobState.DONE and job.digest:
                self._uploads.remove(self._owner(job.user_id, job.book_id))
        except (CodedError, NotFound, NotLetIn, Pruned) as error:
            self._stop(job, str(error))
        except self._passing as error:
            log.warning("An import waits for the database (%s)", type(error).__name__)
        except Exception:
            log.exception("An import failed")
            self._stop(job, FAILED)
        finally:
            has_ended.set()
            with self._lock:
                del self._carried_out[job.batch]

    def _beat(self, job: ImportJob, has_ended: Event) -> None:
        """Say that this process is there, however long a portion takes, or the reading of the file."""
        while not has_ended.wait(BEAT_SECONDS):
            try:
                self._jobs.beat(job, self._clock())
            except self._passing as error:
                log.warning("A sign of life was not noted (%s)", type(error).__name__)

    def _stop(self, job: ImportJob, problem: str) -> None:
        try:
            self._jobs.save(replace(job, state=JobState.STOPPED, problem=problem[:500], seen_at=self._clock()))
        except self._passing as error:
            log.warning("How an import stopped was not noted (%s)", type(error).__name__)

    def _states(self, job: ImportJob) -> Iterator[ImportJob]:
        """The job as it is after each portion of what it does."""
        if job.undoes:
            return self._undo_states(job)
        return self._import_states(job) if job.goes_back_to is None else self._restore_states(job, job.goes_back_to)

    def _import_states(self, job: ImportJob) -> Iterator[ImportJob]:
        """The job of an import after each portion of its contacts."""
        upload = self._file(job.user_id, job.book_id, job.digest)
        if upload is None:
            yield replace(job, state=JobState.STOPPED, problem=FILE_GONE)
            return
        with upload:  # it is read once more while it is carried out
            table = mapping_without_memory(upload, job.choices.get("mapping"))
            file = read_file(self._store, self._queries, job.book_id, upload, batch=job.batch, table=table)
            report = report_of(job) if job.report else file.new_report()
            origin, now_us = ChangeOrigin(user_id=job.user_id), job.started_at
            run = ImportRun(self._store, self._blobs, job.book_id, origin, report, job.batch, now_us)
            state, done = partial(replace, job, total=file.total), job.done
            yield state()
            for portion in file.portions(OnDuplicate(job.choices["on_duplicate"]), job.choices["label"], job.done):
                run.carry_out(portion)
                done += len(portion.steps)
                yield state(done=done, report=_to_json(report))
            yield state(state=JobState.DONE, done=done, report=_to_json(report))

    def _undo_states(self, job: ImportJob) -> Iterator[ImportJob]:
        """The same of an undo, after each portion of the records that its batch wrote to."""
        actor, counts = Actor(ChangeOrigin(user_id=job.user_id), job.batch, job.batch), undo_counts_of(job)
        portions = undo_in_portions(self._store, job.book_id, actor, job.undoes, job.started_at, job.done)
        for done, total, report in portions:
            records = len({cell.key for cell in report.kept})
            counts = UndoCounts(counts.undone + report.undone, counts.kept + len(report.kept), counts.records + records)
            job = replace(job, done=done, total=total, report=counts._asdict())
            yield job
        yield replace(job, state=JobState.DONE)

    def _restore_states(self, job: ImportJob, seq: int) -> Iterator[ImportJob]:
        """The same of a book that goes back, after each portion of its records."""
        actor, counts = Actor(ChangeOrigin(user_id=job.user_id), job.batch, job.batch), undo_counts_of(job)
        portions = restore_book_in_portions(self._store, job.book_id, actor, seq, job.head, job.started_at, job.done)
        for done, total, changed, refused in portions:
            counts = UndoCounts(counts.undone + changed, counts.kept + refused, counts.records + refused)
            job = replace(job, done=done, total=total, report=counts._asdict())
            yield job
        yield replace(job, state=JobState.DONE)

    def _file(self, user_id: int, book_id: int, digest: str) -> BinaryIO | None:
        return self._uploads.open(self._owner(user_id, book_id), digest, self._clock() / MICROSECONDS)

    def _owner(self, user_id: int, book_id: int) -> str:
        return owner_of_upload(self._store, book_id, user_id)


class UndoCounts(NamedTuple):
    """How many records an undo took back, and how many values it left as they are, in how many records."""

    undone: int = 0
    kept: int = 0
    records: int = 0


def undo_counts_of(job: ImportJob) -> UndoCounts:
    """What the records that an undo is done with came to."""
    return UndoCounts(**job.report or {})


def report_of(job: ImportJob) -> ImportReport:
    """What the contacts that were carried out came to."""
    values = dict(job.report or {"format": ""})
    problems = [ImportProblem(*problem) for problem in values.pop("problems", ())]
    return ImportReport(**values, problems=problems)


def _to_json(report: ImportReport) -> dict[str, Any]:
    return {**asdict(report), "problems": report.problems[:PROBLEMS_KEPT], "mapping": None}
