"""What programs say each in their own way, said in one way: the properties of a card become items.

A label is a TYPE, a property of Apple's in the same group or a parameter of Android's; a preference is PREF or a TYPE;
an address as it is printed is a parameter or a property beside it. Reading a card and comparing two both begin here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from offbook.formats.vcard.properties import (
    COUNTRY_CODE,
    DROPPED,
    FIELDS,
    GROUP,
    GROUP_LABEL,
    KINDS,
    MESSENGERS,
    NAME,
    OWN_LABELS,
    PREFERRED_TYPE,
    label_of_types,
    read_apple_label,
    without,
)
from offbook.formats.vcard.syntax import Params, Property, parse_line, unescape

OF_PROGRAMS = frozenset({"X-ANDROID-CUSTOM", "X-ADDRESSBOOKSERVER-KIND", "X-ABSHOWAS"})
ANDROID_LABEL = re.compile(r"X-CUSTOM\(CHARSET=([\w-]+),ENCODING=QUOTED-PRINTABLE,(.*)\)", re.IGNORECASE)
ANDROID_EVENTS = ("", "Anniversary", "Other", "Birthday")
ANDROID_RELATIONS = (
    *("", "Assistant", "Brother", "Child", "Domestic Partner", "Father", "Friend", "Manager", "Mother", "Parent"),
    *("Partner", "Referred by", "Relative", "Sister", "Spouse"),
)


TEXTS = frozenset({*FIELDS, "FN", "NOTE", "BDAY", "KIND", "UID", "PHOTO"})
LISTS = frozenset({"N", "ORG", "NICKNAME", "CATEGORIES"})
"""Fields, of a text or of several, that say nothing where they are empty."""
KNOWN = frozenset(KINDS) | TEXTS | LISTS

CACHED_MAX = 100
"""The characters of a label with which a header is remembered: labels are few, and a long one is nobody's habit."""


class CardItem(NamedTuple):
    """A property as offbook sees it. ``kind`` is the kind of detail that it is, empty where it is none; ``printed`` an
    address as it is printed."""

    name: str
    value: str
    params: Params
    row: int
    kind: str = ""
    label: str = ""
    is_preferred: bool = False
    printed: str = ""


make_item = partial(tuple.__new__, CardItem)
"""CardItem(...) would call a function of Python, for each property of a file."""


class Labelled(NamedTuple):
    """What a header says of a detail."""

    kind: str
    label: str
    is_preferred: bool
    params: Params


def itemize(properties: Iterable[Property]) -> list[CardItem]:
    """The items of a card, without what is about the card alone."""
    kept = [
        _standard(property_) if property_.name in OF_PROGRAMS else property_
        for property_ in properties
        if property_.name not in DROPPED and (property_.name in KNOWN or property_.name[:12] != "X-EVOLUTION-")
        if property_.value.strip(" ;,") or not _says_nothing(property_)
    ]
    if [property_ for property_ in kept if property_.name == "LABEL"]:
        kept = _with_printed_addresses(kept)
    labels: dict[int, str] = {}
    if [property_ for property_ in kept if property_.group]:
        kept, labels = _without_groups_of_labels(kept)
    return [_item(property_, labels.get(index, "")) for index, property_ in enumerate(kept)]


def _says_nothing(property_: Property) -> bool:
    return property_.name in LISTS or (property_.name in TEXTS and not property_.value.strip())


def _item(property_: Property, label: str) -> CardItem:
    name, value, params, group, row = property_
    if name not in KINDS:
        return make_item((name, value, ((GROUP, (group,)), *params) if group else params, row, "", "", False, ""))
    printed = ""
    if name == "ADR" and params and (values := dict(params).get("LABEL")) is not None:
        printed, params = (*values, "")[0], without(params, "LABEL")
    read_header = _labelled if len(label) <= CACHED_MAX else _labelled.__wrapped__
    kind, label, is_preferred, others = read_header(name, params, group, label)
    return make_item((name, value, others, row, kind, label, is_preferred, printed))


