"""Two versions of one cell in words: what a page shows of a conflict. Pure: records and authors in, text out.

What differs between the two is marked, word by word, where they have something in common.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import NamedTuple

from offbook.contacts.card_words import params_words, property_words
from offbook.contacts.labels import KINDS
from offbook.contacts.table import CONTACTS
from offbook.core.conflicts.codec import ConflictView
from offbook.core.conflicts.resolution import Choice, choices
from offbook.core.messages import Fault
from offbook.core.model import Author, Conflict, Record, Value
from offbook.core.schema import EXISTS, Field, Type, entry_of
from web.presenters.edit_feedback import quote_value
from web.presenters.formatting import LONG_FIELDS, address_lines, format_birthday
from web.presenters.history_text import is_params
from web.presenters.record_words import A_PHOTO, PHOTO, cell_name, main_cell, map_of, photo_in, plain_text

PROPERTY = "property"
"""The kind of detail that holds what a card said and no field holds."""

WORD = re.compile(r"\w+|\s+|[^\w\s]")
LINE_LIMIT = 1000
"""What an app's field may hold more than this is typed in a box of several lines."""

WORDS_MAX = 600
"""Longer texts are compared line by line: word by word would take seconds."""


class DiffSpan(NamedTuple):
    """A stretch of a line, and whether the other version has it too."""

    text: str
    differs: bool


Line = tuple[DiffSpan, ...]


@dataclass(frozen=True, slots=True)
class DiffVersion:
    """One side. ``who`` brought it (``by`` names the person, where it was a device of another), ``button`` keeps it.

    Without lines it is empty.
    """

    choice: Choice
    who: str
    by: str
    at_us: int | None
    lines: tuple[Line, ...]
    button: str
    photo: str | None = None
    """The hash of the photo that is shown in the place of lines."""


@dataclass(frozen=True, slots=True)
class ConflictDiff:
    """A conflict as a page shows it. ``typed`` is what a third value begins with, None where none can be typed."""

    id: str
    name: str
    before: tuple[str, ...] | None
    versions: tuple[DiffVersion, DiffVersion]
    has_room_for_both: bool
    typed: str | None
    is_long: bool
    photo_before: str | None = None


def conflict_diff(view: ConflictView, record: Record, user_name: str) -> ConflictDiff:
    """A conflict as a page shows it to the user who is called ``user_name``; ``record`` is as it is now."""
    conflict, authors = view.conflict, (view.ours_by, view.theirs_by)
    names = [_author_name(author, user_name) for author in authors]
    ours, theirs = value_lines(conflict, record, conflict.ours), value_lines(conflict, record, conflict.theirs)
    people = [author.user or "" if author.device and author.user != user_name else "" for author in authors]
    times_us = [None if author.at is None else author.at * 1000 for author in authors]
    is_existence = conflict.cell.endswith(EXISTS)
    lines = (without_marks(ours), without_marks(theirs)) if is_existence else mark_differences(ours, theirs)
    buttons = _buttons(conflict, names)
    fields = record.table.fields_of(conflict.cell)
    photos = [photo_in(record.table, conflict.cell, value) for value in (conflict.ours, conflict.theirs)]
    sides = zip((Choice.OURS, Choice.THEIRS), names, people, times_us, lines, buttons, photos, strict=True)
    first, second = (DiffVersion(*side) for side in sides)
    return ConflictDiff(
        id=conflict.id,
        name=cell_title(conflict, record),
        before=None if is_existence else value_lines(conflict, record, conflict.common),
        versions=(first, second),
        has_room_for_both=Choice.BOTH in choices(conflict),
        typed=_first_text(conflict.ours) if _can_be_typed(conflict, record) else None,
        is_long=conflict.cell in LONG_FIELDS if record.table == CONTACTS else any(map(_is_long, fields)),
        photo_before=photo_in(record.table, conflict.cell, conflict.common),
    )


# --- who -----------------------------------------------------------------------------------------------------------


