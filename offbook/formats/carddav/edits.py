"""What a card that came back changes, cell by cell: a pure function of the card and of what its device was served.

A line is an edit only where it differs from every version that was served, so that a program that sends a whole old
card with a new line changes one cell. What is missing is removed where each version has it; what only few programs
carry (a property without a place in a contact, a parameter) only where this device has sent it before. Nothing is
removed where nothing is known any more of a version, or where the card could not be read whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from offbook.core.errors import Conflicting
from offbook.core.text import fold_key
from offbook.formats import messages
from offbook.formats.carddav.cells import DETAILS, NO_EDIT, CardCells, LineEdit
from offbook.formats.carddav.incoming import IncomingCard
from offbook.formats.carddav.lines import (
    LABEL_MARK,
    PREF_MARK,
    PRINTED,
    CardLine,
    ServedVersion,
    lines_of_card,
    lines_of_version,
    mark_of_line,
    mark_of_param,
    sent_marks,
)
from offbook.formats.carddav.matching import Matches, Pair, match_lines
from offbook.formats.values import Problem
from offbook.formats.vcard.identity import member_key
from offbook.formats.vcard.properties import COUNTRY_CODE, read_apple_label
from offbook.formats.vcard.syntax import unescape

NEVER_REMOVED = frozenset({"FN", "N", "UID"})
"""A contact has a name and an identity, whatever a card says."""

OF_PROGRAMS = frozenset({"X-KIND", "X-ABUID", "X-IMAGETYPE", "X-IMAGEHASH", "X-SHARED-PHOTO-DISPLAY-PREF"})
"""What khard and Apple's programs add to every card for themselves."""


class CardEdits(NamedTuple):
    """What a card that came back changes of its contact.

    ``data`` are the cells of one UPDATE, as a change's ``data`` has them: fields, and details by their keys, of each
    the attributes that change, None for one that is removed. Empty: nothing was edited. ``blobs`` are the bytes of a
    new photo by their SHA-256, ``problems`` what is told of lines that could not be taken as they stand. ``sent`` is to
    be kept for the device and this contact, and given with its next card.
    """

    data: Mapping[str, Any]
    blobs: Mapping[str, bytes]
    problems: Sequence[Problem]
    sent: frozenset[str]


def edits_of(
    card: IncomingCard,
    versions: Sequence[ServedVersion | None],
    sent_before: Collection[str],
    new_key: Callable[[], str],
) -> CardEdits:
    """What a card changes of the contact whose ``versions`` this device was served.

    The first version is the one that the change has as its base: that of If-Match, or else the confirmed one. The
    others are what the device was offered since, and what it has sent itself. None stands for a version of which
    nothing is known any more; one at least is known, for which whoever calls may take the contact as it is now.
    ``sent_before`` is what this device has sent of the contact (CardEdits.sent of its last card), ``new_key`` makes
    keys of new details.

    Raises Conflicting with the code ``uid_changed`` for the card of somebody else.
    """
    known = _distinct([version for version in versions if version is not None])
    are_all = None not in versions
    _check_uid(card, known)
    photo = next(iter(card.blobs), "")
    served = [lines_of_version(version, photo) for version in known]
    incoming = lines_of_card(card.items, served)
    incoming = _without_remarks(incoming, [line for lines in served for line in lines])
    matches = match_lines(incoming, served)
    removes = card.is_whole and are_all
    sent = frozenset(sent_before)
    cells = CardCells([version.contact for version in known], are_all, new_key)
    _write(cells, matches, sent if removes else frozenset(), removes)
    for text in card.unreadable:
        cells.add_unreadable(text)
    blobs = {sha256: data for sha256, data in card.blobs.items() if cells.fields.get("photo") == sha256}
    still_there = sent and sent & sent_marks(line for lines in served for line in lines)
    return CardEdits(cells.data(), blobs, [*card.problems, *_left_out(cells)], sent_marks(incoming) | still_there)


def _left_out(cells: CardCells) -> Iterator[Problem]:
    if cells.left_out:
        limit = DETAILS.entries_max
        yield Problem(0, "", messages.TOO_MANY_DETAILS.fault(count=limit + cells.left_out, limit=limit))


def sent_with(card: IncomingCard) -> frozenset[str]:
    """What is to be kept of a card that a record is made of, as CardEdits.sent is."""
    return sent_marks(lines_of_card(card.items, ()))


def _distinct(versions: Sequence[ServedVersion]) -> list[ServedVersion]:
    """The versions, each once."""
    return [version for index, version in enumerate(versions) if version not in versions[:index]]


