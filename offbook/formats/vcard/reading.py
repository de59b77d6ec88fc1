"""The items of a card -> a contact in wire form.

Nothing of a card is lost: what has no field of its own is a detail of the kind ``property``, with its value as it came.
The parameters of a field (a LANGUAGE of N) are such a detail as well, one without a value. What no detail can hold is
told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from offbook.contacts.table import CONTACTS, LABELS
from offbook.core.messages import Argument, Message
from offbook.formats import messages
from offbook.formats.values import Contact, ContactRead, Problem
from offbook.formats.vcard import binary
from offbook.formats.vcard.dates import OMIT_YEAR, parse_date
from offbook.formats.vcard.identity import id_of_uid, member_key, shown_name
from offbook.formats.vcard.items import CardItem, itemize
from offbook.formats.vcard.lines import LINE_MAX, LINES_MAX, RawCard
from offbook.formats.vcard.params import dump_params
from offbook.formats.vcard.properties import (
    ADDRESS_PARTS,
    COLUMNS,
    CONTACT_CATEGORIES,
    FIELDS,
    MORE,
    NAME_PARTS,
    STARRED_CATEGORIES,
    TIME,
    without,
)
from offbook.formats.vcard.syntax import Params, Property, parse_line, split, unescape, unescape_uri

UNREADABLE = "unreadable"
"""The label of what is no property: a custom detail that is not written again."""

DETAILS = CONTACTS.maps_by_name["details"]
FIELD_LIMITS = {field.name: field.limit for field in CONTACTS.fields}
LABEL_LIMIT = LABELS.by_name["name"].limit
LIMITS = {attribute.name: attribute.limit for attribute in DETAILS.attributes}
COLUMN_LIMITS = {kind: tuple(FIELD_LIMITS[name] for name in names) for kind, names in COLUMNS.items()}
PREFERRED = ("PREF", ("1",))
NOTHING: Mapping[str, Any] = {field.name: None for field in CONTACTS.fields} | {"starred": False}

SEVERAL = {"NOTE": ("notes", "\n"), "NICKNAME": ("nickname", ", ")}
"""Fields in which all texts of a card stand, and by what they are joined."""


def read_card(card: RawCard, content: str, groups: Mapping[str, Sequence[str]]) -> ContactRead:
    """The contact of a card. ``content`` is its id_of_lines(), its id where it has no UID; ``groups`` are the names of
    the group cards of each member, by its member_key()."""
    draft = _Draft()
    draft.take(itemize(parse_card(card, draft.tell_line)))
    if card.is_cut:
        draft.tell(card.row, "", messages.TOO_MANY_LINES, limit=LINES_MAX)
    if not card.has_end:
        draft.tell(card.row, "", messages.NO_END)
    for name in groups.get(member_key(draft.fields.get("uid") or ""), ()):
        draft.add_label(card.row, name, ())
    return ContactRead(card.row, draft.finished(card.row, content), tuple(draft.problems), draft.blobs)


class ItemRead(NamedTuple):
    """What one item of a card is in a contact: fields, or details; and what is told about it."""

    fields: Mapping[str, Any]
    entries: Sequence[Mapping[str, Any]]
    problems: Sequence[Problem]


def read_item(item: CardItem, is_first: bool) -> ItemRead:
    """What an item is in a contact. ``is_first``: what it says is none of the contact's own fields yet."""
    draft = _Draft()
    if is_first or item.kind:
        draft.columns |= set() if is_first else set(COLUMNS)
        draft.take([item])
    else:
        draft.keep(item)
    return ItemRead(draft.fields, draft.entries, draft.problems)


def parse_card(card: RawCard, tell_line: Callable[[int, str | None], None] = lambda row, text: None) -> list[Property]:
    """The properties of a card; what is none is given to ``tell_line``."""
    properties = []
    for row, text in card.lines:
        property_ = None if text is None else parse_line(text, row)
        if property_ is not None:
            properties.append(property_)
        else:
            tell_line(row, text)
    return properties


