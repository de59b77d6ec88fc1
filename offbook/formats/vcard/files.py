"""A file of cards -> its contacts, one at a time; and what is no such file.

A file is read twice: first whether it is one and whole, then its cards, so that nothing of half a file is taken. Group
cards are no contacts: they give their members a label, wherever they stand.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

from offbook.core.errors import Malformed
from offbook.formats import messages
from offbook.formats.other_files import HEAD, refuse_other_files
from offbook.formats.values import ContactRead, Problem
from offbook.formats.vcard.identity import id_of_lines, member_key
from offbook.formats.vcard.lines import RawCard, split_cards, text_chunks
from offbook.formats.vcard.reading import parse_card, read_card
from offbook.formats.vcard.syntax import Property, unescape

BEGIN, END = b"BEGIN:VCARD", b"END:VCARD"
GROUP = re.compile(rb"KIND(?:;[^:\r\n]{0,100})?:[ \t]*GROUP")
OVERLAP = 120
"""How far a mark may reach from one chunk into the next."""


def recognizes(head: bytes) -> bool:
    """Whether a file that begins so is one of cards."""
    return BEGIN in head.replace(b"\0", b"").upper()


def read(file: BinaryIO) -> Iterator[ContactRead]:
    """The contacts of a file that can be read from its beginning again. Raises Malformed before the first of them where
    the file has none, or is cut off."""
    file.seek(0)
    groups = Groups({}, frozenset(), [])
    if _look_over(file):
        file.seek(0)
        groups = read_groups(split_cards(file))
    yield from groups.problems
    file.seek(0)
    contents: dict[str, str] = {}  # id_of_lines() of the contacts above, by their ids
    for card in split_cards(file):
        if not card.has_begin:
            yield ContactRead(card.row, None, (Problem(card.row, "", messages.OUTSIDE.fault()),))
        elif card.row not in groups.rows:
            content = id_of_lines(card)
            item = _with_own_id(read_card(card, content, groups.labels), content, contents)
            if item.contact and item.contact["id"] not in contents:
                contents[item.contact["id"]] = content
                yield item


def _with_own_id(read: ContactRead, content: str, contents: Mapping[str, str]) -> ContactRead:
    """The contact of a card. One with a UID from above that says something else than the card there is a contact of its
    own, so that nothing of it is lost.

    ``content`` is its id_of_lines(), and ``contents`` are those of the contacts above by their ids.
    """
    if read.contact is None or contents.get(read.contact["id"], content) == content:
        return read
    problem = Problem(read.row, "UID", messages.SAME_UID.fault())
    return read._replace(contact={**read.contact, "id": content, "uid": None}, problems=(*read.problems, problem))


def _look_over(file: BinaryIO) -> bool:
    """Whether a file may have group cards. Raises Malformed where it is none of cards, or is cut off."""
    refuse_other_files(file.read(HEAD))
    file.seek(0)
    last = {BEGIN: -1, END: -1}
    has_groups, is_blank, overlap, position = False, True, b"", 0
    for chunk in text_chunks(file):
        text = overlap + chunk.upper()
        is_blank = is_blank and not text.strip()
        has_groups = has_groups or bool(GROUP.search(text))
        for mark in last:
            if (index := text.rfind(mark)) >= 0:
                last[mark] = position + index
        overlap = text[-OVERLAP:]
        position += len(text) - len(overlap)
    if is_blank:
        raise Malformed.of(messages.NOTHING)
    if last[BEGIN] < 0:
        raise Malformed.of(messages.NOT_VCARD)
    if last[END] < last[BEGIN]:
        raise Malformed.of(messages.CUT_IN_CARD)
    return has_groups


# --- group cards -----------------------------------------------------------------------------------------------------


class Groups(NamedTuple):
    """The names of the groups of each member, by its UID; the rows of the group cards, and what is told about them."""

    labels: Mapping[str, Sequence[str]]
    rows: frozenset[int]
    problems: list[ContactRead]


def read_groups(cards: Iterable[RawCard]) -> Groups:
    """The group cards of a file."""
    labels: dict[str, list[str]] = defaultdict(list)
    uids: set[str] = set()
    groups: dict[int, tuple[str, list[str]]] = {}
    for card in cards:
        properties = parse_card(card)
        if card.has_begin and is_group(properties):
            groups[card.row] = name, members = group_members(properties)
            for member in members:
                labels[member].append(name)
        else:
            uids |= {member_key(property_.value) for property_ in properties if property_.name == "UID"}
    problems = [
        ContactRead(row, None, (Problem(row, "MEMBER", messages.UNKNOWN_MEMBERS.fault(name=name, count=count)),))
        for row, (name, members) in groups.items()
        if (count := sum(member not in uids for member in members))
    ]
    return Groups(labels, frozenset(groups), problems)


def is_group(properties: Iterable[Property]) -> bool:
    """Whether a card is one of a group: RFC 6350, section 6.1.4; in 3.0, Apple has a property of its own for it."""
    names = ("KIND", "X-ADDRESSBOOKSERVER-KIND")
    return any(property_.name in names and property_.value.strip().lower() == "group" for property_ in properties)


def group_members(properties: Iterable[Property]) -> tuple[str, list[str]]:
    """The name of a group and the keys of its members."""
    names = ("MEMBER", "X-ADDRESSBOOKSERVER-MEMBER")
    name = next((unescape(property_.value) for property_ in properties if property_.name == "FN"), "")
    return name, [member_key(property_.value) for property_ in properties if property_.name in names]
