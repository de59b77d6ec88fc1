"""The history of a contact in words: what each change did, cell by cell, what it met and what lost. Pure.

A change that changed nothing and lost nothing is not told: it is kept only so that a late retry is harmless.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from offbook.contacts.labels import KINDS, label_of
from offbook.core.history.reconstruct import state_of
from offbook.core.merge.policy_wording import wording_of
from offbook.core.model import Author, Clock, Operation, Record, Value, Verdict
from offbook.core.schema import EXISTS, entry_of
from offbook.core.validation import Json, same
from storage.base import ChangeEntry
from web.presenters.edit_feedback import quote_value

Cells = Mapping[str, Value]

LONG = 400
SILENT = ("kind", "position")
"""Attributes of a detail that say nothing by themselves."""


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """One cell of a change: what it held, what it holds since. ``give`` says which of both can be given back."""

    cell: str
    label: str
    before: str = ""
    after: str = ""
    note: str = ""
    give: str = ""


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One change as the page shows it. ``version`` is the seq to bring the contact back to it, where it is not so."""

    id: str
    at: int
    title: str
    device: str
    user: str
    lines: tuple[ChangedLine, ...]
    lost: tuple[ChangedLine, ...]
    note: str = ""
    version: int | None = None


@dataclass(frozen=True, slots=True)
class EntryWithValues:
    """A change with the record's cells before and after it, and who had written those before."""

    past: ChangeEntry
    before: Cells
    after: Cells
    wrote: Mapping[str, Clock]
    waits: bool = False
    """Whether a person has still to choose between this change and another."""


def moments(record: Record, history: Sequence[ChangeEntry], waiting: Container[str] = ()) -> list[EntryWithValues]:
    """The changes of a record, the newest first, each with what the record was around it.

    ``waiting`` names those that a person has still to choose about.
    """
    found: list[EntryWithValues] = []
    after: Cells = state_of(record)
    for past in reversed(history):
        made = past.change_id == record.created.change_id
        before: Cells = {} if made else {**after, **past.before} if past.before else after
        found.append(EntryWithValues(past, before, after, {}, past.change_id in waiting))
        after = before
    return _with_writers(record, found)


def _with_writers(record: Record, found: list[EntryWithValues]) -> list[EntryWithValues]:
    """Who had last written each cell that a change replaced, as far back as the history goes."""
    wrote: dict[str, Clock] = {}
    told: list[EntryWithValues] = []
    for one in reversed(found):
        past = one.past
        told.append(replace(one, wrote={cell: wrote[cell] for cell in past.before if cell in wrote}))
        cells = past.data if past.change_id == record.created.change_id else past.before
        clock = Clock(past.seq or 0, past.timestamp or 0, past.change_id, past.replica or "")
        wrote.update(dict.fromkeys(cells, clock))
    return told[::-1]


def is_noise(past: ChangeEntry) -> bool:
    return past.seq is None and not past.beaten


def history_events(moment: EntryWithValues, now: Cells, authors: Mapping[str, Author], newest: bool) -> HistoryEvent:
    """``now`` are the contact's cells as they are: what it holds anyway needs no giving back."""
    past = moment.past
    author = authors.get(past.change_id, Author())
    lines, lost = tuple(_lines(moment, now, authors)), tuple(_lost(moment, now, authors))
    can_return = not newest and past.seq is not None and moment.after.get(EXISTS) and _differ(moment.after, now)
    return HistoryEvent(
        past.change_id,
        past.seq or past.received_at or 0,
        _title(moment),
        author.device or ("the browser" if author.user else "an unknown device"),
        author.user or "",
        lines,
        lost,
        _note(moment, lines, lost),
        past.seq if can_return else None,
    )


def _title(moment: EntryWithValues) -> str:
    past, before = moment.past, moment.past.before
    if not moment.before:
        return "Added"
    if before.get(EXISTS) is True:
        return "Deleted"
    if before.get(EXISTS) is False:
        return "Brought back"
    if past.verdict is Verdict.CONFLICT:
        return "Edit that waits for a choice" if moment.waits else "Edit that was left to a choice"
    if past.verdict is Verdict.SUPERSEDED:
        return "Deletion that lost" if past.operation == Operation.DELETE else "Edit that lost"
    return "Edited"


def _note(moment: EntryWithValues, lines: Sequence[ChangedLine], lost: Sequence[ChangedLine]) -> str:
    if moment.past.verdict is Verdict.MERGED and not lost and not any(line.note for line in lines):
        return "Met other edits that it had not seen. Both are kept."
    if not lines and not lost and moment.before and EXISTS not in moment.past.before:
        moved = any(cell.endswith("/position") for cell in moment.past.before)
        return "Only the order of details changed." if moved else "Settled a choice: the contact stayed as it was."
    return ""


def _differ(one: Cells, other: Cells) -> bool:
    return any(not same(one.get(cell), other.get(cell)) for cell in one.keys() | other.keys())


