"""What the fields and details of a contact are called, on the pages as on a device. Pure: names in, words out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from offbook.core.schema import EXISTS

FIELDS: Mapping[str, str] = {
    "name": "Name",
    "email": "E-mail",
    "email_label": "E-mail label",
    "phone": "Phone",
    "phone_label": "Phone label",
    "given_name": "First name",
    "middle_name": "Middle name",
    "family_name": "Last name",
    "prefix": "Prefix",
    "suffix": "Suffix",
    "nickname": "Nickname",
    "file_as": "File as",
    "company": "Company",
    "department": "Department",
    "title": "Job title",
    "birthday": "Birthday",
    "website": "Website",
    "website_label": "Website label",
    "notes": "Notes",
    "starred": "Star",
    "uid": "Identifier",
    "kind": "Kind",
    "role": "Role",
    "phonetic_given": "Phonetic first name",
    "phonetic_middle": "Phonetic middle name",
    "phonetic_family": "Phonetic last name",
    "phone_params": "Phone parameters",
    "email_params": "E-mail parameters",
    "website_params": "Website parameters",
    "photo": "Photo",
}


class EntryKind(NamedTuple):
    """A kind of detail: its name, its section's heading, the labels that the form suggests, its name on a device."""

    singular: str
    plural: str
    labels: tuple[str, ...]
    on_device: str = ""
    """Empty where it is the same as on the pages."""


KINDS: Mapping[str, EntryKind] = {
    "phone": EntryKind("Phone", "Phones", ("Mobile", "Work", "Home", "Main", "Fax")),
    "email": EntryKind("E-mail", "E-mails", ("Home", "Work", "Other")),
    "address": EntryKind("Address", "Addresses", ("Home", "Work", "Other")),
    "url": EntryKind("Website", "Websites", ("Homepage", "Work", "Profile", "Blog")),
    "date": EntryKind("Date", "Dates", ("Anniversary", "Other")),
    "im": EntryKind("Messenger", "Messengers", ("Home", "Work")),
    "relation": EntryKind("Relation", "Relations", ("Spouse", "Child", "Parent", "Friend", "Assistant")),
    "custom": EntryKind("Custom field", "Custom fields", (), "Other"),
    "group": EntryKind("Label", "Labels", ()),
    "property": EntryKind("From the card", "From the card", ()),
}

ATTRIBUTES: Mapping[str, str] = {
    "kind": "Kind",
    "position": "Place in the list",
    "label": "Label",
    "street": "Street",
    "city": "City",
    "region": "Region",
    "postcode": "Postcode",
    "country": "Country",
    "po_box": "PO box",
    "extended": "Extended address",
    "pref": "Preferred",
    "params": "Parameters",
}


EARLIER_SITE_LABELS: Mapping[str, str] = {"HomePage": "Home Page"}
"""Labels of sites that earlier versions kept as Apple's cards have them, and how they are spelled since."""


def site_label(label: str) -> str:
    """The label of a site as it is shown, written to files and compared: in the one spelling that it has today."""
    return EARLIER_SITE_LABELS.get(label, label)


def with_site_labels(contact: Mapping[str, Any]) -> Mapping[str, Any]:
    """The contact with the labels of its sites in the spelling of today; itself where it has no other."""
    details: Mapping[str, Any] = contact.get("details") or {}
    entries = {
        key: {**entry, "label": EARLIER_SITE_LABELS[entry["label"]]}
        for key, entry in details.items()
        if entry.get("kind") == "url" and entry.get("label") in EARLIER_SITE_LABELS
    }
    label = contact.get("website_label")
    if not entries and label not in EARLIER_SITE_LABELS:
        return contact
    own = {} if label is None else {"website_label": site_label(label)}
    return {**contact, **own, "details": {**details, **entries}}


def field_label(name: str) -> str:
    """What a field is called; one that only a newer version knows, by its own word."""
    return FIELDS.get(name) or name.replace("_", " ").capitalize()


def kind_label(kind: str) -> str:
    """What a device calls a kind of detail; one that only a newer version knows, by its own word."""
    return KINDS[kind].on_device or KINDS[kind].singular if kind in KINDS else kind.replace("_", " ").capitalize()


def cell_label(cell: str, kind: str = "") -> str:
    """A cell's name as a sentence begins with it; ``kind`` is the entry's, for a cell of a detail."""
    if "/" not in cell:
        return FIELDS.get(cell, "Contact")
    attribute = cell.rsplit("/", 1)[1]
    name = KINDS[kind].singular if kind in KINDS else "Detail"
    return name if attribute in ("value", "kind", "position", EXISTS) else f"{name}: {ATTRIBUTES[attribute].lower()}"


def full_cell_label(cell: str, kind: str = "") -> str:
    """A cell's name by itself, where every cell of an entry has its own."""
    name, attribute = cell_label(cell, kind), cell.rpartition("/")[2]
    return f"{name}: {ATTRIBUTES[attribute].lower()}" if "/" in cell and attribute in ("kind", "position") else name
