"""A record for people: all of a contact, a detail in one line, the values that a change writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from offbook.cli.options.field_options import DETAILS, PARTS
from offbook.cli.output import flatten, format_pairs, format_time, heading, label
from offbook.contacts.card_words import params_words, property_words
from offbook.contacts.labels import with_site_labels
from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import Json
from offbook.core.listing import name_of
from offbook.core.schema import Field, Map, Table, Type
from offbook.database.connection import bindable
from offbook.database.records import record_table

if TYPE_CHECKING:
    from offbook.replica import Replica

STAR = " ★"

VERBS: Mapping[str, str] = {"INSERT": "add", "UPDATE": "change", "DELETE": "delete"}
"""What a change of this device does, by its operation."""

Contact = Mapping[str, Json]


def contact_lines(contact: Contact) -> Iterator[str]:
    """Everything that is known of a contact, line by line."""
    contact = with_site_labels(contact)
    yield contact["name"] + STAR * bool(contact["starred"])
    yield ""
    rows = [*_field_rows(contact), *_detail_rows(contact["details"])]
    times = f"added {format_time(contact['created_at'])}, changed {format_time(contact['updated_at'])}"
    yield from format_pairs([*rows, ("Id", contact["id"]), ("", times)])


def _field_rows(contact: Contact) -> Iterator[tuple[str, str]]:
    """Each field that holds something, with its own label behind it."""
    labels = {f"{field.name}_label" for field in CONTACTS.fields}
    for field in CONTACTS.fields:
        value = contact[field.name]
        text = params_words(value) if field.name.endswith("_params") else str(value or "")
        if text and field.name not in ("name", "starred", *labels):
            yield label(field.name), _labelled(text, contact.get(f"{field.name}_label"))


def _detail_rows(details: Mapping[str, Contact]) -> Iterator[tuple[str, str]]:
    """The details by kind and in their owner's order; kinds that only a newer version knows come last."""
    kinds = DETAILS.by_name["kind"].choices

    def place(item: tuple[str, Contact]) -> tuple[int, str, int, str]:
        key, entry = item
        kind = entry["kind"]
        rank = (kinds.index(kind), "") if kind in kinds else (len(kinds), kind)
        return (*rank, entry.get("position") or 0, key)

    for key, entry in sorted(details.items(), key=place):
        if entry["kind"] == "property":
            if words := property_words(entry.get("label"), entry.get("value")):
                yield label(entry["kind"]), f"{words.name}: {flatten(words.text)} [{key}]"
        else:
            yield label(entry["kind"]), f"{detail_text(entry)} [{key}]"


def detail_text(entry: Contact) -> str:
    """A detail in one line, without its kind."""
    texts = [flatten(entry.get(part)) for part in ("value", *PARTS)]
    return _labelled(", ".join(text for text in texts if text), entry.get("label"))


def _labelled(text: str, own_label: Json) -> str:
    return f"{text} ({own_label})" if own_label else text


def record_lines(book: Replica, table: Table, record: Mapping[str, Json]) -> Iterator[str]:
    """Everything that is known of a record of any table, line by line."""
    fields = [field for field in table.fields if not (field.retired or _is_nothing(field, record[field.name]))]
    rows = [(heading(table, field.name), value_text(book, field, record[field.name])) for field in fields]
    for map_ in table.maps:
        for key, entry in sorted(record[map_.name].items()):
            rows.append((heading(table, map_.name), f"{_entry_values(map_, entry)} [{key}]"))
    times = f"added {format_time(record['created_at'])}, changed {format_time(record['updated_at'])}"
    yield from format_pairs([*rows, ("Id", record["id"]), ("", times)])


def value_text(book: Replica, field: Field, value: Json) -> str:
    """A value of a field for people: a reference by the name of what it points to."""
    if _is_nothing(field, value):
        return ""
    if field.type is Type.REF and (target := book.tables.get(field.target)):
        record = record_table(target).get(book.connection, bindable(str(value)))
        return f"{value} (not here)" if record is None else f"{name_of(target, record)} ({str(value)[:8]})"
    return "yes" if field.type is Type.FLAG else plain_text(value)


def _is_nothing(field: Field, value: Json) -> bool:
    return value is None or (value is False and field.type is Type.FLAG)


def plain_text(value: Json) -> str:
    """A value as text: what is no text as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _entry_values(map_: Map, entry: Mapping[str, Json]) -> str:
    """An entry in one line: its values, each but the first by its name."""
    first, *others = [(name, flatten(plain_text(entry[name]))) for name in map_.by_name if name in entry] or [("", "")]
    return ", ".join([first[1], *(f"{name} {text}" for name, text in others)])


def value_rows(table: Table | None, data: Mapping[str, Json]) -> list[tuple[str, str]]:
    """What a change would write, value by value: what each is called, and its text."""
    maps = table.maps_by_name if table is not None else {}
    rows = []
    for name, value in data.items():
        if name in maps and isinstance(value, dict):
            rows += [(f"{heading(table, name)} [{key}]", entry_text(entry, maps[name])) for key, entry in value.items()]
        else:
            rows.append((heading(table, name), "(empty)" if value in (None, "") else plain_text(value)))
    return rows


def entry_text(entry: Any, map_: Map = DETAILS) -> str:
    """An entry in one line; a detail with its kind where the change says it."""
    if not isinstance(entry, dict):
        return "(removed)"
    if map_.name != DETAILS.name:
        return _entry_values(map_, entry)
    kind = entry.get("kind")
    return f"{label(kind)}: {detail_text(entry)}" if isinstance(kind, str) else detail_text(entry)
