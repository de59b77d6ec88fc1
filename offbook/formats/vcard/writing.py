"""A contact in wire form -> a card of version 3.0 or 4.0.

What these have no property for goes into one that a program of many people knows: Apple's X-ABLabel, X-ABDATE and
X-ABRELATEDNAMES; and X-CUSTOM, X-FILE-AS and X-STARRED. What is not written is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from offbook.contacts.table import CONTACTS
from offbook.formats.values import NOT_FIELDS, Contact, FetchBlob, LeftOut, Written
from offbook.formats.vcard import binary
from offbook.formats.vcard.dates import OMIT_YEAR, basic_date, extended_date, has_year, parse_date
from offbook.formats.vcard.output import write_line
from offbook.formats.vcard.params import load_params
from offbook.formats.vcard.properties import (
    ADDRESS_PARTS,
    COLUMNS,
    COUNTRY_CODE,
    DROPPED,
    FIELDS,
    GROUP,
    MORE,
    NAME,
    NAME_PARTS,
    OWN_LABELS,
    PREFERRED_TYPE,
    TIME,
    is_system_category,
    label_of_types,
    types_of_label,
    without,
    write_apple_label,
)
from offbook.formats.vcard.reading import UNREADABLE
from offbook.formats.vcard.syntax import Params, escape

V3, V4 = "3.0", "4.0"
URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
PROPERTY_NAME = re.compile(r"[A-Z0-9_-]{1,100}")
KINDS_OF_CARD = {"person": "individual", "organization": "org"}
PARAMETRIZED = frozenset({*FIELDS, "FN", "N", "NICKNAME", "ORG", "NOTE", "BDAY", "PHOTO", "UID"})
"""Properties that are fields, whose parameters stand in a detail without a value."""

BASE = frozenset({"kind", "position", "params", "value"})
ATTRIBUTES: Mapping[str, frozenset[str]] = {
    **{kind: BASE | {"label", "pref"} for kind in ("phone", "email", "url", "date", "im", "relation", "custom")},
    "address": BASE | {"label", "pref", *ADDRESS_PARTS},
    "group": BASE,
    "property": BASE | {"label"},
}
"""The attributes that a card has for a detail of a kind."""

KNOWN_FIELDS = frozenset(CONTACTS.by_name) | NOT_FIELDS


def write_cards(contacts: Iterable[Contact], version: str, fetch_blob: FetchBlob) -> Written:
    """A file of these contacts."""
    texts, left_out = [], []
    for contact in contacts:
        written = write_card(contact, version, fetch_blob)
        texts.append(written.text)
        left_out += written.left_out
    return Written("".join(texts), left_out)


def write_card(contact: Contact, version: str, fetch_blob: FetchBlob) -> Written:
    """The card of a contact. ``fetch_blob`` gives the bytes of its photo."""
    card = _written(contact, version, fetch_blob)
    text = f"BEGIN:VCARD\r\nVERSION:{version}\r\n{''.join(card.lines)}END:VCARD\r\n"
    name = str(contact.get("id") or contact.get("name"))
    return Written(text, [LeftOut(name, field) for field in dict.fromkeys(card.left_out)])


class PlacedLine(NamedTuple):
    """A line of a card, folded, and what of its contact it says: ``details/KEY``, the field of a first phone, e-mail or
    site, or empty for another field and for labels."""

    place: str
    text: str


def placed_lines(contact: Contact, version: str, fetch_blob: FetchBlob) -> list[PlacedLine]:
    """The lines of a contact's card between its VERSION and its END."""
    card = _written(contact, version, fetch_blob)
    return list(map(PlacedLine, card.places, card.lines))


def _written(contact: Contact, version: str, fetch_blob: FetchBlob) -> _Card:
    card = _Card(contact, version)
    card.write_fields(fetch_blob)
    for key, entry in card.details:
        card.write_detail(f"details/{key}", entry)
    card.write_labels()
    return card