class _Draft:
    """A contact while its card is read."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.entries: list[dict[str, Any]] = []
        self.problems: list[Problem] = []
        self.blobs: dict[str, bytes] = {}
        self.labels: set[tuple[str, Params]] = set()
        self.columns: set[str] = set()

    def tell(self, row: int, column: str, message: Message, **arguments: Argument) -> None:
        self.problems.append(Problem(row, column, message.fault(**arguments)))

    def tell_line(self, row: int, text: str | None) -> None:
        """Tell of a line that is no property (None: it was too long), and keep it."""
        if text is None:
            self.tell(row, "", messages.LINE_TOO_LONG, limit=LINE_MAX >> 20)
        else:
            self.tell(row, "", messages.UNREADABLE_LINE)
            self.add(row, {"kind": "custom", "label": UNREADABLE, "value": text})

    def take(self, items: Sequence[CardItem]) -> None:
        several = [item.name for item in items if item.name in SEVERAL and item.value]
        for item in items:
            if item.kind:
                self._take_detail(item)
            elif item.name in FIELDS:
                self._take_text(item, FIELDS[item.name])
            elif item.name in SEVERAL:
                self._take_several(item, several.count(item.name))
            elif item.name in TAKERS:
                if not TAKERS[item.name](self, item):
                    self.keep(item)
            else:
                self.keep(item)

    def keep(self, item: CardItem) -> None:
        """Keep a property as it is; one that is bytes in the form of 4.0."""
        value, params = binary.as_uri(item.name, item.value, item.params)
        entry: dict[str, Any] = {"kind": "property", "label": item.name, "value": value}
        if params:
            entry["params"] = dump_params(params)
        self.add(item.row, entry)

    def hold(self, item: CardItem, params: Params) -> None:
        """Keep the parameters of a property that is a field; that of a VALUE is none of these."""
        if params and (params := without(params, "VALUE")):
            self.add(item.row, {"kind": "property", "label": item.name, "params": dump_params(params)})

    def add(self, row: int, entry: Mapping[str, Any]) -> None:
        """Add a detail, without what is empty or too long for it."""
        filled = {}
        for name, value in entry.items():
            if not value:
                continue
            if value is not True and len(value) > LIMITS[name]:
                column = entry.get("label") or entry["kind"]
                self.tell(row, column, messages.VALUE_TOO_LONG, name=column, length=len(value), limit=LIMITS[name])
            else:
                filled[name] = value
        if len(filled) > 1:
            self.entries.append(filled)

    def add_label(self, row: int, name: str, params: Params) -> None:
        """Add a label of the contact, once."""
        if name in STARRED_CATEGORIES:
            self.fields["starred"] = True
        elif len(name) > LABEL_LIMIT:
            where = "CATEGORIES"
            self.tell(row, where, messages.VALUE_TOO_LONG, name=where, length=len(name), limit=LABEL_LIMIT)
        elif name and name not in CONTACT_CATEGORIES and (name, params) not in self.labels:
            self.labels.add((name, params))
            entry = {"kind": "group", "value": name}
            self.add(row, {**entry, "params": dump_params(params)} if params else entry)

    def _take_detail(self, item: CardItem) -> None:
        entry: dict[str, Any] = {"kind": item.kind, "label": item.label}
        params = item.params
        if item.kind == "address":
            parts = split(item.value, ";")
            entry |= zip(ADDRESS_PARTS, parts, strict=False)
            entry["value"] = item.printed
            if any(parts[len(ADDRESS_PARTS) :]):
                params = (*params, (MORE, tuple(parts[len(ADDRESS_PARTS) :])))
        elif item.kind == "date":
            entry["value"], params = _date_text(item)
        elif item.kind == "phone":
            entry["value"] = unescape(item.value[4:] if item.value[:4].lower() == "tel:" else item.value)
        elif item.kind in ("url", "im"):
            entry["value"] = unescape_uri(item.value)
        else:
            entry["value"] = unescape(item.value)
        if item.kind in COLUMNS and item.kind not in self.columns:
            if self._take_column(item, entry, params):
                return
            self.columns.add(item.kind)
        if item.is_preferred:
            entry["pref"] = True
        if params:
            entry["params"] = dump_params(params)
        self.add(item.row, entry)

    def _take_column(self, item: CardItem, entry: Mapping[str, Any], params: Params) -> bool:
        """Take the first of a kind into the contact's own fields; false where it says nothing, or has no room there."""
        kind, value, label, of_params = item.kind, entry["value"], item.label, ""
        if params or item.is_preferred:
            of_params = dump_params((PREFERRED, *params) if item.is_preferred else params)
        value_limit, label_limit, params_limit = COLUMN_LIMITS[kind]
        if len(value) > value_limit or len(label) > label_limit or len(of_params) > params_limit:
            return False
        if value or label or of_params:
            self.columns.add(kind)
            fields, names = self.fields, COLUMNS[kind]
            fields[names[0]], fields[names[1]], fields[names[2]] = value or None, label or None, of_params or None
        return True

    def _take_text(self, item: CardItem, field: str) -> None:
        text = unescape(item.value)
        if not self._set(field, text):
            self.keep(item)
        elif text:
            self.hold(item, item.params)

    def _set(self, field: str, text: str) -> bool:
        """Set a field; false where it has a value, or no room for this one. An empty text says nothing."""
        if text and (field in self.fields or len(text) > FIELD_LIMITS[field]):
            return False
        if text:
            self.fields[field] = text
        return True

    def _take_several(self, item: CardItem, count: int) -> None:
        """NOTE and NICKNAME. One that has parameters is not mixed with others."""
        field, separator = SEVERAL[item.name]
        params = without(item.params, "VALUE")
        text = join(split(item.value, ","), ", ") if item.name == "NICKNAME" else unescape(item.value)
        if params and count > 1:
            self.keep(item)
            return
        joined = separator.join(filter(None, (self.fields.get(field), text)))
        if len(joined) > FIELD_LIMITS[field]:
            self.keep(item)
        elif text:
            self.fields[field] = joined
            self.hold(item, params)

    def take_name(self, item: CardItem) -> bool:
        """FN."""
        if item.value.strip():
            self._take_text(item, "name")
        return True

    def take_parts(self, item: CardItem) -> bool:
        """N."""
        texts = split(item.value, ";")
        parts = {field: text for field, text in zip(NAME_PARTS, texts, strict=False) if text}
        if not self.fields.keys().isdisjoint(NAME_PARTS) and any(texts):
            return False
        if any(len(text) > FIELD_LIMITS[field] for field, text in parts.items()):
            return False
        rest = texts[len(NAME_PARTS) :]
        if any(texts) and not parts:
            return False
        self.fields |= parts
        if parts:
            self.hold(item, (*item.params, (MORE, tuple(rest))) if any(rest) else item.params)
        return True

    def take_organization(self, item: CardItem) -> bool:
        """ORG: the company and its units."""
        company, *units = split(item.value, ";")
        department = join(units, "; ") if any(units) else ""
        if not (company or department):
            return True
        if any(self.fields.get(field) for field in ("company", "department")):
            return False
        if len(company) > FIELD_LIMITS["company"] or len(department) > FIELD_LIMITS["department"]:
            return False
        self.fields |= {"company": company or None, "department": department or None}
        self.hold(item, item.params)
        return True

    def take_birthday(self, item: CardItem) -> bool:
        """BDAY. What is no whole date, as one in words, stays as it is."""
        if not item.value.strip():
            return True
        by_name = dict(item.params)
        day = parse_date(item.value, "".join(by_name.get(OMIT_YEAR, ())))
        if day is None or "birthday" in self.fields:
            return False
        self.fields["birthday"] = day.day
        params = without(item.params, OMIT_YEAR)
        self.hold(item, (*params, (TIME, (day.time.replace(":", ""),))) if day.time else params)
        return True

    def take_photo(self, item: CardItem) -> bool:
        """PHOTO, where the card has its bytes. One that is elsewhere is not fetched."""
        photo = binary.embedded(item.value, item.params)
        data = binary.decode(photo.base64) if photo else None
        if data is None or "photo" in self.fields:
            return not item.value
        digest = sha256(data).hexdigest()
        self.fields["photo"] = digest
        self.blobs[digest] = data
        self.hold(item, without(item.params, *binary.BYTES_PARAMS))
        return True

    def take_categories(self, item: CardItem) -> bool:
        """CATEGORIES: names between commas that are not escaped (RFC 6350, section 6.7.1)."""
        for name in split(item.value, ","):
            self.add_label(item.row, name.strip(), without(item.params, "VALUE"))
        return True

    def take_kind(self, item: CardItem) -> bool:
        """KIND: a person or an organization (RFC 6350, section 6.1.4)."""
        kind = {"individual": "person", "org": "organization", "": ""}.get(item.value.strip().lower())
        if kind is None or without(item.params, "VALUE") or self.fields.get("kind", kind) != kind:
            return False
        if kind:
            self.fields["kind"] = kind
        return True

    def take_uid(self, item: CardItem) -> bool:
        """UID. What is a UUID is the contact's id; any other stays beside it."""
        uid = unescape_uri(item.value).strip()
        if not self._set("uid", uid):
            return False
        if uid:
            self.hold(item, item.params)
        return True

    def take_star(self, item: CardItem) -> bool:
        """X-STARRED, offbook's own."""
        if item.value != "1" or item.params:
            return False
        self.fields["starred"] = True
        return True

    def finished(self, row: int, content: str) -> Contact:
        """The contact: the first of each kind in its fields, the others as details."""
        counts = dict.fromkeys(COLUMNS, 1)
        details: dict[str, dict[str, Any]] = {}
        for entry in self.entries:
            kind = entry["kind"]
            counts[kind] = number = counts.get(kind, 0) + 1
            details[f"{kind}-{number}"] = {**entry, "position": number}
        if len(details) > DETAILS.entries_max:
            self.tell(row, "", messages.TOO_MANY_DETAILS, count=len(details), limit=DETAILS.entries_max)
            details = dict(list(details.items())[: DETAILS.entries_max])
        if "name" not in self.fields:
            self.fields["name"] = shown_name(self.fields, self.entries)
        uid = self.fields.get("uid")
        contact_id = id_of_uid(uid) if uid else content
        if uid and contact_id == uid.removeprefix("urn:uuid:"):
            self.fields["uid"] = None
        return {"id": contact_id, **NOTHING, **self.fields, "details": details}


TAKERS: Mapping[str, Callable[[_Draft, CardItem], bool]] = {
    "FN": _Draft.take_name,
    "N": _Draft.take_parts,
    "ORG": _Draft.take_organization,
    "BDAY": _Draft.take_birthday,
    "PHOTO": _Draft.take_photo,
    "CATEGORIES": _Draft.take_categories,
    "KIND": _Draft.take_kind,
    "UID": _Draft.take_uid,
    "X-STARRED": _Draft.take_star,
}
"""Properties that are read in a way of their own. Each says whether it has taken the property."""


def join(texts: list[str], separator: str) -> str:
    """The texts of a list as one. A space behind a separator is not doubled: ``a, b`` is a list as well."""
    joined = texts[0]
    for text in texts[1:]:
        joined += (separator[0] if text.startswith(" ") else separator) + text
    return joined


def _date_text(item: CardItem) -> tuple[str, Params]:
    """The text of a date, and the parameters that it leaves."""
    omitted = "".join(dict(item.params).get(OMIT_YEAR, ()))
    day = parse_date(item.value, omitted)
    if day is None or day.time:
        return unescape(item.value), item.params
    return day.day, without(item.params, OMIT_YEAR)