def changed_lines(before: Cells, after: Cells, cells: Sequence[str]) -> Iterator[ChangedLine]:
    """What became of these cells. An entry that comes or goes is told by its value alone."""
    for cell in sorted(cells, key=_place):
        entry = entry_of(cell)
        came_or_went = entry and not same(before.get(entry + EXISTS), after.get(entry + EXISTS))
        if cell == EXISTS or same(before.get(cell), after.get(cell)) and not cell.endswith(f"/{EXISTS}"):
            continue
        if came_or_went and cell.endswith(f"/{EXISTS}"):
            stood = bool(before.get(cell))
            value = in_words(f"{entry}value", (before if stood else after).get(f"{entry}value"))
            yield ChangedLine(cell, named(cell, before, after), value if stood else "", "" if stood else value)
        elif not (entry and cell.rpartition("/")[2] in (*SILENT, EXISTS)) and not came_or_went:
            old, new = in_words(cell, before.get(cell)), in_words(cell, after.get(cell))
            yield ChangedLine(cell, named(cell, before, after), old, new)


def _place(cell: str) -> tuple[bool, str]:
    return "/" in cell, cell


def named(cell: str, *states: Cells) -> str:
    kind = next((kind for state in states if (kind := state.get(f"{entry_of(cell)}kind"))), "")
    return label_of(cell, str(kind)) if cell != EXISTS else "Contact"


def in_words(cell: str, value: Value) -> str:
    """A value as a page shows it; empty where there is none."""
    if value is None or value is False or value == "":
        return ""
    if value is True:
        return "yes"
    if cell.endswith("/kind") and value in KINDS:
        return KINDS[str(value)].singular
    return quote_value(value, LONG)


def _lines(moment: EntryWithValues, now: Cells, authors: Mapping[str, Author]) -> Iterator[ChangedLine]:
    cells = [*(moment.past.before or ())] if moment.before else [*moment.past.data]
    for line in changed_lines(moment.before, moment.after, cells):
        had = moment.before.get(line.cell)
        can_give = line.before and not same(had, now.get(line.cell))
        yield replace(line, note=_met(moment, line.cell, authors), give="before" if can_give else "")


def _met(moment: EntryWithValues, cell: str, authors: Mapping[str, Author]) -> str:
    """What is to be said of a value that this change replaced without having seen it."""
    past, clock = moment.past, moment.wrote.get(cell)
    if clock is None or past.base is None or clock.replica == past.replica:
        return ""
    if clock.seq <= past.bases.get(cell, past.base):
        return ""
    return f"replaced the edit from {who(authors, clock.change_id)} that it had not seen: this one was later"


def _lost(moment: EntryWithValues, now: Cells, authors: Mapping[str, Author]) -> Iterator[ChangedLine]:
    states = moment.past.data, moment.after, now
    beaten = {str(one["cell"]) for one in moment.past.beaten}
    for one in moment.past.beaten:
        cell = str(one["cell"])
        if not _is_silent(cell, beaten):
            yield _loser(cell, one["value"], states, _lost_to(one, authors))
    if moment.past.verdict is Verdict.CONFLICT:
        note = "waits until someone chooses" if moment.waits else "was left to a choice, which was made since"
        for cell, value in moment.past.data.items():
            asked = cell not in moment.past.before and cell not in beaten
            if asked and not same(value, moment.after.get(cell)) and not _is_silent(cell, moment.past.data.keys()):
                yield _loser(cell, value, states, note)


def _is_silent(cell: str, others: Container[str]) -> bool:
    """Whether a cell of a detail is told with the detail's value."""
    name = cell.rpartition("/")[2]
    return "/" in cell and (name in SILENT or name == EXISTS and f"{entry_of(cell)}value" in others)


def _loser(cell: str, value: Value, states: tuple[Cells, Cells, Cells], note: str) -> ChangedLine:
    words = in_words(cell, value)
    if cell.endswith(EXISTS) and not value:
        return ChangedLine(cell, named(cell, *states), after="removal" if "/" in cell else "deletion", note=note)
    give = "after" if words and not same(value, states[2].get(cell)) else ""
    return ChangedLine(cell, named(cell, *states), after=words or "emptied", note=note, give=give)


def _lost_to(one: Mapping[str, Json], authors: Mapping[str, Author]) -> str:
    winner = who(authors, one["winner"][2])
    if str(one["cell"]).endswith(EXISTS) and one["value"] is False and one["rule"] == "merge":
        return f"lost to the edit from {winner}: an edit beats a removal"
    return f"lost to the edit from {winner}, {wording_of(str(one['rule'])).why_it_lost}"


def who(authors: Mapping[str, Author], change_id: str) -> str:
    author = authors.get(change_id, Author())
    return author.device or (f"{author.user} in the browser" if author.user else "another device")
