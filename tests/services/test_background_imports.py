"""Imports beside requests: one a person; killed at any place they are gone on with, and their batch is undone whole."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, pairwise
from threading import Event

import pytest

from app import App
from offbook.contacts.importing import ImportReport, OnDuplicate
from offbook.contacts.table import CONTACTS
from offbook.core.errors import NotFound
from offbook.core.history.undo import undo_id
from services import batches, time_travel
from services.batches import undo_batch, undo_in_portions
from services.contacts import importing
from services.contacts.background_imports import FILE_GONE, BackgroundImports, UndoCounts, report_of, undo_counts_of
from services.contacts.import_run import ImportRun, import_contacts
from services.contacts.importing import STEPS_AT_ONCE, owner_of_upload, read_file
from services.container import Services
from services.records import update_record
from services.restore import Actor
from storage.base import ChangeOrigin
from storage.failures import database_failures
from storage.imports.jobs import ImportJobs
from storage.values.imports import GOES_BACK_TO, HEAD, IMPORT_LEASE_US, UNDOES, ImportJob, JobState
from tests.support.browser import add_user, parts_of
from tests.support.polling import wait_until

COUNT = 40
TWICE = "Ada,Twin,,\nAda,Twin,Home,555-77\n"
FILE = "First Name,Last Name,Phone 1 - Label,Phone 1 - Value\n" + TWICE
FILE += "".join(f"Ada {number},King,Home,555-00{number:02}\n" for number in range(COUNT - 2))


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "STEPS_AT_ONCE", 10)
    monkeypatch.setattr(batches, "RECORDS_AT_ONCE", 10)


@pytest.fixture
def parts(app: App) -> Services:
    add_user(app, "ada")
    return parts_of(app)


@pytest.fixture
def jobs(app: App, parts: Services) -> ImportJobs:
    return ImportJobs(app.extensions["database"])


@pytest.fixture
def imports(parts: Services, jobs: ImportJobs) -> Iterator[BackgroundImports]:
    """Those of a process that has just started."""
    made = another_process(parts, jobs)
    with made.while_served():
        yield made


def another_process(parts: Services, jobs: ImportJobs) -> BackgroundImports:
    return BackgroundImports(
        parts.store, parts.contacts, parts.blobs, parts.uploads, jobs, parts.clock, parts.new_id, database_failures()
    )


def keep(parts: Services) -> str:
    """Ada's file, kept as one that she looked at."""
    user = parts.accounts.user_named("ada")
    owner = owner_of_upload(parts.store, user.book_id, user.id)
    return parts.uploads.save(owner, io.BytesIO(FILE.encode()), parts.clock() / 1_000_000)


def started(parts: Services, imports: BackgroundImports) -> ImportJob:
    user = parts.accounts.user_named("ada")
    choices = {"on_duplicate": OnDuplicate.KEEP, "label": "New"}
    assert imports.start(user.id, user.book_id, keep(parts), "contacts.csv", **choices)
    return job_of(parts, imports)


def job_of(parts: Services, imports: BackgroundImports) -> ImportJob:
    user = parts.accounts.user_named("ada")
    job = imports.current(user.id, user.book_id)
    assert job is not None
    return job


def ended(parts: Services, imports: BackgroundImports) -> ImportJob:
    wait_until(lambda: job_of(parts, imports).state is not JobState.RUNNING)
    return job_of(parts, imports)


def names(parts: Services) -> list[str]:
    user = parts.accounts.user_named("ada")
    return [row.name for row in parts.contacts.page(user.book_id).rows]


def undo(parts: Services, job: ImportJob) -> int:
    actor = Actor(ChangeOrigin(user_id=job.user_id), parts.new_id(), parts.new_id())
    return undo_batch(parts.store, job.book_id, actor, job.batch, parts.clock()).undone


