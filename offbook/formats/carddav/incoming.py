"""The bytes of a PUT -> the one card in them, read as an import reads one; or why it is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import NamedTuple

from offbook.core.errors import Malformed
from offbook.formats import messages
from offbook.formats.values import Contact, Problem
from offbook.formats.vcard.files import is_group
from offbook.formats.vcard.identity import id_of_lines, plain_uid
from offbook.formats.vcard.items import CardItem, itemize
from offbook.formats.vcard.lines import RawCard, split_cards
from offbook.formats.vcard.reading import parse_card, read_card

INCOMPLETE = frozenset({messages.LINE_TOO_LONG.code, messages.TOO_MANY_DETAILS.code, messages.UNREADABLE_LINE.code})
"""What is told of a card of which something could not be read: what is missing in it may have stood there."""


class IncomingCard(NamedTuple):
    """A card that came.

    ``contact`` is what it says as a contact of its own, in wire form: what a new record is made of. ``blobs`` are the
    bytes of its photo by their SHA-256, ``problems`` what is told of lines that could not be taken as they stand,
    ``items`` its properties, ``unreadable`` the lines that are none. ``is_whole``: all of it could be read. ``version``
    is that of vCard which it says that it is, empty where it does not.
    """

    uid: str
    contact: Contact
    blobs: Mapping[str, bytes]
    problems: Sequence[Problem]
    items: Sequence[CardItem]
    unreadable: Sequence[str]
    is_whole: bool
    version: str


def read_incoming(data: bytes) -> IncomingCard:
    """The card of a PUT's body, which has to be one card and whole. Raises Malformed: ``not_importable`` for what is no
    card or several, ``cut_off`` for half a card, ``group_card`` for one of a group, which is no contact."""
    cards = [card for card in split_cards(BytesIO(data)) if card.has_begin]
    if not cards:
        raise Malformed.of(messages.NO_CARD)
    if not all(card.has_end for card in cards):
        raise Malformed.of(messages.HALF_A_CARD)
    if len(cards) > 1:
        raise Malformed.of(messages.SEVERAL_CARDS, count=len(cards))
    return _read(cards[0])


def _read(card: RawCard) -> IncomingCard:
    unreadable: list[str] = []
    properties = parse_card(card, lambda row, text: unreadable.append(text or ""))
    if is_group(properties):
        raise Malformed.of(messages.GROUP_CARD)
    items = itemize(properties)
    read = read_card(card, id_of_lines(card), {})
    assert read.contact is not None  # every card has one
    is_whole = not card.is_cut and not any(problem.code in INCOMPLETE for problem in read.problems)
    version = next((property_.value.strip() for property_ in properties if property_.name == "VERSION"), "")
    uid = plain_uid(str(read.contact["uid"] or "")) or (read.contact["id"] if _has_uid(items) else "")
    return IncomingCard(
        uid, read.contact, read.blobs, read.problems, items, [text for text in unreadable if text], is_whole, version
    )


def _has_uid(items: Sequence[CardItem]) -> bool:
    return any(item.name == "UID" and item.value.strip() for item in items)
