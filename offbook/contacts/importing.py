"""What an import does about each contact of a file, and the report of it. Pure: on a server as on a device.

A contact that is in the book already is left as it is, so that a file imported twice adds nothing. Nor does an import
bring back what somebody deleted; but what the undo of an import took away comes back, as the file says it now. One that
changed gets what the file says beside what it has; one that may be somebody else
is added, unless whoever imports says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar

from offbook.contacts.matching import (
    LABEL_KEY,
    Contact,
    Likeness,
    Match,
    is_read_anew,
    is_unchanged,
    replacing_data,
    rereading_data,
    updating_data,
)
from offbook.contacts.table import BUILT_IN, CONTACTS, GROUP, LABELS
from offbook.core.cells.validation import is_empty
from offbook.core.errors import Invalid
from offbook.core.merge.naming import name_key, names_in_entries
from offbook.core.messages import MORE_PROBLEMS, NAMES_NOTHING
from offbook.core.model import Operation, Record
from offbook.core.schema import Table
from offbook.core.text import fold_key

AnyContact = TypeVar("AnyContact", bound=Contact)

NOTHING: Mapping[str, Record] = MappingProxyType({})

NAMING = BUILT_IN.naming_maps[0].naming
"""What names a contact's labels."""


class OnDuplicate(StrEnum):
    """What becomes of a contact of a file that may be one that is there: a new one, the one that is there, nothing."""

    KEEP = "keep"
    MERGE = "merge"
    SKIP = "skip"


class ImportProblem(NamedTuple):
    """What could not be taken, or not as it stood: the row and the column of the file, 0 and empty where these are not
    known, and the name of the contact where that is."""

    row: int
    column: str
    code: str
    detail: str
    name: str = ""


PROBLEMS_MAX = 1_000
"""So many are told of a file: it may have as many as it has lines."""


class ProblemList:
    """What is told about a file: the first problems of it, and how many more there were."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[ImportProblem] = []

    def add(self, problems: Sequence[ImportProblem]) -> None:
        """The next ones."""
        self.count += len(problems)
        self._first += problems[: PROBLEMS_MAX - len(self._first)]

    def kept(self) -> list[ImportProblem]:
        """The first of them, and one more that says how many are left out."""
        if self.count <= PROBLEMS_MAX:
            return self._first
        fault = MORE_PROBLEMS.fault(count=self.count - PROBLEMS_MAX)
        return [*self._first, ImportProblem(0, "", fault.code, fault.detail)]


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do: how many contacts of the file were added, got something new, were there already,
    had been deleted, and may be one that is there. All its changes share the ``batch``, by which they can be undone;
    None where there is none."""

    format: str
    batch: str | None = None
    added: int = 0
    changed: int = 0
    already_here: int = 0
    deleted_before: int = 0
    doubtful: int = 0
    problems: list[ImportProblem] = field(default_factory=list)
    mapping: Mapping[str, str] | None = None
    """What the columns of a table were taken for; None for a file that needs no mapping."""

    trashed: int | None = None
    labels: int | None = None
    """How many contacts were added to the trash, and how many labels were added; None for a file that has neither."""

    def count(self, step: ImportStep) -> None:
        """Count a step that was taken."""
        likeness = step.match.likeness
        self.doubtful += likeness is Likeness.DOUBTFUL
        if step.table is LABELS:
            self.labels = (self.labels or 0) + (step.operation is not None)
        elif step.operation is Operation.DELETE:
            self.trashed = (self.trashed or 0) + 1
        elif step.operation is Operation.INSERT:
            self.added += 1
        elif step.operation is Operation.UPDATE:
            self.changed += 1
        elif likeness in (Likeness.SAME, Likeness.CHANGED):
            self.already_here += 1
        elif likeness is Likeness.DELETED:
            self.deleted_before += 1

    def to_json(self) -> dict[str, Any]:
        """As the API and the command answer it."""
        return {
            "format": self.format,
            "batch": self.batch,
            "added": self.added,
            "changed": self.changed,
            "already_here": self.already_here,
            "deleted_before": self.deleted_before,
            "doubtful": self.doubtful,
            "problems": [
                {"row": problem.row, "column": problem.column, "code": problem.code, "detail": problem.detail}
                for problem in self.problems
            ],
            **({} if self.mapping is None else {"mapping": dict(self.mapping)}),
            **({} if self.trashed is None else {"trashed": self.trashed}),
            **({} if self.labels is None else {"labels": self.labels}),
        }


class ImportStep(NamedTuple):
    """What is done about one contact of a file: it is added, written to the record that it is, added to the trash
    (DELETE), or nothing (None).

    ``data`` is what is written, and ``base`` the seq of the deleted record that it brings back, 0 where there is none.
    The zip of a book has labels as well, which are records of another ``table``.
    """

    contact: Contact
    match: Match
    operation: Operation | None
    record_id: str
    data: Mapping[str, Any]
    table: Table = CONTACTS
    base: int = 0


