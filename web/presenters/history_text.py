"""The history of a contact in words: what each change did, cell by cell, what it met and what lost. Pure."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from offbook.contacts.card_words import params_words, property_words
from offbook.contacts.labels import KINDS
from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import same
from offbook.core.history.entry import DiscardedValue, HistoryEntry, RecordHistory, WinningChange, was_deferred
from offbook.core.history.reconstruct import state_of
from offbook.core.merge.policy_wording import wording_of
from offbook.core.model import Cells, Operation, Record, Value, Verdict
from offbook.core.protocol.rows import micros_of
from offbook.core.schema import EXISTS, Table, entry_of
from web.presenters.edit_feedback import quote_value
from web.presenters.record_words import A_PHOTO, cell_name, main_cell, photo_in, plain_text

LONG = 400
SILENT = ("kind", "position")
"""Attributes of a detail that say nothing by themselves."""


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """One cell of a change: what it held, what it holds since. ``restorable`` says which of both can be restored."""

    cell: str
    label: str
    before: str = ""
    after: str = ""
    note: str = ""
    restorable: str = ""
    photo_before: str | None = None
    photo_after: str | None = None
    """The hashes of photos, of the cell that names one: pages show these."""


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One change as the page shows it.

    ``version`` is the seq that brings the contact back to what it was after it, where it is not so.
    """

    id: str
    at_us: int
    title: str
    device: str
    user: str
    lines: tuple[ChangedLine, ...]
    lost: tuple[ChangedLine, ...]
    note: str = ""
    version: int | None = None


class _ChangeInContext(NamedTuple):
    """An entry with the record's cells right before and after it, and who had written those that it replaced."""

    entry: HistoryEntry
    before: Cells
    after: Cells
    writers: Mapping[str, HistoryEntry]
    is_deferred: bool
    """Whether a person has still to choose between this change and another."""


def history_events(history: RecordHistory, record: Record, is_newest: bool) -> list[HistoryEvent]:
    """The changes of a page, the newest first; ``is_newest`` says that no change is newer than the first of them.

    What the contact holds anyway needs no restoring, and to what it is nobody has to bring it back.
    """
    current = state_of(record)
    contexts = _in_context(history)
    return [_event(context, current, is_newest and context is contexts[0]) for context in contexts]


def _in_context(history: RecordHistory) -> list[_ChangeInContext]:
    writers: dict[str, HistoryEntry] = {}
    replaced: list[Mapping[str, HistoryEntry]] = []
    for entry in reversed([*history.entries, *history.earlier]):
        replaced.append({cell: writers[cell] for cell in entry.before if cell in writers})
        writers.update(dict.fromkeys(entry.data if entry.created else entry.before, entry))
    contexts: list[_ChangeInContext] = []
    after = history.state
    for entry, wrote in zip(history.entries, reversed(replaced), strict=False):
        before: Cells = {} if entry.created else {**after, **entry.before}
        contexts.append(_ChangeInContext(entry, before, after, wrote, entry.id in history.deferred))
        after = before
    return contexts


def _event(context: _ChangeInContext, current: Cells, is_newest: bool) -> HistoryEvent:
    entry = context.entry
    lines, lost = tuple(_lines(context, current)), tuple(_lost(context, current))
    can_return = (
        not is_newest and entry.seq is not None and context.after.get(EXISTS) and _differ(context.after, current)
    )
    return HistoryEvent(
        entry.id,
        micros_of(entry.at),
        _title(context),
        entry.device or ("the browser" if entry.user else "an unknown device"),
        entry.user or "",
        lines,
        lost,
        _note(context, lines, lost),
        entry.seq if can_return else None,
    )


def _title(context: _ChangeInContext) -> str:
    entry, before = context.entry, context.entry.before
    if not context.before:
        return "Added"
    if before.get(EXISTS) is True:
        return "Deleted"
    if before.get(EXISTS) is False:
        return "Brought back"
    if entry.verdict is Verdict.CONFLICT:
        return "Edit that waits for a choice" if context.is_deferred else "Edit that was left to a choice"
    if entry.verdict is Verdict.SUPERSEDED:
        return "Deletion that lost" if entry.operation is Operation.DELETE else "Edit that lost"
    return "Edited"


def _note(context: _ChangeInContext, lines: Sequence[ChangedLine], lost: Sequence[ChangedLine]) -> str:
    if context.entry.verdict is Verdict.MERGED and not lost and not any(line.note for line in lines):
        return "Met other edits that it had not seen. Both are kept."
    if not lines and not lost and context.before and EXISTS not in context.entry.before:
        is_reordered = any(cell.endswith("/position") for cell in context.entry.before)
        return (
            "Only the order of details changed." if is_reordered else "Settled a choice: the contact stayed as it was."
        )
    return ""


def _differ(before: Cells, after: Cells) -> bool:
    return any(not same(before.get(cell), after.get(cell)) for cell in before.keys() | after.keys())


