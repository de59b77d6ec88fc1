"""What of a contact is shared with others: not what was noted about somebody, nor how people are sorted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from offbook.contacts.table import GROUP

KEPT_BACK = frozenset({"notes", "starred", "file_as", "uid", "id"})
"""Fields that stay with whoever has the contact."""

IN_CODE = ("phone", "email", "url", "address")
"""The kinds of details that a code has, as far as there is room."""

FIRST_TO_GO = ("website", "nickname", "department", "title", "birthday", "email", "company")
"""The fields that a code is without where there is no room, the least wanted first. A name and a phone stay."""

NAMES = ("name", "prefix", "given_name", "middle_name", "family_name", "suffix", "kind")


def shared_contact(contact: Mapping[str, Any]) -> dict[str, Any]:
    """The contact, in wire form, as others get it."""
    kept = {name: value for name, value in contact.items() if name not in KEPT_BACK}
    details = contact.get("details") or {}
    return kept | {"details": {key: entry for key, entry in details.items() if entry["kind"] != GROUP}}


def code_forms(contact: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The shared contact as a code has it: without its photo, then with less and less, down to a name and a phone."""
    shared = shared_contact(contact)
    details = {key: entry for key, entry in shared["details"].items() if entry["kind"] in IN_CODE}
    names = (*NAMES, "phone", "phone_label", *FIRST_TO_GO, "email_label", "website_label")
    form = {name: shared[name] for name in names if shared.get(name)}
    yield {**form, "details": dict(details)}
    for key in sorted(details, key=lambda key: IN_CODE.index(details[key]["kind"]), reverse=True):
        del details[key]
        yield {**form, "details": dict(details)}
    for name in FIRST_TO_GO:
        form.pop(name, None)
        yield {**form, "details": {}}