def _author_name(author: Author, user_name: str) -> str:
    if author.device:
        return author.device
    if author.user is None:
        return "Someone"
    return "You, in the browser" if author.user == user_name else f"{author.user}, in the browser"


def _buttons(conflict: Conflict, names: Sequence[str]) -> tuple[str, str]:
    """Both are called by their devices, by their places where these have one name."""
    if conflict.cell == EXISTS:
        keep, delete = f"Keep the {conflict.table.singular}", "Delete it"
        return (keep, delete) if conflict.ours else ("Leave it deleted", "Bring it back")
    if conflict.cell.endswith(EXISTS):
        return ("Keep it", "Remove it") if conflict.ours else ("Leave it out", "Put it back")
    if names[0] == names[1]:
        return "Keep the first", "Keep the second"
    ours, theirs = (_possessive(name) for name in names)
    return f"Keep {ours}", f"Keep {theirs}"


def _possessive(name: str) -> str:
    short = name.removesuffix(", in the browser")
    return "yours" if short == "You" else f"{short}’s"


# --- what ----------------------------------------------------------------------------------------------------------


def _entry_kind(conflict: Conflict, record: Record) -> str:
    """The kind of the entry that the cell belongs to; empty for a field."""
    return str(record.cells.get(f"{entry_of(conflict.cell)}kind") or "") if "/" in conflict.cell else ""


def cell_title(conflict: Conflict, record: Record) -> str:
    """What the cell is called; an entry's with its label."""
    if conflict.cell == EXISTS:
        return f"The {record.table.singular} itself"
    name = cell_name(record.table, conflict.cell, _entry_kind(conflict, record), is_full=True)
    in_detail = record.table == CONTACTS and "/" in conflict.cell
    label = record.cells.get(f"{entry_of(conflict.cell)}label") if in_detail else None
    if label and _entry_kind(conflict, record) == PROPERTY:
        label = _property_name(label)
    return f"{name} ({label})" if label and not conflict.cell.endswith("/label") else name


def value_lines(conflict: Conflict, record: Record, value: Value) -> tuple[str, ...]:
    """A value as people read it; nothing where it is empty."""
    if conflict.cell.endswith(EXISTS):
        return _existence_lines(conflict, record, bool(value))
    if record.table != CONTACTS:
        return tuple(plain_text(value).splitlines())
    attribute = conflict.cell.rpartition("/")[2]
    if attribute in ("label", "value") and _entry_kind(conflict, record) == PROPERTY:
        return _property_lines(conflict, record, attribute, plain_text(value))
    if isinstance(value, tuple):
        return tuple(address_lines(*(str(part or "") for part in value)))
    if value is None:
        return ()
    if is_params(conflict.cell):
        return _params_lines(conflict, str(value))
    if photo_in(record.table, conflict.cell, value):
        return (A_PHOTO.capitalize(),)
    if attribute == "starred":
        return ("Starred",) if value else ()
    if attribute == "kind":
        return (KINDS[str(value)].singular,)
    return (format_birthday(str(value)),) if attribute == "birthday" else tuple(str(value).splitlines())


def _params_lines(conflict: Conflict, value: str) -> tuple[str, ...]:
    """Parameters of a card in words; as they are stored where both versions say the same to people, or nothing."""
    sides = {params_words(side) for side in (conflict.ours, conflict.theirs)}
    words = params_words(value)
    return tuple(words.split("; ")) if words and len(sides) > 1 else (value,)


def _property_lines(conflict: Conflict, record: Record, attribute: str, value: str) -> tuple[str, ...]:
    """A property of a card in words; as it is stored where it says nothing to people."""
    if attribute == "label":
        return (_property_name(value),) if value else ()
    words = property_words(plain_text(record.cells.get(f"{entry_of(conflict.cell)}label")), value)
    return tuple((words.text if words else value).splitlines())


def _property_name(label: Value) -> str:
    words = property_words(plain_text(label), "-")
    return words.name if words else plain_text(label)