def killed(parts: Services, jobs: ImportJobs, carried_out: int, saved: int) -> ImportJob:
    """A job whose process was killed when it had carried out so many contacts, and saved so many of these."""
    user, now_us = parts.accounts.user_named("ada"), parts.clock()
    choices = {"on_duplicate": "keep", "label": "New"}
    job = ImportJob(
        user.id, user.book_id, parts.new_id(), keep(parts), "contacts.csv", choices, now_us, parts.new_id(), now_us
    )
    assert jobs.begin(job)
    file = read_file(parts.store, parts.contacts, job.book_id, io.BytesIO(FILE.encode()))
    report = file.new_report()
    origin = ChangeOrigin(user_id=user.id)
    run = ImportRun(parts.store, parts.blobs, job.book_id, origin, report, job.batch, now_us)
    portions = list(file.portions(label="New"))
    for portion in portions[: saved // 10]:
        run.carry_out(portion)
    counts = {"format": report.format, "batch": report.batch, "added": report.added}
    job = replace(job, done=saved, total=file.total, report=counts, seen_at=now_us - IMPORT_LEASE_US)
    assert jobs.save(job)
    for portion in portions[saved // 10 : carried_out // 10]:
        run.carry_out(portion)
    return job


def test_an_import_is_carried_out_and_tells_how_far_it_is(parts: Services, imports: BackgroundImports) -> None:
    started(parts, imports)
    job = ended(parts, imports)
    assert (job.state, job.done, job.total, report_of(job).added) == (JobState.DONE, COUNT, COUNT, COUNT)
    assert len(names(parts)) == COUNT
    assert undo(parts, job) >= COUNT
    assert names(parts) == []


@pytest.mark.parametrize(("carried_out", "saved"), [(0, 0), (10, 0), (20, 10), (COUNT, 30), (COUNT, COUNT)])
def test_a_killed_import_goes_on_as_if_nothing_had_been(
    parts: Services, jobs: ImportJobs, imports: BackgroundImports, carried_out: int, saved: int
) -> None:
    killed(parts, jobs, carried_out, saved)
    job = ended(parts, imports)
    report = report_of(job)
    assert (job.state, job.done, report.problems) == (JobState.DONE, COUNT, [])
    assert (report.added, report.already_here, report.doubtful, report.changed) == (COUNT, 0, 0, 0)
    assert len(names(parts)) == COUNT
    undo(parts, job)
    assert names(parts) == []


@pytest.mark.engines("sqlite")
def test_one_whose_file_is_gone_says_where_it_stopped(
    parts: Services, jobs: ImportJobs, imports: BackgroundImports
) -> None:
    job = killed(parts, jobs, 20, 10)
    parts.uploads.remove(owner_of_upload(parts.store, job.book_id, job.user_id))
    job = ended(parts, imports)
    assert (job.state, job.problem, job.done) == (JobState.STOPPED, FILE_GONE, 10)
    keep(parts)
    assert imports.go_on(job.user_id, job.book_id) is not None
    assert (ended(parts, imports).state, len(names(parts))) == (JobState.DONE, COUNT)


def test_a_large_book_goes_back_in_short_transactions_and_to_its_end(
    parts: Services, jobs: ImportJobs, imports: BackgroundImports, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the middle, it goes on where it was; what somebody writes meanwhile stays."""
    monkeypatch.setattr(time_travel, "RECORDS_AT_ONCE", 10)
    started(parts, imports)
    user, imported = parts.accounts.user_named("ada"), ended(parts, imports)
    with parts.store.reading(user.book_id) as book:
        head = book.book.seq
        step = book.steps_since(0)[0]
    now_us, batch, choices = parts.clock(), parts.new_id(), {GOES_BACK_TO: step.seq - 1, HEAD: head}
    job = ImportJob(user.id, user.book_id, batch, "", "", choices, now_us, parts.new_id(), 0)
    assert jobs.begin(job)
    actor = Actor(ChangeOrigin(user_id=user.id), batch, batch)
    portions = time_travel.restore_book_in_portions(parts.store, user.book_id, actor, step.seq - 1, head, now_us)
    first, second = islice(portions, 2)
    assert (first.changed, second.done) == (10, 20)
    assert jobs.save(replace(job, done=first.done, total=first.total, report={"undone": 10}))
    kept = names(parts)[-1]
    last = next(row for row in parts.contacts.page(user.book_id).rows if row.name == kept)
    edit = Actor(ChangeOrigin(user_id=user.id), parts.new_id(), parts.new_id())
    update_record(
        parts.store, user.book_id, edit, CONTACTS, last.id, {"notes": "mine"}, lambda seq: True, parts.clock()
    )
    job = ended(parts, imports)
    assert (job.state, job.problem) == (JobState.DONE, "")
    assert names(parts) == [kept]
    imports.start_going_back(user.id, user.book_id, head, parts.clock())
    assert ended(parts, imports).goes_back_to == head
    assert len(names(parts)) == COUNT == report_of(imported).added


@pytest.mark.engines("sqlite")
def test_undoing_one_that_was_killed_takes_back_what_is_there(parts: Services, jobs: ImportJobs) -> None:
    job = killed(parts, jobs, 20, 10)
    assert len(names(parts)) == 20
    undo(parts, job)
    assert names(parts) == []


@pytest.mark.engines("sqlite")
def test_a_server_that_ends_leaves_its_import_to_the_next(
    parts: Services, jobs: ImportJobs, imports: BackgroundImports
) -> None:
    has_written = Event()

    def pause(book_id: int, seq: int) -> None:
        has_written.set()
        assert is_ending.wait(10)

    ending = another_process(parts, jobs)
    with ending.while_served() as is_ending:
        parts.store.on_commit = pause
        job = started(parts, ending)
        assert has_written.wait(10)
    parts.store.on_commit = None
    left = jobs.get(job.user_id, job.book_id)
    assert left is not None
    assert (left.state, left.seen_at) == (JobState.RUNNING, 0)
    assert 0 < left.done < COUNT
    assert report_of(ended(parts, imports)).added == COUNT


@pytest.mark.engines("sqlite")
def test_the_end_of_one_server_ends_nothing_that_began_without_it(parts: Services, jobs: ImportJobs) -> None:
    """An app is served twice at once, once more afterwards, or by no server at all, and imports each time."""
    app_imports = another_process(parts, jobs)
    with app_imports.while_served():
        with app_imports.while_served():
            pass
        started(parts, app_imports)
        assert ended(parts, app_imports).state is JobState.DONE
    started(parts, app_imports)
    job = ended(parts, app_imports)
    assert (job.state, report_of(job).already_here) == (JobState.DONE, COUNT)


def test_only_one_import_of_a_person_goes_on(parts: Services, jobs: ImportJobs) -> None:
    job = killed(parts, jobs, 0, 0)
    assert not jobs.begin(replace(job, batch=parts.new_id()))
    first, second = (jobs.take(job, parts.new_id(), parts.clock()) for _ in range(2))
    assert first is not None
    assert second is None
    assert not jobs.save(job), "another runner has it"
    assert jobs.save(first)
    assert jobs.save(replace(first, state=JobState.DONE))
    assert jobs.begin(replace(job, batch=parts.new_id()))


@pytest.mark.engines("sqlite")
def test_one_that_somebody_carries_out_is_left_to_them(
    parts: Services, jobs: ImportJobs, imports: BackgroundImports
) -> None:
    job = killed(parts, jobs, 10, 10)
    taken = jobs.take(job, parts.new_id(), parts.clock())
    assert taken is not None
    assert job_of(parts, imports) == taken
    jobs.beat(taken, taken.seen_at + 1)
    assert job_of(parts, imports).seen_at == taken.seen_at + 1


@pytest.mark.engines("sqlite")
def test_a_file_that_is_none_of_contacts_stops_with_a_sentence(parts: Services, imports: BackgroundImports) -> None:
    user = parts.accounts.user_named("ada")
    owner = owner_of_upload(parts.store, user.book_id, user.id)
    digest = parts.uploads.save(owner, io.BytesIO(b"<!doctype html>"), parts.clock() / 1_000_000)
    assert imports.start(user.id, user.book_id, digest, "x.vcf", on_duplicate="keep", label="")
    job = ended(parts, imports)
    assert (job.state, job.total, report_of(job)) == (JobState.STOPPED, 0, ImportReport(""))
    assert "web page" in job.problem


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(("carried_out", "saved"), [(0, 0), (2, 1), (5, 4)])
def test_a_killed_undo_goes_on_and_counts_each_record_once(
    parts: Services, jobs: ImportJobs, imports: BackgroundImports, carried_out: int, saved: int
) -> None:
    """Portions of ten records: the contacts of the file, and their label."""
    started(parts, imports)
    batch = ended(parts, imports).batch
    user, now_us = parts.accounts.user_named("ada"), parts.clock()
    job = ImportJob(
        user.id, user.book_id, undo_id(batch), "", "contacts.csv", {UNDOES: batch}, now_us, parts.new_id(), now_us
    )
    assert jobs.begin(job)
    actor = Actor(ChangeOrigin(user_id=user.id), job.batch, job.batch)
    undone = undo_in_portions(parts.store, user.book_id, actor, batch, now_us)
    portions = [next(undone) for _ in range(carried_out)]
    counts = UndoCounts(sum(portion.report.undone for portion in portions[:saved]))
    done = portions[saved - 1].done if saved else 0
    assert jobs.save(replace(job, done=done, report=counts._asdict(), seen_at=now_us - IMPORT_LEASE_US))
    job = ended(parts, imports)
    assert (job.state, job.done, job.total) == (JobState.DONE, COUNT + 1, COUNT + 1)
    assert undo_counts_of(job) == (COUNT + 1, 0, 0)
    assert names(parts) == []


@pytest.mark.engines("sqlite")
def test_an_undo_is_carried_out_beside_requests(parts: Services, imports: BackgroundImports) -> None:
    started(parts, imports)
    imported = ended(parts, imports)
    imports.start_undo(imported.user_id, imported.book_id, imported.batch)
    job = ended(parts, imports)
    assert (job.undoes, job.file_name, undo_counts_of(job).undone) == (imported.batch, "contacts.csv", COUNT + 1)
    assert names(parts) == []
    with pytest.raises(NotFound):
        imports.start_undo(imported.user_id, imported.book_id, parts.new_id())


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize(("details", "contacts_most"), [(1, 100), (150, 60)])
def test_no_transaction_of_an_import_writes_more_than_its_share(
    parts: Services, monkeypatch: pytest.MonkeyPatch, details: int, contacts_most: int
) -> None:
    """A contact, each of its details and its change are a row each."""
    monkeypatch.setattr(importing, "STEPS_AT_ONCE", STEPS_AT_ONCE)
    user = parts.accounts.user_named("ada")
    counts: list[int] = [0]
    parts.store.on_commit = lambda book_id, seq: counts.append(parts.contacts.count(book_id))
    phones = "".join(f"TEL:{number}\n" for number in range(details))
    cards = "".join(f"BEGIN:VCARD\nVERSION:4.0\nFN:Ada {number}\n{phones}END:VCARD\n" for number in range(130))
    file = read_file(parts.store, parts.contacts, user.book_id, io.BytesIO(cards.encode()))
    origin = ChangeOrigin(user_id=user.id)
    import_contacts(parts.store, parts.blobs, user.book_id, origin, file, parts.clock(), parts.new_id)
    written = [after - before for before, after in pairwise(counts)]
    assert sum(written) == 130
    assert max(written) <= contacts_most
    assert len(list(filter(None, written))) > 1