@lru_cache(maxsize=4096)
def _labelled(name: str, params: Params, group: str, label: str) -> Labelled:
    kind, is_preferred = KINDS[name], False
    types: tuple[str, ...] = ()
    others: list[tuple[str, tuple[str, ...]]] = []
    for param, values in params:
        if param == "TYPE":
            is_preferred = is_preferred or PREFERRED_TYPE in values
            types = tuple(type_ for type_ in values if type_ != PREFERRED_TYPE)
        elif param == "PREF" and values == ("1",):
            is_preferred = True
        elif param != "VALUE":
            others.append((param, values))
    custom = next((type_ for type_ in types if type_.startswith("X-CUSTOM(")), "")
    if not label and (match := ANDROID_LABEL.fullmatch(custom)):
        types = tuple(type_ for type_ in types if type_ != custom)
        line = parse_line(f"X;CHARSET={match[1]};ENCODING=QUOTED-PRINTABLE:{match[2]}", 0)
        label = unescape(line.value) if line else ""
    if not label:
        label, types = label_of_types(kind, types)
    if types:
        others.append(("TYPE", types))
    if name in MESSENGERS:
        others.append((NAME, (name,)))
    if group:
        others.append((GROUP, (group,)))
    return Labelled(kind, label or OWN_LABELS.get(name, ""), is_preferred, tuple(others))


# --- properties of some programs -------------------------------------------------------------------------------------


def _standard(property_: Property) -> Property:
    """A property that says what a standard one says, as that one."""
    if property_.name == "X-ANDROID-CUSTOM":
        return _of_android(property_)
    if property_.name == "X-ADDRESSBOOKSERVER-KIND":
        return property_._replace(name="KIND")
    if property_.name == "X-ABSHOWAS" and property_.value.upper() == "COMPANY":
        return property_._replace(name="KIND", value="org")
    return property_


def _of_android(property_: Property) -> Property:
    """X-ANDROID-CUSTOM:vnd.android.cursor.item/nickname;Anni;1 is NICKNAME:Anni (VCardBuilder of Android)."""
    mime, *texts = property_.value.split(";")
    value, number, label = (*texts, "", "", "")[:3]
    if any(texts[3:]) or property_.group or not value:
        return property_
    match mime.rpartition("/")[2]:
        case "nickname":
            return property_._replace(name="NICKNAME", value=value)
        case "contact_event":
            label = _android_label(ANDROID_EVENTS, number, label)
            if label == "Birthday":
                return property_._replace(name="BDAY", value=value)
            return property_._replace(name="X-ABDATE", value=value, params=_android_params(label))
        case "relation":
            label = _android_label(ANDROID_RELATIONS, number, label)
            return property_._replace(name="X-ABRELATEDNAMES", value=value, params=_android_params(label))
        case _:
            return property_


def _android_label(labels: Sequence[str], number: str, label: str) -> str:
    index = int(number) if re.fullmatch("[0-9]{1,2}", number) else 0
    return labels[index] if 0 < index < len(labels) else label


def _android_params(label: str) -> Params:
    return (("TYPE", (f"X-CUSTOM(CHARSET=UTF-8,ENCODING=QUOTED-PRINTABLE,{_quoted(label)})",)),) if label else ()


def _quoted(text: str) -> str:
    return "".join(f"={byte:02X}" for byte in text.encode())


# --- what belongs together -------------------------------------------------------------------------------------------