def steps_of(
    contacts: Iterable[Contact],
    matches: Iterable[Match],
    existing: Mapping[str, Contact],
    on_duplicate: OnDuplicate = OnDuplicate.KEEP,
    label: str = "",
    taken_back: Mapping[str, Record] = NOTHING,
) -> Iterator[ImportStep]:
    """A step for each contact, in order. ``existing`` are the records that were matched, ``taken_back`` those that the
    undo of an import deleted (offbook.core.history.undo.was_taken_back): they come back. ``label`` is given to all that
    are written. Raises Invalid for what no label can be called."""
    label = parse_label(label)
    for contact, match in zip(contacts, matches, strict=True):
        if _is_added(match, on_duplicate):
            filled = {name: value for name, value in contact.items() if not is_empty(value)}
            data = {**filled, **_with_label(contact, contact, label)}
            before = taken_back.get(contact["id"])
            data = data if before is None else replacing_data(before, data)
            base = 0 if before is None else before.seq
            yield ImportStep(contact, match, Operation.INSERT, contact["id"], data, base=base)
        elif match.record_id is not None and _is_written_to(match, on_duplicate):
            known = existing[match.record_id]
            data = _updating_data(known, contact, match)
            data |= _with_label(known, data, label)
            yield ImportStep(contact, match, Operation.UPDATE if data else None, match.record_id, data)
        else:
            yield ImportStep(contact, match, None, match.record_id or contact["id"], {})


def _updating_data(known: Contact, contact: Contact, match: Match) -> dict[str, Any]:
    """What is written to a record that is there. One that was changed since the file was matched is left as it is."""
    if not is_read_anew(contact, match):
        return updating_data(known, contact)
    return rereading_data(known, contact) if is_unchanged(known) else {}


def trash_steps(trash: Iterable[Contact], known: Mapping[str, bool]) -> Iterator[ImportStep]:
    """A step for each contact of the trash of a book, in order: one whose id is new here is added to the trash.

    ``known`` are the ids that the book has or had, and whether they are deleted.
    """
    for contact in trash:
        record_id = contact["id"]
        if record_id not in known:
            yield ImportStep(contact, Match(Likeness.NEW), Operation.DELETE, record_id, contact)
        else:
            likeness = Likeness.DELETED if known[record_id] else Likeness.SAME
            yield ImportStep(contact, Match(likeness, record_id), None, record_id, {})


def label_steps(
    labels: Iterable[Contact],
    known: Collection[str],
    names: Iterable[str],
    taken_back: Mapping[str, Record] = NOTHING,
) -> Iterator[ImportStep]:
    """A step for each label of a book, in order: one that is new here, by its id and its name, is added.

    ``known`` are the ids of labels that the book has or had, ``names`` what its labels are called. Those that were
    ``taken_back`` come back, as contacts do.
    """
    taken = {fold_key(name) for name in names}
    for label in labels:
        name = str(label[LABELS.key]).strip()
        key = name_key(NAMING, name)
        before = taken_back.get(label["id"])
        is_new = bool(key) and key not in taken and (label["id"] not in known or before is not None)
        taken.add(key)
        operation, likeness = (Operation.INSERT, Likeness.NEW) if is_new else (None, Likeness.SAME)
        base = 0 if before is None else before.seq
        yield ImportStep(label, Match(likeness), operation, label["id"], {LABELS.key: name}, LABELS, base)


def needs_record(match: Match) -> bool:
    """Whether what is done about a contact may depend on what the book says of who it is."""
    return match.likeness in (Likeness.CHANGED, Likeness.DOUBTFUL)


def _is_added(match: Match, on_duplicate: OnDuplicate) -> bool:
    is_doubtful = match.likeness is Likeness.DOUBTFUL
    return match.likeness is Likeness.NEW or is_doubtful and on_duplicate is OnDuplicate.KEEP


def _is_written_to(match: Match, on_duplicate: OnDuplicate) -> bool:
    is_doubtful = match.likeness is Likeness.DOUBTFUL
    return match.likeness is Likeness.CHANGED or is_doubtful and on_duplicate is OnDuplicate.MERGE


def _with_label(before: Contact, data: Contact, label: str) -> dict[str, Any]:
    """The details that are written, with the label; nothing where the contact has it."""
    if not label or has_label(before, label) or has_label(data, label):
        return {}
    return {"details": {**(data.get("details") or {}), LABEL_KEY: {"kind": GROUP, "value": label}}}


# --- labels ----------------------------------------------------------------------------------------------------------


def parse_label(text: str) -> str:
    """A label that somebody named, or empty. Raises Invalid for what no label can be called, as Google's own groups."""
    label = text.strip()
    if label and not name_key(NAMING, label):
        raise Invalid.of(NAMES_NOTHING, field="label", noun="a label", value=label[:80])
    return label


def labelled(contacts: Iterable[AnyContact], label: str) -> list[AnyContact]:
    """Those of the contacts that have a label; all, where that is empty. Raises Invalid, as parse_label()."""
    label = parse_label(label)
    return [contact for contact in contacts if not label or has_label(contact, label)]


def has_label(contact: Contact, label: str) -> bool:
    """Whether a contact has a label, however that is spelled."""
    return name_key(NAMING, label) in names_in_entries(NAMING, contact.get("details") or {})
