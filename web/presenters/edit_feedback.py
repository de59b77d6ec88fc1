"""What became of an edit, in words. Pure: the record before and after, the change and its verdict in; sentences out.

They say what others changed in the meantime, what of both stands, and which value was discarded: it is in the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from offbook.contacts.labels import cell_label
from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import same
from offbook.core.merge.decide import concurrent_cells
from offbook.core.merge.policy_wording import wording_of
from offbook.core.model import Author, Change, Clock, Operation, Record, Value, Verdict
from offbook.core.schema import EXISTS
from offbook.core.text import join_with_and
from web.presenters.record_words import A_PHOTO, photo_in

VALUE_MAX = 60
LABELS_MAX = 4

NOT_IN_FORMS = frozenset({EXISTS, "starred"})


@dataclass(frozen=True, slots=True)
class Feedback:
    """A sentence or some, and whether all went as it was meant to."""

    text: str
    is_good: bool = True


@dataclass(frozen=True, slots=True)
class EditOutcome:
    """An edit that was concurrent with others: the record as they left it, the edit, and the record as it is now."""

    before: Record
    change: Change
    after: Record

    def theirs(self) -> tuple[str, ...]:
        """Cells that others changed since the edit's base, without those on which all agree."""
        cells, before = self.change.cells, self.before.cells
        return tuple(
            cell
            for cell in concurrent_cells(self.before, self.change)
            if not cell.endswith(EXISTS) and not (cell in cells and cells[cell] == before.get(cell))
        )

    def discarded(self) -> tuple[str, ...]:
        """Cells of the edit that did not come to stand."""
        return tuple(cell for cell, value in self.change.cells.items() if not same(value, self.after.cells.get(cell)))

    def replaced(self) -> tuple[str, ...]:
        """Others' cells that the edit replaced unseen."""
        return tuple(cell for cell in self.theirs() if cell in self.change.cells and cell not in self.discarded())

    def label(self, cell: str) -> str:
        """What a sentence calls a cell; all cells of a detail are called by its kind."""
        entry, _, attribute = cell.rpartition("/")
        kind = self.after.cells.get(f"{entry}/kind") or self.change.cells.get(f"{entry}/kind")
        label = cell_label(f"{entry}/value" if entry else attribute, str(kind or ""))
        return label[:1].lower() + label[1:]

    def labels(self, cells: Iterable[str]) -> str:
        """What a sentence calls several cells."""
        return join_with_and(self.label(cell) for cell in cells)


def feedback_of(
    verdict: Verdict, change: Change, before: Record | None, after: Record | None, names: Mapping[str, str]
) -> Feedback:
    """What a page says of a change after it was taken.

    ``names`` says who made a change, by its id; who is not in it is ``another device``.
    """
    if before is None or after is None or verdict is Verdict.APPLIED:
        return Feedback("Saved.")
    outcome = EditOutcome(before, change, after)
    who = join_with_and(names.get(write.change_id, "another device") for write in _concurrent_writes(outcome))
    if change.operation is Operation.DELETE:
        return Feedback(f"Not deleted: meanwhile {who} changed this contact. Look at it, and delete it again.", False)
    if verdict is Verdict.SUPERSEDED:
        return Feedback(
            f"Not saved: {who} changed this contact later, and that stays. {_where_yours_is(outcome)}", False
        )
    sentences = [
        *_about_revival(outcome, who),
        *_about_both(outcome, who),
        *_about_replaced(outcome, who),
        *_about_discarded(outcome, verdict, who),
    ]
    return Feedback(" ".join(["Saved.", *sentences]), not outcome.discarded())


def author_names(authors: Mapping[str, Author], user_name: str) -> dict[str, str]:
    """What the makers of these changes are called on a page of the user who is called ``user_name``."""
    return {change_id: author.device or _person(author.user, user_name) for change_id, author in authors.items()}


def _person(name: str | None, user_name: str) -> str:
    if name is None:
        return "someone"
    return "you, on another page," if name == user_name else f"{name} in the browser"


