"""What a card says, to compare cards by: equal for two that say the same in another order, spelling or version.

What makes no difference: the order of properties, the case of names, groups' names, folding, encodings, escapes that
are not needed; VERSION, REV, PRODID and what Evolution notes for itself; VALUE where the property has a place in a
contact; an empty property of that sort. A label is the same as a TYPE, as Apple's X-ABLabel and as Android's X-CUSTOM;
ANNIVERSARY the same as X-ABDATE with that label, RELATED as X-ABRELATEDNAMES, LABEL as the parameter of ADR, KIND as
Apple's properties for it; bytes the same in base64 as in a data: URI. NOTEs are joined by a line break, NICKNAMEs and
the units of ORG by their separator. Cards of groups are CATEGORIES of their members. A card without FN or UID has those
that reading gives it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, BinaryIO

from offbook.formats.vcard import binary
from offbook.formats.vcard.dates import OMIT_YEAR, parse_date
from offbook.formats.vcard.files import is_group, read_groups
from offbook.formats.vcard.identity import id_of_lines, member_key, plain_uid
from offbook.formats.vcard.items import CardItem, itemize
from offbook.formats.vcard.lines import RawCard, split_cards
from offbook.formats.vcard.properties import (
    ADDRESS_PARTS,
    CONTACT_CATEGORIES,
    FIELDS,
    GROUP,
    NAME_PARTS,
    STARRED_CATEGORIES,
    without,
)
from offbook.formats.vcard.reading import SEVERAL, join, parse_card, read_card
from offbook.formats.vcard.syntax import Params, split, unescape, unescape_uri

SAID_ONCE = frozenset({"CATEGORIES", "KIND", "X-STARRED"})
"""What makes no difference when it is said again."""

Statement = tuple[Any, ...]
Canonical = frozenset[tuple[Statement, int]]
"""The statements of a card, each with how often it is there."""


def canonical_file(file: BinaryIO) -> Counter[Canonical]:
    """What the cards of a file say."""
    file.seek(0)
    groups = read_groups(split_cards(file))
    file.seek(0)
    cards = (card for card in split_cards(file) if card.has_begin and card.row not in groups.rows)
    return Counter(canonical(card, groups.labels) for card in cards)


def canonical(card: RawCard, groups: Mapping[str, Sequence[str]]) -> Canonical:
    """What a card says. ``groups`` are the names of the group cards of each member, by its member_key()."""
    properties = parse_card(card)
    assert not is_group(properties)
    items = itemize(properties)
    uid = next((item.value for item in items if item.name == "UID"), "")
    named = [CardItem("CATEGORIES", name.replace(",", "\\,"), (), 0) for name in groups.get(member_key(uid), ())]
    statements = [*_joined(items), *(line for item in [*items, *named] for line in statements_of(item))]
    contact = read_card(card, id_of_lines(card), groups).contact or {}
    says = {statement[0] for statement in statements}
    statements += [("FN", contact["name"], frozenset())] * ("FN" not in says)
    statements += [("UID", contact["id"], frozenset())] * ("UID" not in says)
    return _by_groups(statements)


def _by_groups(statements: Iterable[Statement]) -> Canonical:
    """The statements, those of one group as one; each label and kind once."""
    alone: Counter[Statement] = Counter()
    grouped: defaultdict[str, Counter[Statement]] = defaultdict(Counter)
    once: set[Statement] = set()
    for statement in statements:
        if statement[0] in SAID_ONCE and statement in once:
            continue
        once.add(statement)
        *rest, params = statement
        group = next((values for name, values in params if name == GROUP), None)
        if group is None:
            alone[statement] += 1
        else:
            bare = (*rest, frozenset(param for param in params if param[0] != GROUP))
            grouped["".join(group).lower()][bare] += 1
    groups: Counter[Statement] = Counter()
    for members in grouped.values():
        if members.total() > 1:
            groups["group", frozenset(members.items())] += 1
        else:
            alone += members
    return frozenset([*alone.items(), *groups.items()])


def _joined(items: Iterable[CardItem]) -> list[Statement]:
    """The NOTEs and NICKNAMEs without parameters, as one each."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for item in items:
        if item.name in SEVERAL and not without(item.params, "VALUE") and (text := text_of(item)):
            texts[item.name].append(text)
    return [(name, SEVERAL[name][1].join(parts), frozenset()) for name, parts in texts.items()]


