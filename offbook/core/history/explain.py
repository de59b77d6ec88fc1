"""Why a cell has its value, in sentences: who wrote it, what its writer had seen, what it replaced, what it won over.

From the history as values, the newest change first. How a time is formatted is an argument: a device does it in its
own zone.
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
"""Formats a time that is ISO text."""


class ExplainedEdit(NamedTuple):
    """What this device did to the cell and has not sent yet; ``at`` is ISO text."""

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
    competing_writes: Iterable[CompetingWrite],
    when: When,
    singular: str = "record",
) -> list[str]:
    """The sentences about one cell, what is newest first. ``singular`` is what people call a record of the table."""
    sentences = [
        f"This device changed it to {quote_value(cell, edit.value)} at {when(edit.at)}; that is not sent yet."
        for edit in edits
    ]
    sentences += _from_history(cell, history, when, singular)
    sentences += [
        f"{quote_value(cell, write.value)} from {who(write)} waits for a person to decide."
        for write in competing_writes
    ]
    return sentences


def _from_history(cell: str, history: Sequence[HistoryEntry], when: When, singular: str) -> Iterator[str]:
    writers = [entry for entry in history if entry.seq is not None and cell in written(entry)]
    if not writers:
        yield "The server's history does not tell who wrote it."
        return
    writer, *earlier = writers
    value, at = quote_value(cell, written(writer)[cell]), when(writer.timestamp or writer.at)
    if writer.created:
        yield f"{who(writer)} added the {singular} with {value} at {at}."
    else:
        yield f"{who(writer)} changed it from {quote_value(cell, writer.before[cell])} to {value} at {at}."
    if earlier:
        yield from _why_it_replaced(cell, writer, earlier[0], history, when, singular)
    yield from _what_it_won_over(cell, writer, history, when, singular)


def _why_it_replaced(
    cell: str, writer: HistoryEntry, former: HistoryEntry, history: Sequence[HistoryEntry], when: When, singular: str
) -> Iterator[str]:
    """Why it stands over what ``former`` wrote: chosen, seen, or not seen and still the winner."""
    for entry in history:
        if was_deferred(entry, cell) and (former.seq or 0) < (entry.seq or 0) < (writer.seq or 0):
            yield f"A person has decided between that and {quote_value(cell, entry.data[cell])} from {who(entry)}."
    base = writer.base_of(cell)
    if base is None:
        return
    theirs = f"{quote_value(cell, written(former)[cell])} from {who(former)} ({when(former.timestamp or former.at)})"
    if former.replica == writer.replica:
        yield "The same device had written what it replaced: it counts whatever the clocks say."
    elif (former.seq or 0) <= base:
        seen = when(iso_micros(base))
        yield f"Its writer had seen the {singular} as of {seen}, and so {theirs}: it counts whatever the clocks say."
    else:
        yield f"Its writer had not seen {theirs}: {_why_it_won(cell, writer, former)}."


def _why_it_won(cell: str, writer: HistoryEntry, former: HistoryEntry) -> str:
    """Why a change won over what it had not seen; which policy the book had, its entry does not say."""
    if cell.endswith(EXISTS):
        return "an edit beats a deletion that it had not seen"
    if writer.timestamp == former.timestamp:
        return "both have the same time, and then the larger id wins"
    return "its time is the later one"


def _what_it_won_over(
    cell: str, writer: HistoryEntry, history: Sequence[HistoryEntry], when: When, singular: str
) -> Iterator[str]:
    for entry in history:
        for discarded in entry.beaten:
            if discarded.cell == cell and discarded.winner.change_id == writer.id:
                at = when(entry.timestamp or entry.at)
                theirs = f"{quote_value(cell, discarded.value)} from {who(entry)} ({at})"
                yield f"It won over {theirs}, which had not seen it: {_policy_wording(cell, discarded.rule, singular)}."


def _policy_wording(cell: str, policy: str, singular: str) -> str:
    if cell.endswith(EXISTS) and policy == "merge":
        return "an edit beats a deletion that it had not seen"
    return wording_of(policy, singular).why_it_won


# --- words ---------------------------------------------------------------------------------------------------------


def who(author: HistoryEntry | WinningChange | CompetingWrite) -> str:
    """A device and its user, as far as they are known."""
    if author.device and author.user:
        return f"{author.device} ({author.user})"
    return author.device or author.user or "somebody"


def quote_value(cell: str, value: Value) -> str:
    """A value in a sentence."""
    if cell.endswith(EXISTS):
        return "“there”" if value else "“deleted”"
    if isinstance(value, tuple):
        return f"“{', '.join(str(part) for part in value if part is not None)}”"
    return "nothing" if value is None else f"“{value}”"