class _Card:
    """A card while it is written."""

    def __init__(self, contact: Contact, version: str) -> None:
        self.contact = contact
        self.is_v4 = version == V4
        self.lines: list[str] = []
        self.places: list[str] = []
        self.place = ""
        self.left_out = [name for name, value in contact.items() if value and name not in KNOWN_FIELDS]
        self.details = list(_in_order(contact.get("details") or {}))
        self.params = {key: load_params(entry.get("params")) for key, entry in self.details}
        self.params |= {field: load_params(contact.get(texts)) for field, _, texts in COLUMNS.values()}
        self.group_names = {_group(params).lower() for params in self.params.values()}
        self.labels: list[str] = []
        self.items = 0
        self.has_anniversary = False

    def add(self, name: str, value: str, params: Params = (), group: str = "") -> None:
        """Write a property. Its group may stand among the parameters."""
        group = group or _group(params)
        self.places.append(self.place)
        self.lines.append(write_line(group, name, without(params, GROUP), value))

    # --- fields ------------------------------------------------------------------------------------------------------

    def write_fields(self, fetch_blob: FetchBlob) -> None:
        """The properties of a contact's own fields."""
        contact, params_of = self.contact, self._take_parameters()
        self._write_uid(params_of)
        if kind := contact.get("kind"):
            self._write_kind(kind)
        parts = [contact.get(field) or "" for field in NAME_PARTS]
        if any(parts) or not self.is_v4:  # RFC 2426, section 3.1.2: N is needed
            params = params_of("N", any(parts))
            self._add_components("N", parts, params)
        self.add("FN", escape(contact["name"]), params_of("FN", True))
        self._write_list("NICKNAME", "nickname", ",", params_of)
        self._write_organization(params_of)
        for name, field in FIELDS.items():
            if text := contact.get(field):
                self.add(name, escape(text), params_of(name, True))
        if birthday := contact.get("birthday"):
            self._write_birthday(birthday, params_of("BDAY", True))
        if digest := contact.get("photo"):
            self._write_photo(fetch_blob(digest), params_of)
        if notes := contact.get("notes"):
            self.add("NOTE", escape(notes), params_of("NOTE", True))
        if contact.get("starred"):
            self.add("X-STARRED", "1")
        for kind, (value, label, _) in COLUMNS.items():
            entry = {"kind": kind, "value": contact.get(value), "label": contact.get(label)}
            self._write_column(value, {name: text for name, text in entry.items() if text})
        self.left_out += params_of.left_out

    def _take_parameters(self) -> _FieldParameters:
        """The parameters of fields, which are no details of their own."""
        held = {
            entry["label"]: key
            for key, entry in reversed(self.details)
            if entry["kind"] == "property" and "value" not in entry and entry.get("label") in PARAMETRIZED
        }
        keys = set(held.values())
        self.details = [(key, entry) for key, entry in self.details if key not in keys]
        return _FieldParameters({name: (key, self.params[key]) for name, key in held.items()})

    def _write_uid(self, params_of: _FieldParameters) -> None:
        uid, contact_id = self.contact.get("uid"), self.contact.get("id")
        params = params_of("UID", bool(uid or contact_id))
        if uid and self.is_v4 and not URI.fullmatch(uid):
            self.add("UID", escape(uid), (*params, ("VALUE", ("text",))))
        elif uid:
            self.add("UID", escape(uid, ""), params)
        elif contact_id:
            self.add("UID", f"urn:uuid:{contact_id}" if self.is_v4 else contact_id, params)

    def _write_kind(self, kind: str) -> None:
        if kind == "organization" and not self.is_v4:
            self.add("X-ABShowAs", "COMPANY")
        elif kind in KINDS_OF_CARD:
            self.add("KIND", KINDS_OF_CARD[kind])
        else:
            self.left_out.append("kind")

    def _add_components(self, name: str, texts: Iterable[str], params: Params, group: str = "") -> None:
        rest = next((values for param, values in params if param == MORE), ())
        self.add(name, ";".join(map(escape, (*texts, *rest))), without(params, MORE), group)

    def _write_list(self, name: str, field: str, separator: str, params_of: _FieldParameters) -> None:
        if text := self.contact.get(field):
            self.add(name, separator.join(map(escape, _taken_apart(text, f"{separator} "))), params_of(name, True))

    def _write_organization(self, params_of: _FieldParameters) -> None:
        company, department = self.contact.get("company") or "", self.contact.get("department") or ""
        if company or department:
            units = _taken_apart(department, "; ") if department else []
            self._add_components("ORG", [company, *units], params_of("ORG", True))

    def _write_birthday(self, day: str, params: Params) -> None:
        time = next((f"T{values[0]}" for name, values in params if name == TIME), "")
        params = without(params, TIME)
        if self.is_v4:
            self.add("BDAY", basic_date(day) + time, params)
        else:
            self.add("BDAY", extended_date(day) + time, (*params, *_omitted_year(day)))

    def _write_photo(self, data: bytes | None, params_of: _FieldParameters) -> None:
        if data is None:
            self.left_out.append("photo")
            return
        base64, media = binary.encode(data)
        params = params_of("PHOTO", True)
        if self.is_v4:
            self.add("PHOTO", f"data:{media};base64,{base64}", params)
        else:
            self.add("PHOTO", base64, (("ENCODING", ("b",)), ("TYPE", (media.partition("/")[2],)), *params))

    def _write_column(self, field: str, entry: dict[str, Any]) -> None:
        params = self.params[field]
        if ("PREF", ("1",)) in params:
            entry["pref"] = True
            params = without(params, "PREF")
        if len(entry) > 1 or params:
            self.params[field] = params
            self.write_detail(field, entry, field)

    # --- details -----------------------------------------------------------------------------------------------------

    def write_detail(self, place: str, entry: Mapping[str, Any], key: str = "") -> None:
        """The property of a detail; labels are kept for the end."""
        kind, label = entry["kind"], entry.get("label", "")
        self.place = place
        params = self.params[key or place.removeprefix("details/")]
        self.left_out += [f"{place}/{name}" for name in entry.keys() - ATTRIBUTES.get(kind, entry.keys())]
        if kind == "group":
            self._write_group(place, entry.get("value", ""), params)
        elif kind == "property":
            self._write_property(place, label, entry.get("value", ""), params)
        elif kind not in ATTRIBUTES or (kind == "custom" and label == UNREADABLE):
            self.left_out.append(place)
        else:
            self._write_labelled(kind, label, entry, params)

    def _write_group(self, place: str, name: str, params: Params) -> None:
        if not name or is_system_category(name):
            self.left_out.append(place)
        elif params:
            self.add("CATEGORIES", escape(name), params)
        else:
            self.labels.append(name)

    def write_labels(self) -> None:
        """The labels of a contact, as one property."""
        self.place = ""
        if self.labels:
            self.add("CATEGORIES", ",".join(map(escape, self.labels)))

    def _write_property(self, place: str, name: str, value: str, params: Params) -> None:
        if not PROPERTY_NAME.fullmatch(name) or name in DROPPED or name in ("BEGIN", "END"):
            self.left_out.append(place)
            return
        if not self.is_v4:
            value, params = binary.from_uri(name, value, params)
        self.add(name, re.sub("\r\n|\r|\n", r"\\n", value), params)

    def _write_labelled(self, kind: str, label: str, entry: Mapping[str, Any], params: Params) -> None:
        name, value, own, value_params = self._named(kind, label, entry.get("value", ""), params)
        others = next((values for param, values in params if param == "TYPE"), ())
        types = others if label == own else types_of_label(kind, label, others)
        if name == "X-ABRELATEDNAMES" and label:
            types = None
        is_apart = types is None or (label == own and label_of_types(kind, types) != ("", types))
        types = others if types is None else types
        if entry.get("pref") and (not self.is_v4 or any(param == "PREF" for param, _ in params)):
            types = (*types, PREFERRED_TYPE)
        elif entry.get("pref"):
            params = (*params, ("PREF", ("1",)))
        beside = self._beside(kind, label if is_apart else "", entry, params)
        group = self._group(params) if beside else ""
        params = without(params, "TYPE", NAME, COUNTRY_CODE, *([GROUP] if group else []))
        params = ((("TYPE", types),) if types else ()) + value_params + params
        if kind == "address":
            if self.is_v4 and entry.get("value"):
                params = (*params, ("LABEL", (entry["value"],)))
            self._add_components("ADR", [entry.get(part, "") for part in ADDRESS_PARTS], params, group)
        else:
            self.add(name, value, params, group)
        for name, text in beside:
            self.add(name, text, (), group)

    def _named(self, kind: str, label: str, text: str, params: Params) -> _Named:
        match kind:
            case "phone":
                return _Named("TEL", escape(f"tel:{text}" if text[:4].lower() == "tel:" else text, ","))
            case "email":
                return _Named("EMAIL", escape(text))
            case "url":
                return _Named("URL", escape(text, ""))
            case "im":
                name = next((values[0] for param, values in params if param == NAME), "IMPP")
                return _Named(name, escape(text, ""), OWN_LABELS.get(name, ""))
            case "relation" if self.is_v4 and URI.fullmatch(text):
                return _Named("RELATED", escape(text, ""))
            case "relation" if self.is_v4:
                return _Named("RELATED", escape(text), "", (("VALUE", ("text",)),))
            case "relation":
                return _Named("X-ABRELATEDNAMES", escape(text))
            case "date":
                return self._named_date(label, text)
            case _:
                return _Named("X-CUSTOM", escape(text))

    def _named_date(self, label: str, text: str) -> _Named:
        day = parse_date(text)
        if day is None or day.day != text:
            return _Named("X-ABDATE", escape(text))
        if self.is_v4 and label == "Anniversary" and not self.has_anniversary:  # RFC 6350, section 6.2.6: one at most
            self.has_anniversary = True
            return _Named("ANNIVERSARY", basic_date(text), label)
        return _Named("X-ABDATE", extended_date(text), "", _omitted_year(text))

    def _beside(self, kind: str, label: str, entry: Mapping[str, Any], params: Params) -> list[tuple[str, str]]:
        """The properties that join a detail in a group."""
        beside = []
        if kind == "address" and not self.is_v4 and entry.get("value"):
            beside.append(("LABEL", escape(entry["value"])))
        if label:
            beside.append(("X-ABLabel", escape(write_apple_label(label))))
        if code := next((values[0] for param, values in params if param == COUNTRY_CODE and values), ""):
            beside.append(("X-ABADR", escape(code)))
        return beside

    def _group(self, params: Params) -> str:
        """The group of a detail that others join."""
        if own := _group(params):
            return own
        self.items += 1
        while f"item{self.items}" in self.group_names:
            self.items += 1
        return f"item{self.items}"