def _existence_lines(conflict: Conflict, record: Record, exists: bool) -> tuple[str, ...]:
    if conflict.cell == EXISTS:
        return tuple(_edit_lines(conflict, record)) if exists else (f"Deleted this {record.table.singular}",)
    map_ = map_of(record.table, conflict.cell)
    if not exists or map_ is None:
        return ("Removed it",)
    cell = entry_of(conflict.cell) + main_cell(map_)
    return ("Changed it:", *value_lines(replace(conflict, cell=cell), record, record.cells.get(cell)))


def _edit_lines(conflict: Conflict, record: Record) -> Iterator[str]:
    """What the version that wants the contact to be there wrote in it."""
    change_id = conflict.winner.change_id if conflict.ours else conflict.change_id
    cells = [cell for cell, clock in sorted(record.clocks.items()) if clock.change_id == change_id]
    cells = [cell for cell in cells if not cell.endswith(EXISTS)]
    yield "Changed it:" if cells else "Changed it"
    for cell in cells:
        in_cell = replace(conflict, cell=cell)
        yield f"{cell_title(in_cell, record)} {quote_lines(value_lines(in_cell, record, record.cells.get(cell)))}"


# --- a third value -------------------------------------------------------------------------------------------------


def _can_be_typed(conflict: Conflict, record: Record) -> bool:
    """Whether the cell holds one text, so that a third value can be typed."""
    attribute = conflict.cell.rpartition("/")[2]
    if record.table == CONTACTS and (conflict.cell == PHOTO or is_params(conflict.cell)):
        return False
    if "/" in conflict.cell and record.table == CONTACTS:
        return attribute == "label" or (attribute == "value" and not _has_parts(conflict, record))
    return [field.type in (Type.TEXT, Type.DATE) for field in record.table.fields_of(conflict.cell)] == [True]


def _has_parts(conflict: Conflict, record: Record) -> bool:
    values = [value for value in (conflict.ours, conflict.theirs) if isinstance(value, tuple)]
    return _entry_kind(conflict, record) == "address" or any(part for value in values for part in value[1:])


def _first_text(value: Value) -> str:
    return str((value[0] if isinstance(value, tuple) else value) or "")


def _is_long(field: Field) -> bool:
    """Whether a text of this field may be of several lines."""
    return field.type is Type.TEXT and (field.is_joinable or field.limit > LINE_LIMIT)


def describe_fault(conflict: Conflict, record: Record, fault: Fault) -> str:
    """What is wrong with a value, with the cell called as on the page."""
    if fault.field != conflict.cell:
        return fault.detail
    return f"{cell_name(record.table, conflict.cell, _entry_kind(conflict, record))} {fault.reason}"


# --- what differs --------------------------------------------------------------------------------------------------


def without_marks(lines: Sequence[str]) -> tuple[Line, ...]:
    """Each line as one span."""
    return tuple((DiffSpan(line, False),) for line in lines)


def mark_differences(ours: Sequence[str], theirs: Sequence[str]) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """Both texts with what is only in one of them marked; nothing is where they have no word in common."""
    first, second = _split_words(ours), _split_words(theirs)
    if len(first) + len(second) > WORDS_MAX:
        first, second = _split_lines(ours), _split_lines(theirs)
    blocks = SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
    if not any(word.strip() for block in blocks for word in first[block.a : block.a + block.size]):
        return without_marks(ours), without_marks(theirs)
    in_first, in_second = ([(block[side], block.size) for block in blocks] for side in (0, 1))
    return _spans(first, in_first), _spans(second, in_second)


def _split_words(lines: Sequence[str]) -> list[str]:
    return [word for line in lines for word in (*WORD.findall(line), "\n")][:-1]


def _split_lines(lines: Sequence[str]) -> list[str]:
    return [part for line in lines for part in (line, "\n")][:-1]


def _spans(words: Sequence[str], same: Sequence[tuple[int, int]]) -> tuple[Line, ...]:
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


def quote_lines(lines: Sequence[str]) -> str:
    """A value's lines as one text in quotes."""
    return quote_value(" ".join(lines)) if lines else "nothing"
