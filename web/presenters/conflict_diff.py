"""Two versions of one cell in words: what a page shows of a conflict. Pure: records and authors in, text out.

What differs between the two is marked, word by word, where they have something in common.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import NamedTuple

from offbook.contacts.labels import KINDS, label_of, name_of_cell
from offbook.core.conflicts.bulk import CustomValue
from offbook.core.conflicts.codec import ConflictView
from offbook.core.conflicts.resolution import Choice, choices
from offbook.core.messages import Fault
from offbook.core.model import Author, Conflict, Record, Value
from offbook.core.schema import CONTACTS, EXISTS, Type, entry_of
from web.presenters.edit_feedback import quote_value
from web.presenters.formatting import LONG_FIELDS, VALUE_PARTS, address_lines, format_birthday

WORD = re.compile(r"\w+|\s+|[^\w\s]")
WORDS_MAX = 600
"""Longer texts are compared line by line: word by word would take seconds."""


class DiffSpan(NamedTuple):
    """A stretch of a line, and whether the other version has it too."""

    text: str
    differs: bool


Line = tuple[DiffSpan, ...]


@dataclass(frozen=True, slots=True)
class DiffVersion:
    """One side. ``who`` brought it (``by`` names the person, where it was a device of another), ``at`` is when in
    microseconds, ``button`` keeps it. Without lines it is empty."""

    choice: Choice
    who: str
    by: str
    at: int | None
    lines: tuple[Line, ...]
    button: str


@dataclass(frozen=True, slots=True)
class ConflictDiff:
    """A conflict as a page shows it. ``typed`` is what a third value begins with, None where none can be typed."""

    id: str
    cell: str
    name: str
    before: tuple[str, ...] | None
    versions: tuple[DiffVersion, DiffVersion]
    both: bool
    typed: str | None
    long: bool


def conflict_diff(view: ConflictView, record: Record, me: str) -> ConflictDiff:
    """A conflict as a page shows it to the user whose name is ``me``; ``record`` is as it is now."""
    conflict, authors = view.conflict, (view.ours_by, view.theirs_by)
    names = [_name(author, me) for author in authors]
    ours, theirs = lines_of(conflict, record, conflict.ours), lines_of(conflict, record, conflict.theirs)
    people = [author.user or "" if author.device and author.user != me else "" for author in authors]
    at = [None if author.at is None else author.at * 1000 for author in authors]
    buttons = _buttons(conflict, names)
    marked = compared(ours, theirs) if not conflict.cell.endswith(EXISTS) else (plain(ours), plain(theirs))
    sides = zip((Choice.OURS, Choice.THEIRS), names, people, at, marked, buttons, strict=True)
    first, second = (DiffVersion(*side) for side in sides)
    can_type = is_text(conflict, record)
    return ConflictDiff(
        id=conflict.id,
        cell=conflict.cell,
        name=title(conflict, record),
        before=None if conflict.cell.endswith(EXISTS) else lines_of(conflict, record, conflict.common),
        versions=(first, second),
        both=Choice.BOTH in choices(conflict),
        typed=text_of(conflict.ours) if can_type else None,
        long=conflict.cell in LONG_FIELDS,
    )


# --- who -----------------------------------------------------------------------------------------------------------


def _name(author: Author, me: str) -> str:
    if author.device:
        return author.device
    if author.user is None:
        return "Someone"
    return "You, in the browser" if author.user == me else f"{author.user}, in the browser"


def _buttons(conflict: Conflict, names: Sequence[str]) -> tuple[str, str]:
    """Both are called by their devices, by their places where these have one name."""
    if conflict.cell == EXISTS:
        keep, delete = "Keep the contact", "Delete it"
        return (keep, delete) if conflict.ours else ("Leave it deleted", "Bring it back")
    if conflict.cell.endswith(EXISTS):
        return ("Keep it", "Remove it") if conflict.ours else ("Leave it out", "Put it back")
    if names[0] == names[1]:
        return "Keep the first", "Keep the second"
    one, other = (_possessive(name) for name in names)
    return f"Keep {one}", f"Keep {other}"


def _possessive(name: str) -> str:
    short = name.removesuffix(", in the browser")
    return "yours" if short == "You" else f"{short}’s"


# --- what ----------------------------------------------------------------------------------------------------------


def kind_of(conflict: Conflict, record: Record) -> str:
    return str(record.cells.get(f"{entry_of(conflict.cell)}kind") or "") if "/" in conflict.cell else ""


def title(conflict: Conflict, record: Record) -> str:
    """What the cell is called; an entry's with its label."""
    if conflict.cell == EXISTS:
        return "The contact itself"
    name = name_of_cell(conflict.cell, kind_of(conflict, record))
    label = record.cells.get(f"{entry_of(conflict.cell)}label") if "/" in conflict.cell else None
    return f"{name} ({label})" if label and not conflict.cell.endswith("/label") else name