def concurrent_edits_notice(opened: Change, record: Record, names: Mapping[str, str], policy: str) -> str:
    """What others did to a contact while its form was open, and what saving will do about it.

    ``opened`` is an edit of nothing, as if it were made with the form. What the form does not show is left out.
    """
    outcome = EditOutcome(record, opened, record)
    unseen = concurrent_cells(record, opened)
    cells = [cell for cell in unseen if cell not in NOT_IN_FORMS]
    if record.deleted:
        who = names.get(record.clock(EXISTS).change_id, "another device")
        return f"Meanwhile {who} deleted this contact. {wording_of(policy).saving_a_deleted}"
    if not cells:
        return ""
    who = join_with_and(names.get(unseen[cell].change_id, "another device") for cell in cells)
    labels = _join_some(outcome.label(cell) for cell in cells)
    return f"Meanwhile {who} changed the {labels}. {wording_of(policy).saving_a_changed}"


class ForeignValue(NamedTuple):
    """What others saved while a form was open: the cell, and a sentence that stands at its input."""

    cell: str
    text: str


def foreign_values(opened: Change, record: Record, names: Mapping[str, str]) -> list[ForeignValue]:
    """What others saved of each cell while this form was open; ``opened`` is an edit of nothing."""
    unseen = {} if record.deleted else concurrent_cells(record, opened)
    cells = [cell for cell in unseen if cell not in NOT_IN_FORMS and not cell.endswith(EXISTS)]
    whose = {cell: names.get(unseen[cell].change_id, "another device") for cell in cells}
    return [
        ForeignValue(cell, f"Saved meanwhile by {whose[cell]}: {_quote_cell(cell, record.cells.get(cell))}")
        for cell in cells
    ]


def _join_some(labels: Iterable[str]) -> str:
    unique = list(dict.fromkeys(labels))
    return join_with_and(unique if len(unique) <= LABELS_MAX else [*unique[: LABELS_MAX - 1], "more"])


def _concurrent_writes(outcome: EditOutcome) -> list[Clock]:
    """Others' writes: of cells on which they differ from the edit, else of any, else what stands there now."""
    unseen = concurrent_cells(outcome.before, outcome.change)
    return [unseen[cell] for cell in outcome.theirs() or unseen] or [outcome.before.clock(EXISTS)]


def _about_revival(outcome: EditOutcome, who: str) -> list[str]:
    if not outcome.before.deleted or outcome.after.deleted:
        return []
    return [f"Meanwhile {who} had deleted this contact: your edit brought it back."]


def _about_both(outcome: EditOutcome, who: str) -> list[str]:
    cells = [cell for cell in outcome.theirs() if cell not in outcome.change.cells]
    return [f"Meanwhile {who} changed the {outcome.labels(cells)}; both are kept."] if cells else []


def _about_replaced(outcome: EditOutcome, who: str) -> list[str]:
    return [
        f"Meanwhile {who} set the {outcome.label(cell)} to {_quote_cell(cell, outcome.before.cells.get(cell))}: "
        "yours is later and stays, theirs is in the history."
        for cell in outcome.replaced()
    ]


def _about_discarded(outcome: EditOutcome, verdict: Verdict, who: str) -> list[str]:
    cells = outcome.discarded()
    if not cells:
        return []
    if verdict is Verdict.CONFLICT:
        return [f"But {who} changed the {outcome.labels(cells)} too: it stays as it is, until someone chooses."]
    return [f"But {who} changed the {outcome.labels(cells)} later, and that stays. {_where_yours_is(outcome)}"]


def _where_yours_is(outcome: EditOutcome) -> str:
    cells = [cell for cell in outcome.discarded() if not cell.endswith(EXISTS)]
    values = [_quote_cell(cell, outcome.change.cells[cell]) for cell in cells]
    return f"Yours ({', '.join(values)}) is in the history." if values else "Yours is in the history."


def _quote_cell(cell: str, value: Value) -> str:
    return A_PHOTO if photo_in(CONTACTS, cell, value) else quote_value(value)


def quote_value(value: Value, characters_max: int = VALUE_MAX) -> str:
    """A value in quotes, cut where it is long."""
    if isinstance(value, tuple):
        value = ", ".join(str(part) for part in value if part)
    if value is None or value is False or value == "":
        return "nothing"
    text = str(value).replace("\n", " ")
    return f"“{text if len(text) <= characters_max else text[: characters_max - 1] + '…'}”"