def text_of(item: CardItem) -> str:
    """The text of a NOTE or of NICKNAMEs. A comma parts these, escaped or not: Evolution escapes it."""
    text = unescape(item.value)
    return join([part.strip() for part in text.split(",")], ", ") if item.name == "NICKNAME" else text


def statements_of(item: CardItem) -> list[Statement]:
    """What an item says; nothing where it is empty."""
    params = without(item.params, "VALUE")
    if item.kind:
        value, kept = _value_of_detail(item)
        says = bool(any(value) or item.label or item.is_preferred or kept)
        return [(item.kind, item.label, item.is_preferred, value, _folded(kept))] if says else []
    match item.name:
        case "NOTE" | "NICKNAME":
            text = text_of(item) if params else ""
            return [(item.name, text, _folded(params))] if text else []
        case "N":
            parts = _filled(split(item.value, ";"), len(NAME_PARTS))
            return [("N", parts, _folded(params))] if any(parts) else []
        case "ORG":
            company, *units = split(item.value, ";")
            names = (company, join(units, "; ") if any(units) else "")
            return [("ORG", names, _folded(params))] if any(names) else []
        case "BDAY":
            day = parse_date(item.value, "".join(dict(params).get(OMIT_YEAR, ())))
            if day is not None:
                return [("BDAY", (day.day, day.time.replace(":", "")), _folded(without(params, OMIT_YEAR)))]
            return [("BDAY", item.value, _folded(params))] if item.value.strip() else []
        case "PHOTO" if photo := binary.embedded(item.value, item.params):
            digest = sha256(binary.decode(photo.base64) or photo.base64.encode()).hexdigest()
            return [("PHOTO", digest, _folded(without(params, *binary.BYTES_PARAMS)))]
        case "CATEGORIES":
            return _labels(item, params)
        case "KIND":
            return [("KIND", item.value.strip().lower(), _folded(params))] if item.value.strip() else []
        case "UID":
            uid = plain_uid(unescape_uri(item.value).strip())
            return [("UID", uid, _folded(params))] if uid else []
        case "FN":
            return [("FN", unescape(item.value), _folded(params))] if item.value.strip() else []
        case name if name in FIELDS:
            return [(name, unescape(item.value), _folded(params))] if item.value else []
        case name:
            text, kept = binary.as_uri(name, item.value, item.params)
            return [(name, text, _folded(kept))]


def _value_of_detail(item: CardItem) -> tuple[tuple[str, ...], Params]:
    match item.kind:
        case "address":
            return (*_filled(split(item.value, ";"), len(ADDRESS_PARTS)), item.printed), item.params
        case "phone":
            return (unescape(item.value[4:] if item.value[:4].lower() == "tel:" else item.value),), item.params
        case "url" | "im":
            return (unescape_uri(item.value),), item.params
        case "date":
            day = parse_date(item.value, "".join(dict(item.params).get(OMIT_YEAR, ())))
            if day is not None and not day.time:
                return (day.day,), without(item.params, OMIT_YEAR)
        case _:
            pass
    return (unescape(item.value),), item.params


def _filled(texts: list[str], count: int) -> tuple[str, ...]:
    """The components, as many as there are places for at least, and no empty ones behind these."""
    while len(texts) > count and not texts[-1]:
        texts.pop()
    return (*texts, *[""] * (count - len(texts)))


def _labels(item: CardItem, params: Params) -> list[Statement]:
    statements: list[Statement] = []
    for text in split(item.value, ","):
        name = text.strip()
        if name in STARRED_CATEGORIES:
            statements.append(("X-STARRED", "1", frozenset()))
        elif name and name not in CONTACT_CATEGORIES:
            statements.append(("CATEGORIES", name, _folded(params)))
    return statements


def _folded(params: Params) -> frozenset[tuple[str, frozenset[str]]]:
    return frozenset((name, frozenset(values)) for name, values in params)
