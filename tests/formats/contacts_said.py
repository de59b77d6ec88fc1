"""What a contact says, to compare contacts by that went through a file."""

from __future__ import annotations

import json
from typing import Any

from offbook.formats.values import Contact


def said(contact: Contact) -> dict[str, Any]:
    """Without what is empty, keys of details, gaps in positions, the order of properties."""
    counts: dict[str, int] = {}
    entries = []
    for _, entry in sorted(contact["details"].items(), key=lambda item: (item[1]["position"], item[0])):
        counts[entry["kind"]] = counts.get(entry["kind"], 0) + 1
        filled = {name: value for name, value in entry.items() if value and name != "position"}
        number = 0 if entry["kind"] == "property" else counts[entry["kind"]]
        entries.append((entry["kind"], number, json.dumps(filled, sort_keys=True)))
    fields = {name: value for name, value in contact.items() if value and name != "details"}
    if "uid" in fields:
        del fields["id"]  # it follows from the UID
    return {**fields, "details": sorted(entries)}


def no_blob(_: str) -> None:
    """Photos of a book that has none."""
