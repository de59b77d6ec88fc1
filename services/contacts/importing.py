"""A file of contacts into a book: read, matched with who is there (offbook.contacts), and carried out as a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from offbook.contacts.importing import ImportProblem, ImportReport, ImportStep, OnDuplicate, steps_of
from offbook.contacts.matching import Match
from offbook.contacts.table import CONTACTS
from offbook.core.errors import Invalid
from offbook.core.merge.batch import Outcome
from offbook.core.model import Change, Operation, Rejection
from offbook.core.protocol.requests import CHANGES_MAX, build_change
from offbook.formats.contents import FileContents, read_contents
from offbook.formats.registry import FORMATS
from services.blobs import Blobs
from services.contacts.exporting import all_rows
from services.sync.portions import push_in_turns
from services.sync.push import Turns
from storage.base import ChangeOrigin, Store
from storage.repositories.contact_queries import ContactQueries


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file holds, who of it is who in a book, and the rows of those that were matched."""

    contents: FileContents
    matches: Sequence[Match]
    rows: Mapping[str, Mapping[str, Any]]

    def steps(self, on_duplicate: OnDuplicate = OnDuplicate.KEEP, label: str = "") -> list[ImportStep]:
        """What is to be done about each contact."""
        existing = {record_id: row["data"] for record_id, row in self.rows.items()}
        return list(steps_of(self.contents.contacts, self.matches, existing, on_duplicate, label))

    def new_report(self) -> ImportReport:
        """The report of what has not been carried out: what was told about the file alone."""
        return ImportReport(self.contents.format.name, problems=list(self.contents.problems))

    def report(self, on_duplicate: OnDuplicate = OnDuplicate.KEEP) -> ImportReport:
        """What carrying it out would do, where nothing is rejected."""
        report = self.new_report()
        for step in self.steps(on_duplicate):
            report.count(step)
        return report


def read_file(
    store: Store, queries: ContactQueries, book_id: int, file: BinaryIO, format_name: str | None = None
) -> ReadFile:
    """Read a file, and tell who of it is who in the book. Writes nothing.

    Raises Malformed where it is no such file, was cut off, or has no contact at all.
    """
    contents = read_contents(file, FORMATS[format_name] if format_name else None)
    ids = [contact["id"] for contact in contents.contacts]
    deleted: set[str] = set()
    for start in range(0, len(ids), CHANGES_MAX):
        known = queries.known(book_id, ids[start : start + CHANGES_MAX])
        deleted.update(record_id for record_id, is_deleted in known.items() if is_deleted)
    rows = {row["record_id"]: row for row in all_rows(store, book_id)}
    matches = contents.match([row["data"] for row in rows.values()], deleted)
    matched = {match.record_id for match in matches}
    return ReadFile(contents, matches, {key: row for key, row in rows.items() if key in matched})


def import_contacts(
    store: Store,
    blobs: Blobs,
    book_id: int,
    origin: ChangeOrigin,
    file: ReadFile,
    now_us: int,
    new_id: Callable[[], str],
    on_duplicate: OnDuplicate = OnDuplicate.KEEP,
    label: str = "",
) -> ImportReport:
    """Carry out what was read, in turns with others. ``label`` is given to all that is written.

    What was deleted or changed since the file was read is settled as any change is that somebody made then.
    """
    batch = new_id()
    report = file.new_report()
    written: list[tuple[ImportStep, Change | Rejection]] = []
    for step in file.steps(on_duplicate, label):
        if step.operation is None:
            report.count(step)
        else:
            kept = _with_photo_kept(blobs, book_id, file, step, report, now_us)
            written.append((kept, _change(file, kept, step.operation, batch, new_id(), now_us)))
    for start in range(0, len(written), CHANGES_MAX):
        part = written[start : start + CHANGES_MAX]
        outcomes = _push(store, book_id, origin, [change for _, change in part], now_us)
        for (step, _), outcome in zip(part, outcomes, strict=True):
            if outcome.fault is None:
                report.count(step)
                report.batch = batch
            else:
                name, fault = str(step.contact["name"] or ""), outcome.fault
                report.problems.append(ImportProblem(0, "", fault.code, fault.detail, name))
    return report


def _with_photo_kept(
    blobs: Blobs, book_id: int, file: ReadFile, step: ImportStep, report: ImportReport, now_us: int
) -> ImportStep:
    """The step, its photo kept; without it, and told so, where it is none that may be."""
    photo, photos = str(step.data.get("photo")), file.contents.blobs
    if photo in photos:
        try:
            blobs.put(book_id, photo, photos[photo], now_us)
        except Invalid as fault:
            report.problems.append(ImportProblem(0, "PHOTO", fault.code, str(fault), str(step.contact["name"] or "")))
            return step._replace(data={**step.data, "photo": None})
    return step


def _push(
    store: Store, book_id: int, origin: ChangeOrigin, changes: Sequence[Change | Rejection], now_us: int
) -> list[Outcome]:
    with Turns(store, book_id) as turns:
        parts = push_in_turns(turns, origin, changes, now_us)
    return [outcome for done in parts for outcome in done.outcomes]


def _change(
    file: ReadFile, step: ImportStep, operation: Operation, batch: str, change_id: str, now_us: int
) -> Change | Rejection:
    base = file.rows[step.record_id]["seq"] if operation is Operation.UPDATE else 0
    now_ms, id_ = now_us // 1000, step.record_id
    return build_change(
        change_id, CONTACTS, id_, operation, change_id, now_ms, data=dict(step.data), base=base, batch=batch
    )


def owner_of_upload(store: Store, book_id: int, user_id: int) -> str:
    """By what a person's file is kept: users of two databases that share a folder may have one number."""
    with store.reading(book_id) as reading:
        return f"{reading.book.uuid}-{user_id}"
