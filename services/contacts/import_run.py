"""A file of contacts that was read (services.contacts.importing) into a book: carried out as one batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any
from uuid import UUID, uuid5

from offbook.contacts.importing import (
    ImportProblem,
    ImportReport,
    ImportStep,
    OnDuplicate,
)
from offbook.core.errors import Invalid, Malformed
from offbook.core.merge.batch import Outcome
from offbook.core.messages import Fault
from offbook.core.model import Change, Operation, Rejection
from offbook.core.pictures import sha256_of
from offbook.core.protocol.requests import build_change
from offbook.formats.contents import FilePhotos
from services.blobs import Blobs
from services.contacts.importing import ImportPortion, ReadFile
from services.contacts.pace import Pace
from services.sync.portions import push_in_turns
from services.sync.push import Turns
from storage.base import ChangeOrigin, Store


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
    report = file.new_report()
    run = ImportRun(store, blobs, book_id, origin, report, new_id(), now_us)
    for portion in file.portions(on_duplicate, label):
        run.carry_out(portion)
    return report


@dataclass(frozen=True, slots=True)
class ImportRun:
    """An import that is carried out. The ids of its changes follow from its batch and from the contacts: whatever of it
    is carried out again has no effect, and is counted as it was."""

    store: Store
    blobs: Blobs
    book_id: int
    origin: ChangeOrigin
    report: ImportReport
    batch: str
    now_us: int
    pace: Pace = field(default_factory=Pace)

    def carry_out(self, portion: ImportPortion) -> None:
        """Write what is to be written, in turns with others, and report it."""
        written: list[tuple[ImportStep, Change | Rejection]] = []
        for step in portion.steps:
            if step.operation is None:
                self.report.count(step)
            else:
                kept = self._with_photo_kept(step, portion.photos)
                written += [(kept, change) for change in self._changes(kept, step.operation, portion)]
        if not written:
            return
        outcomes = self._push([change for _, change in written])
        faults: dict[str, Fault] = {}
        for (step, _), outcome in zip(written, outcomes, strict=True):
            if outcome.fault is not None:
                faults.setdefault(step.record_id, outcome.fault)
        for record_id, step in {step.record_id: step for step, _ in written}.items():
            if (fault := faults.get(record_id)) is None:
                self.report.count(step)
                self.report.batch = self.batch
            else:
                name = str(step.contact["name"] or "")
                self.report.problems.append(ImportProblem(0, "", fault.code, fault.detail, name))

    def _with_photo_kept(self, step: ImportStep, file: FilePhotos) -> ImportStep:
        """The step, its photo kept; without it, and told so, where it is none that may be.

        A smaller picture stands in the place of a photo that neither the file nor the book has.
        """
        photo = str(step.data.get("photo"))
        try:
            if photo in file.photos:
                self.blobs.put(self.book_id, photo, file.photos[photo], self.now_us)
            elif photo in file.thumbnails and not self.blobs.holds(self.book_id, photo):
                content = file.thumbnails[photo]
                self.blobs.put(self.book_id, sha256_of(content), content, self.now_us)
                return step._replace(data={**step.data, "photo": sha256_of(content)})
        except (Invalid, Malformed) as fault:
            name = str(step.contact["name"] or "")
            self.report.problems.append(ImportProblem(0, "PHOTO", fault.code, str(fault), name))
            return step._replace(data={**step.data, "photo": None})
        return step

    def _push(self, changes: Sequence[Change | Rejection]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        while len(outcomes) < len(changes):
            some = changes[len(outcomes) : len(outcomes) + self.pace.changes]
            with Turns(self.store, self.book_id) as turns:
                begun = perf_counter()
                parts = push_in_turns(turns, self.origin, some, self.now_us)
            self.pace.note(perf_counter() - begun)
            outcomes += [outcome for done in parts for outcome in done.outcomes]
        return outcomes

    def _changes(self, step: ImportStep, operation: Operation, portion: ImportPortion) -> list[Change | Rejection]:
        """One change; two for a contact of the trash, which is added and deleted, by what counts as one replica."""
        base = portion.rows[step.record_id]["seq"] if operation is Operation.UPDATE else step.base
        id_ = str(uuid5(UUID(self.batch), step.record_id))
        make = partial(build_change, replica=id_, timestamp_ms=self.now_us // 1000, base=base, batch=self.batch)
        if operation is Operation.UPDATE:
            return [make(id_, step.table, step.record_id, operation, data=_with_whole_entries(step))]
        if operation is Operation.INSERT:
            return [make(id_, step.table, step.record_id, operation, data=dict(step.data))]
        deletion = str(uuid5(UUID(id_), Operation.DELETE))
        return [
            make(id_, step.table, step.record_id, Operation.INSERT, data=dict(step.data)),
            make(deletion, step.table, step.record_id, Operation.DELETE),
        ]


def _with_whole_entries(step: ImportStep) -> dict[str, Any]:
    """What an update writes. An entry that it adds may have been there before, until an undo: nothing of that stays."""
    data = dict(step.data)
    for map_ in step.table.maps:
        nothing = dict.fromkeys(attribute.name for attribute in map_.attributes)
        if entries := data.get(map_.name):
            data[map_.name] = {key: {**nothing, **entry} for key, entry in entries.items()}
    return data