def changed_lines(table: Table, before: Cells, after: Cells, cells: Sequence[str]) -> Iterator[ChangedLine]:
    """What became of these cells of a record. Of an entry that comes or goes, only its value is shown."""
    for cell in sorted(cells, key=lambda cell: ("/" in cell, cell)):
        entry = entry_of(cell)
        came_or_went = entry and not same(before.get(entry + EXISTS), after.get(entry + EXISTS))
        if cell == EXISTS or same(before.get(cell), after.get(cell)) and not cell.endswith(f"/{EXISTS}"):
            continue
        if came_or_went and cell.endswith(f"/{EXISTS}"):
            stood = bool(before.get(cell))
            state = before if stood else after
            shown = entry + main_cell(table.maps_by_name[entry.split("/")[0]])
            value = _format_value(table, shown, state.get(shown))
            if table == CONTACTS and state.get(f"{entry}kind") == "property":
                value = _format_property(entry, state)
                if not value:
                    continue
            yield ChangedLine(cell, _label(table, cell, before, after), value if stood else "", "" if stood else value)
        elif not _says_nothing(table, cell) and not came_or_went:
            old, new = _format_value(table, cell, before.get(cell)), _format_value(table, cell, after.get(cell))
            if old == new and is_params(cell):
                continue
            photos = (photo_in(table, cell, before.get(cell)), photo_in(table, cell, after.get(cell)))
            label = _label(table, cell, before, after)
            yield ChangedLine(cell, label, old, new, photo_before=photos[0], photo_after=photos[1])


def _says_nothing(table: Table, cell: str) -> bool:
    """Whether it is a cell of an entry that says nothing by itself."""
    name = cell.rpartition("/")[2]
    return "/" in cell and (name == EXISTS or table == CONTACTS and name in SILENT)


def _format_property(entry: str, state: Cells) -> str:
    """A property from a card, in words; empty where it says nothing to people."""
    words = property_words(plain_text(state.get(f"{entry}label")), plain_text(state.get(f"{entry}value")))
    return quote_value(f"{words.name}: {words.text}", LONG) if words else ""


def is_params(cell: str) -> bool:
    """Whether a cell holds what a card says of a phone and the like."""
    return cell.endswith(("/params", "_params"))


def _label(table: Table, cell: str, *states: Cells) -> str:
    """What a cell is called, by the kind that its entry has in one of these states."""
    kind = next((kind for state in states if (kind := state.get(f"{entry_of(cell)}kind"))), "")
    return cell_name(table, cell, str(kind))


def _format_value(table: Table, cell: str, value: Value) -> str:
    """A value as a page shows it; empty where there is none."""
    if value is None or value is False or value == "":
        return ""
    if value is True:
        return "yes"
    if photo_in(table, cell, value):
        return A_PHOTO
    if table == CONTACTS and is_params(cell):
        return params_words(value)
    if table == CONTACTS and cell.endswith("/kind") and value in KINDS:
        return KINDS[str(value)].singular
    return quote_value(value, LONG)


def _lines(context: _ChangeInContext, current: Cells) -> Iterator[ChangedLine]:
    cells = [*(context.entry.before if context.before else context.entry.data)]
    for line in changed_lines(CONTACTS, context.before, context.after, cells):
        is_restorable = line.before and not same(context.before.get(line.cell), current.get(line.cell))
        yield replace(line, note=_replaced_unseen(context, line.cell), restorable="before" if is_restorable else "")


def _replaced_unseen(context: _ChangeInContext, cell: str) -> str:
    """What is to be said of a value that this change replaced without having seen it."""
    entry, writer, base = context.entry, context.writers.get(cell), context.entry.base_of(cell)
    if writer is None or entry.base is None or base is None or writer.replica == entry.replica:
        return ""
    if (writer.seq or 0) <= base:
        return ""
    return f"replaced the edit from {who(writer)} that it had not seen: this one was later"


def _lost(context: _ChangeInContext, current: Cells) -> Iterator[ChangedLine]:
    entry, states = context.entry, (context.entry.data, context.after, current)
    cells = {discarded.cell for discarded in entry.beaten}
    for discarded in entry.beaten:
        if not _is_shown_with_value(discarded.cell, cells):
            yield _lost_line(discarded.cell, discarded.value, states, _lost_to(discarded))
    note = "waits until someone chooses" if context.is_deferred else "was left to a choice, which was made since"
    for cell, value in entry.data.items():
        is_lost = was_deferred(entry, cell) and not same(value, context.after.get(cell))
        if is_lost and not _is_shown_with_value(cell, entry.data.keys()):
            yield _lost_line(cell, value, states, note)


def _is_shown_with_value(cell: str, others: Container[str]) -> bool:
    """Whether a cell of a detail needs no line beside that of the detail's value."""
    name = cell.rpartition("/")[2]
    return "/" in cell and (name in SILENT or name == EXISTS and f"{entry_of(cell)}value" in others)


def _lost_line(cell: str, value: Value, states: tuple[Cells, Cells, Cells], note: str) -> ChangedLine:
    text = _format_value(CONTACTS, cell, value)
    if cell.endswith(EXISTS) and not value:
        return ChangedLine(
            cell, _label(CONTACTS, cell, *states), after="removal" if "/" in cell else "deletion", note=note
        )
    restorable = "after" if text and not same(value, states[2].get(cell)) else ""
    photo, label = photo_in(CONTACTS, cell, value), _label(CONTACTS, cell, *states)
    return ChangedLine(cell, label, after=text or "emptied", note=note, restorable=restorable, photo_after=photo)


def _lost_to(discarded: DiscardedValue) -> str:
    winner = who(discarded.winner)
    if discarded.cell.endswith(EXISTS) and discarded.value is False and discarded.rule == "merge":
        return f"lost to the edit from {winner}: an edit beats a removal"
    return f"lost to the edit from {winner}, {wording_of(discarded.rule, CONTACTS.singular).why_it_lost}"


def who(change: HistoryEntry | WinningChange) -> str:
    """The device that made a change, or whose browser it was, as far as that is known."""
    return change.device or (f"{change.user} in the browser" if change.user else "another device")
