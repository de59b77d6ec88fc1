"""Why a cell has its value, in sentences: who wrote it, what its writer had seen, what it replaced, what it won over.

From the history as values, the newest change first. How a time is put into words is an argument: a device says it in
its own zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from offbook.core.history.entry import HistoryEntry, WinningChange, was_deferred, written
from offbook.core.merge.policy_wording import wording_of
from offbook.core.model import Value
from offbook.core.protocol.rows import iso_micros
from offbook.core.schema import EXISTS

When = Callable[[str], str]


class ExplainedEdit(NamedTuple):
    """What this device did to the cell and has not sent yet."""

    at: str
    value: Value


class CompetingWrite(NamedTuple):
    """A version of the cell that waits for a person, and who brought it."""

    value: Value
    user: str | None
    device: str | None


def explain_cell(
    cell: str,
    history: Sequence[HistoryEntry],
    edits: Iterable[ExplainedEdit],
    rivals: Iterable[CompetingWrite],
    when: When,
) -> list[str]:
    """The sentences about one cell, what is newest first."""
    told = [
        f"This device changed it to {quote_value(cell, one.value)} at {when(one.at)}; that is not sent yet."
        for one in edits
    ]
    told += _from_history(cell, history, when)
    told += [f"{quote_value(cell, one.value)} from {who(one)} waits for a person to decide." for one in rivals]
    return told


def _from_history(cell: str, history: Sequence[HistoryEntry], when: When) -> Iterator[str]:
    writers = [past for past in history if past.seq is not None and cell in written(past)]
    if not writers:
        yield "The server's history does not tell who wrote it."
        return
    writer, *earlier = writers
    yield _wrote(cell, writer, when)
    if earlier:
        yield from _why(cell, writer, earlier[0], history, when)
    yield from _beaten_by(cell, writer, history, when)


def _wrote(cell: str, writer: HistoryEntry, when: When) -> str:
    value, at = quote_value(cell, written(writer)[cell]), when(writer.timestamp or writer.at)
    if writer.created:
        return f"{who(writer)} added the contact with {value} at {at}."
    return f"{who(writer)} changed it from {quote_value(cell, writer.before[cell])} to {value} at {at}."


def _why(
    cell: str, writer: HistoryEntry, before: HistoryEntry, history: Sequence[HistoryEntry], when: When
) -> Iterator[str]:
    """Why it stands over what it replaced: chosen, seen, or not seen and still the winner."""
    choices = [past for past in history if was_deferred(past, cell) and _between(past, before, writer)]
    yield from (
        f"A person has decided between that and {quote_value(cell, past.data[cell])} from {who(past)}."
        for past in choices
    )
    base = writer.base_of(cell)
    if base is None:
        return
    theirs = f"{quote_value(cell, written(before)[cell])} from {who(before)} ({when(before.timestamp or before.at)})"
    if before.replica == writer.replica:
        yield "The same device had written what it replaced: it counts whatever the clocks say."
    elif (before.seq or 0) <= base:
        seen = when(iso_micros(base))
        yield f"Its writer had seen the contact as of {seen}, and so {theirs}: it counts whatever the clocks say."
    else:
        yield f"Its writer had not seen {theirs}: {_reason(cell, writer, before)}."


def _between(past: HistoryEntry, before: HistoryEntry, writer: HistoryEntry) -> bool:
    return (before.seq or 0) < (past.seq or 0) < (writer.seq or 0)


def _reason(cell: str, writer: HistoryEntry, before: HistoryEntry) -> str:
    """The rule that let a change win over what it had not seen; which policy the book had is not told of a winner."""
    if cell.endswith(EXISTS):
        return "an edit beats a deletion that it had not seen"
    if writer.timestamp == before.timestamp:
        return "both have the same time, and then the larger id wins"
    return "its time is the later one"


def _beaten_by(cell: str, writer: HistoryEntry, history: Sequence[HistoryEntry], when: When) -> Iterator[str]:
    for past in history:
        for lost in past.beaten:
            if lost.cell == cell and lost.winner.change_id == writer.id:
                theirs = f"{quote_value(cell, lost.value)} from {who(past)} ({when(past.timestamp or past.at)})"
                yield f"It won over {theirs}, which had not seen it: {_rule(cell, lost.rule)}."


def _rule(cell: str, rule: str) -> str:
    if cell.endswith(EXISTS) and rule == "merge":
        return "an edit beats a deletion that it had not seen"
    return wording_of(rule).why_it_won


# --- words ---------------------------------------------------------------------------------------------------------


def who(one: HistoryEntry | WinningChange | CompetingWrite) -> str:
    """A device and its user, as far as they are known."""
    if one.device and one.user:
        return f"{one.device} ({one.user})"
    return one.device or one.user or "somebody"


def quote_value(cell: str, value: Value) -> str:
    """A value in a sentence."""
    if cell.endswith(EXISTS):
        return "“there”" if value else "“deleted”"
    if isinstance(value, tuple):
        return f"“{', '.join(str(part) for part in value if part is not None)}”"
    return "nothing" if value is None else f"“{value}”"