def lines_of(conflict: Conflict, record: Record, value: Value) -> tuple[str, ...]:
    """A value as people read it; nothing where it is empty."""
    if conflict.cell.endswith(EXISTS):
        return _existence(conflict, record, bool(value))
    attribute = conflict.cell.rpartition("/")[2]
    if isinstance(value, tuple):
        return tuple(address_lines(*(str(part or "") for part in value)))
    if value is None:
        return ()
    if attribute == "starred":
        return ("Starred",) if value else ()
    if attribute == "kind":
        return (KINDS[str(value)].singular,)
    return (format_birthday(str(value)),) if attribute == "birthday" else tuple(str(value).splitlines())


def _existence(conflict: Conflict, record: Record, exists: bool) -> tuple[str, ...]:
    if conflict.cell == EXISTS:
        return tuple(_edits(conflict, record)) if exists else ("Deleted this contact",)
    if not exists:
        return ("Removed it",)
    entry = entry_of(conflict.cell)
    value = record.cells.get(f"{entry}value")
    return ("Changed it:", *lines_of(replace(conflict, cell=f"{entry}value"), record, value))


def _edits(conflict: Conflict, record: Record) -> Iterator[str]:
    """What the version that wants the contact to be there wrote in it."""
    mine = conflict.winner.change_id if conflict.ours else conflict.change_id
    cells = [
        cell for cell in sorted(record.clocks) if record.clocks[cell].change_id == mine and not cell.endswith(EXISTS)
    ]
    yield "Changed it:" if cells else "Changed it"
    for cell in cells:
        here = replace(conflict, cell=cell)
        yield f"{title(here, record)} {quoted(lines_of(here, record, record.cells.get(cell)))}"


# --- a third value -------------------------------------------------------------------------------------------------


def is_text(conflict: Conflict, record: Record) -> bool:
    attribute = conflict.cell.rpartition("/")[2]
    if "/" in conflict.cell:
        return attribute == "label" or (attribute == "value" and not _has_parts(conflict, record))
    return conflict.cell in CONTACTS.by_name and CONTACTS.by_name[conflict.cell].type in (Type.TEXT, Type.DATE)


def _has_parts(conflict: Conflict, record: Record) -> bool:
    values = [value for value in (conflict.ours, conflict.theirs) if isinstance(value, tuple)]
    return kind_of(conflict, record) == "address" or any(part for value in values for part in value[1:])


def text_of(value: Value) -> str:
    return str((value[0] if isinstance(value, tuple) else value) or "")


def custom_value_field(cell: str, text: str) -> CustomValue:
    """What was typed, as the cell holds it: a detail's value has room for an address beside it."""
    text = re.sub(r"\r\n?", "\n", text).strip()
    return CustomValue((text, *[None] * (len(VALUE_PARTS) - 1)) if cell.endswith("/value") else text)


def describe_fault(conflict: Conflict, record: Record, fault: Fault) -> str:
    """What is wrong with a value, with the cell called as on the page."""
    if fault.field != conflict.cell:
        return fault.detail
    return f"{label_of(conflict.cell, kind_of(conflict, record))} {fault.reason}"


# --- what differs --------------------------------------------------------------------------------------------------


def plain(lines: Sequence[str]) -> tuple[Line, ...]:
    return tuple((DiffSpan(line, False),) for line in lines)


def compared(ours: Sequence[str], theirs: Sequence[str]) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Both texts with what is only in one of them marked; nothing is where they have no word in common."""
    one, other = _words(ours), _words(theirs)
    if len(one) + len(other) > WORDS_MAX:
        one, other = _whole(ours), _whole(theirs)
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    if not any(word.strip() for block in blocks for word in one[block.a : block.a + block.size]):
        return plain(ours), plain(theirs)
    same = [(block.a, block.b, block.size) for block in blocks]
    return _marked(one, [(a, size) for a, _, size in same]), _marked(other, [(b, size) for _, b, size in same])


def _words(lines: Sequence[str]) -> list[str]:
    return [word for line in lines for word in (*WORD.findall(line), "\n")][:-1]


def _whole(lines: Sequence[str]) -> list[str]:
    return [part for line in lines for part in (line, "\n")][:-1]


def _marked(words: Sequence[str], same: Sequence[tuple[int, int]]) -> tuple[Line, ...]:
    shared = {place for start, size in same for place in range(start, start + size)}
    shared -= {place for place in shared if words[place].isspace() and not {place - 1, place + 1} & shared}
    lines: list[list[DiffSpan]] = [[]]
    for place, word in enumerate(words):
        if word == "\n":
            lines.append([])
        elif lines[-1] and lines[-1][-1].differs == (place not in shared):
            lines[-1][-1] = DiffSpan(lines[-1][-1].text + word, place not in shared)
        else:
            lines[-1].append(DiffSpan(word, place not in shared))
    return tuple(tuple(line) for line in lines)


def quoted(lines: Sequence[str]) -> str:
    return quote_value(" ".join(lines)) if lines else "nothing"