class _Named(NamedTuple):
    """The property of a detail, with the label that its name says by itself, and what says how its value is meant."""

    name: str
    value: str
    own_label: str = ""
    params: Params = ()


class _FieldParameters:
    """The parameters of fields by the names of their properties. ``left_out``: those of fields that are empty."""

    def __init__(self, held: Mapping[str, tuple[str, Params]]) -> None:
        self._held = dict(held)

    def __call__(self, name: str, is_filled: bool) -> Params:
        return self._held.pop(name, ("", ()))[1] if is_filled else ()

    @property
    def left_out(self) -> list[str]:
        return [f"details/{key}" for key, _ in self._held.values()]


def _group(params: Params) -> str:
    return next((values[0] for name, values in params if name == GROUP and values), "")


def _omitted_year(day: str) -> Params:
    return () if has_year(day) else ((OMIT_YEAR, ("1604",)),)


def _taken_apart(text: str, separator: str) -> list[str]:
    """The texts of a list that were joined to one; the whole where they would not be joined to the same."""
    texts = text.split(separator)
    return [text] if any(part.startswith(" ") for part in texts[1:]) else texts


def _in_order(details: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Details by position, without attributes that are empty, and without those that say nothing."""
    for key, entry in sorted(details.items(), key=lambda item: (item[1].get("position") or 0, item[0])):
        filled = {
            name: value for name, value in entry.items() if value is not None and value != "" and value is not False
        }
        if filled.keys() - {"kind", "position"}:
            yield key, filled