def _check_uid(card: IncomingCard, known: Sequence[ServedVersion]) -> None:
    stored = [str(version.contact.get("uid") or version.contact["id"]) for version in known]
    if card.uid and member_key(card.uid) not in map(member_key, stored):
        raise Conflicting.of(messages.UID_CHANGED, sent=card.uid[:80], stored=stored[0][:80])


def _write(cells: CardCells, matches: Matches, sent: frozenset[str], removes: bool) -> None:
    """Write what was edited and added, and what is missing where that ``removes`` it."""
    newly_preferred = _newly_preferred(matches)
    moved = {matches.pairs[index].line.family for index in newly_preferred}
    for index, pair in enumerate(matches.pairs):
        if pair.present:
            edit = _edit(pair, index in newly_preferred, moved, sent)
            if edit != NO_EDIT:
                cells.edit(pair.line, pair.present, edit)
    for states in matches.missing:
        present = [state for state in states if state is not None]
        if removes and len(present) == len(states) and _may_remove(cells, present, sent):
            cells.remove(present)
    for pair in matches.pairs:
        if not pair.present and pair.line.family != "UID":
            cells.add(pair.line)


def _may_remove(cells: CardCells, present: Sequence[CardLine], sent: frozenset[str]) -> bool:
    if present[0].family in NEVER_REMOVED:
        return False
    is_rare = present[0].is_rare or cells.is_property(present[0])
    return not is_rare or any(mark_of_line(state) in sent for state in present)


# --- a line that was served ------------------------------------------------------------------------------------------


def _edit(pair: Pair, is_newly_preferred: bool, moved: Collection[str], sent: frozenset[str]) -> LineEdit:
    """What differs in a line from every version. ``moved`` are the families of which another line is preferred now."""
    line, present = pair.line, pair.present

    def was_sent(name: str) -> bool:
        return any(name in state.all_params and mark_of_param(state, name) in sent for state in present)

    label = line.label if line.label not in [state.label for state in present] else None
    if label == "" and not was_sent(LABEL_MARK):
        label = None
    is_preferred = True if is_newly_preferred else None
    if not line.is_preferred and all(state.is_preferred for state in present):
        is_preferred = False if line.family in moved or was_sent(PREF_MARK) else None
    names = dict.fromkeys([*line.params, *(name for state in present for name in state.params)])
    differing = [name for name in names if line.params.get(name) not in [state.params.get(name) for state in present]]
    return LineEdit(
        value=line.value not in [state.value for state in present],
        label=label,
        is_preferred=is_preferred,
        params_set=[
            name
            for name in differing
            if name in line.params and (name != COUNTRY_CODE or any(name in state.params for state in present))
        ],
        params_removed=[name for name in differing if name not in line.params and was_sent(name)],
    )


def _newly_preferred(matches: Matches) -> set[int]:
    """Which lines are preferred and were not. The first of its kind says nothing by that, where none was of those that
    are still there: it comes first anyway, and Apple's programs write it so."""
    families = {state.family for pair in matches.pairs for state in pair.present if state.is_preferred}
    seen: set[str] = set()
    newly: set[int] = set()
    for index, pair in enumerate(matches.pairs):
        family = pair.line.family
        is_new = pair.line.is_preferred and not any(state.is_preferred for state in pair.present)
        if is_new and pair.present and (family in families or family in seen):
            newly.add(index)
        seen.add(family)
    return newly


# --- what a program says by itself -----------------------------------------------------------------------------------


def _without_remarks(incoming: Sequence[CardLine], served: Sequence[CardLine]) -> list[CardLine]:
    """The lines that came, but for new ones that say nothing of the contact: what a program adds for itself, and what
    is left of a group that it took apart, as khard does."""
    known = {line.exactly for line in served}
    labels = {fold_key(line.label) for line in served if line.label}
    codes = {code for line in served for code in line.params.get(COUNTRY_CODE, ())}
    printed = {text for line in served if PRINTED in line.params and any(line.value) for text in line.params[PRINTED]}

    def is_remark(line: CardLine) -> bool:
        match line.family:
            case family if family in OF_PROGRAMS:
                return True
            case "X-ABLABEL":
                return fold_key(read_apple_label(unescape(line.item.value))) in labels
            case "X-ABADR":
                return unescape(line.item.value).casefold() in codes
            case "address":
                return not any(line.value) and line.params.get(PRINTED, frozenset()) <= printed
            case _:
                return False

    return [line for line in incoming if line.exactly in known or not is_remark(line)]
