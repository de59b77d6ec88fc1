"""A record for people: all of a contact, a detail in one line, the values that a change writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from offbook.cli.field_options import DETAILS, PARTS
from offbook.cli.output import flatten, format_pairs, format_time, label
from offbook.contacts.table import CONTACTS
from offbook.core.schema import Table
from offbook.core.validation import Json

STAR = " ★"

VERBS: Mapping[str, str] = {"INSERT": "add", "UPDATE": "change", "DELETE": "delete"}
"""What a change of this device does, by its operation."""

Contact = Mapping[str, Json]


def contact_lines(contact: Contact) -> Iterator[str]:
    """Everything that is known of a contact, line by line."""
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
        if value and field.name not in ("name", "starred", *labels):
            yield label(field.name), _labelled(str(value), contact.get(f"{field.name}_label"))


def _detail_rows(details: Mapping[str, Contact]) -> Iterator[tuple[str, str]]:
    """The details by kind and in their owner's order; kinds that only a newer version knows come last."""
    kinds = DETAILS.by_name["kind"].choices

    def place(item: tuple[str, Contact]) -> tuple[int, str, int, str]:
        key, entry = item
        kind = entry["kind"]
        rank = (kinds.index(kind), "") if kind in kinds else (len(kinds), kind)
        return (*rank, entry.get("position") or 0, key)

    for key, entry in sorted(details.items(), key=place):
        yield label(entry["kind"]), f"{detail_text(entry)} [{key}]"


def detail_text(entry: Contact) -> str:
    """A detail in one line, without its kind."""
    texts = [flatten(entry.get(part)) for part in ("value", *PARTS)]
    return _labelled(", ".join(text for text in texts if text), entry.get("label"))


def _labelled(text: str, own_label: Json) -> str:
    return f"{text} ({own_label})" if own_label else text


def value_rows(table: Table | None, data: Mapping[str, Json]) -> list[tuple[str, str]]:
    """What a change would write, value by value: what each is called, and its text."""
    maps = table.maps_by_name if table is not None else {}
    rows = []
    for name, value in data.items():
        if name in maps and isinstance(value, dict):
            rows += [(f"{label(name)} [{key}]", entry_text(entry)) for key, entry in value.items()]
        else:
            rows.append((label(name), "(empty)" if value in (None, "") else str(value)))
    return rows


def entry_text(entry: Any) -> str:
    """A detail in one line, with its kind where the change says it."""
    if not isinstance(entry, dict):
        return "(removed)"
    kind = entry.get("kind")
    return f"{label(kind)}: {detail_text(entry)}" if isinstance(kind, str) else detail_text(entry)