def _with_printed_addresses(properties: list[Property]) -> list[Property]:
    """LABEL is an address as it is printed (RFC 2426, section 3.2.2): it joins the ADR of its group, else the first of
    its types that has none; without any, it is an address by itself. 4.0 has it as a parameter of ADR (section 6.3.1).
    """
    addresses: dict[object, list[int]] = defaultdict(list)
    joined = list(properties)
    for index, property_ in enumerate(properties):
        if property_.name == "ADR" and not any(name == "LABEL" for name, _ in property_.params):
            addresses[_place(property_)].append(index)
    for places in addresses.values():
        places.reverse()  # so that pop() gives the first
    for index, property_ in enumerate(properties):
        if property_.name == "LABEL" and property_.value:
            params = (("LABEL", (unescape(property_.value),)),)
            if indexes := addresses.get(_place(property_)):
                address = indexes.pop()
                joined[address] = joined[address]._replace(params=(*joined[address].params, *params))
                joined[index] = property_._replace(name="")
            else:
                joined[index] = property_._replace(name="ADR", value="", params=(*property_.params, *params))
    return [property_ for property_ in joined if property_.name]


def _place(property_: Property) -> object:
    if property_.group:
        return property_.group
    types = next((values for name, values in property_.params if name == "TYPE"), ())
    return frozenset(types) - {PREFERRED_TYPE}


class _Group(NamedTuple):
    """What a group says of its details: ``label`` and ``code``, None where these stay properties of their own.
    ``keeps`` are the members that stay a group, by identity: none, where it was there for the label alone."""

    label: str | None = None
    code: str | None = None
    keeps: frozenset[int] = frozenset()


def _without_groups_of_labels(properties: list[Property]) -> tuple[list[Property], dict[int, str]]:
    """The properties without the labels of Apple's X-ABLabel, and each of these by the place of the property that it is
    the label of.

    A group joins a detail with what has no place in a contact, and nothing else: a label is one of all details of the
    group, and of these only the first stays in it.
    """
    members: dict[str, list[Property]] = defaultdict(list)
    for property_ in properties:
        if property_.group:
            members[property_.group.lower()].append(property_)
    groups = {name: _group(group) for name, group in members.items()}
    kept: list[Property] = []
    labels: dict[int, str] = {}
    for property_ in properties:
        if not property_.group:
            kept.append(property_)
            continue
        name, value, params, group_name, row = property_
        group = groups[group_name.lower()]
        if (name == GROUP_LABEL and group.label is not None) or (name == COUNTRY_CODE and group.code is not None):
            continue
        if name == "ADR" and group.code is not None:
            params = (*params, (COUNTRY_CODE, (group.code,)))
        if group.label and name in KINDS:
            labels[len(kept)] = group.label
        kept.append(Property(name, value, params, group_name if id(property_) in group.keeps else "", row))
    return kept, labels


def _group(members: list[Property]) -> _Group:
    if len(members) == 2 and members[0].name in KINDS and not members[1].params:  # as nearly all are
        (kind, _, params, _, _), (name, value, *_) = members
        if name == GROUP_LABEL:
            return _Group(read_apple_label(unescape(value)))
        if name == COUNTRY_CODE and kind == "ADR" and value and COUNTRY_CODE not in dict(params):
            return _Group(None, unescape(value))
    details = [member for member in members if member.name in KINDS]
    others = [member for member in members if member.name not in KINDS]
    label, code = None, None
    if details:
        label = _only(others, GROUP_LABEL)
        others = [member for member in others if label is None or member.name != GROUP_LABEL]
    if addresses := [member for member in details if member.name == "ADR"]:
        has_code = any(name == COUNTRY_CODE for member in addresses for name, _ in member.params)
        code = None if has_code else _only(others, COUNTRY_CODE)
        others = [member for member in others if code is None or member.name != COUNTRY_CODE]
    has_labels = any(member.name == GROUP_LABEL for member in others)  # that no detail may take for its own
    kept = [*others, *details[: not has_labels]] if others else []
    keeps = frozenset(map(id, kept)) if len(kept) > 1 else frozenset[int]()
    return _Group(None if label is None else read_apple_label(label), code, keeps)


def _only(members: list[Property], name: str) -> str | None:
    """The text of the one property of this name; None where there are several, or it says more than a text."""
    values = [member for member in members if member.name == name]
    if len(values) != 1 or without(values[0].params, "VALUE"):
        return None
    return unescape(values[0].value) or None
