"""What the window says. Pure: contacts and errors in, text out; no widgets, no database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from offbook import Status
from offbook.contacts.labels import field_label, kind_label
from offbook.core.formatting import format_count

Contact = Mapping[str, Any]

SUGGESTED_LABELS: Mapping[str, tuple[str, ...]] = {
    "phone": ("Mobile", "Work", "Home", "Fax"),
    "email": ("Home", "Work"),
    "url": ("Homepage", "Work", "Blog"),
    "address": ("Home", "Work"),
    "date": ("Anniversary",),
    "group": (),
    "custom": (),
}
"""The kinds of detail in the order in which they are shown, with the labels that are suggested."""

OWN: Mapping[str, tuple[str, str]] = {
    "phone": ("phone", "phone_label"),
    "email": ("email", "email_label"),
    "url": ("website", "website_label"),
}
"""The kinds whose first value, and its label, are fields of the contact itself."""

FIELDS = ("name", "title", "company", "department", "nickname", "birthday", "notes")
"""The fields that are edited as they are, from top to bottom."""

PARTS = ("street", "city", "region", "postcode", "country")


# --- a contact -----------------------------------------------------------------------------------------------------


class EntryLine(NamedTuple):
    """One phone, address, … of a contact. The key ``@`` is the contact's own field, and a new one has none."""

    kind: str
    key: str = ""
    label: str = ""
    value: str = ""


def entry_lines(contact: Contact) -> list[EntryLine]:
    """Everything that a contact may have several of, by kind and in its owner's order."""
    return [line for kind in SUGGESTED_LABELS for line in _lines_of(contact, kind)]


def _lines_of(contact: Contact, kind: str) -> Iterator[EntryLine]:
    if kind in OWN:
        value, label = (contact.get(name) or "" for name in OWN[kind])
        if value or label:
            yield EntryLine(kind, "@", label, value)
    details = [(key, entry) for key, entry in contact["details"].items() if entry["kind"] == kind]
    for key, entry in sorted(details, key=lambda item: (item[1].get("position") or 0, item[0])):
        yield EntryLine(kind, key, entry.get("label") or "", value_of(entry))


def value_of(entry: Mapping[str, Any]) -> str:
    """A detail's value; an address that has only parts is put together."""
    return entry.get("value") or "\n".join(str(entry[part]) for part in PARTS if entry.get(part))


def subtitle(contact: Contact) -> str:
    """The line below a name: what someone does and where, or else how to reach them."""
    work = [contact[name] for name in ("title", "company") if contact[name]]
    return " · ".join(work) or contact["phone"] or contact["email"] or ""


class DetailLine(NamedTuple):
    """One labelled line of a contact."""

    label: str
    text: str
    link: str = ""


def detail_lines(contact: Contact) -> Iterator[DetailLine]:
    """What the details pane shows below the name, from top to bottom."""
    for line in entry_lines(contact):
        name = kind_label(line.kind)
        yield DetailLine(f"{name} ({line.label})" if line.label else name, line.value, link_to(line.kind, line.value))
    for entry in contact["details"].values():
        if entry["kind"] not in SUGGESTED_LABELS:
            yield DetailLine(entry.get("label") or kind_label(entry["kind"]), value_of(entry))
    for field in ("department", "nickname"):
        if contact[field]:
            yield DetailLine(field_label(field), contact[field])
    if contact["birthday"]:
        yield DetailLine(field_label("birthday"), format_day(contact["birthday"]))
    if contact["notes"]:
        yield DetailLine(field_label("notes"), contact["notes"])


def link_to(kind: str, value: str) -> str:
    """Where a value leads: a call, a letter, a page. What others wrote must lead nowhere else."""
    if kind == "phone":
        digits = re.sub(r"[^\d+]", "", value)
        return f"tel:{digits}" if digits else ""
    if kind == "email":
        return f"mailto:{value}" if re.fullmatch(r"[^\s@?&]+@[^\s@?&]+", value) else ""
    if kind == "url" and " " not in value:
        return value if re.match("https?://", value) else "" if ":" in value else f"https://{value}"
    return ""


def format_day(text: str) -> str:
    """``10 December 1815``, or without the year where it is not known."""
    try:
        day = date.fromisoformat(text.replace("--", "2000-", 1))
    except ValueError:
        return text
    return f"{day.day} {day:%B}" + ("" if text.startswith("--") else f" {day.year}")


# --- a conflict ----------------------------------------------------------------------------------------------------


def cell_label(cell: str, contact: Contact | None) -> str:
    """What is in conflict: ``Phone``, ``Address (Home)``."""
    _, _, name = cell.rpartition("/")
    if "/" not in cell:
        return "The contact itself" if name == "@exists" else field_label(name)
    entry = contact["details"].get(cell.split("/")[1], {}) if contact else {}
    kind = kind_label(entry["kind"]) if entry else "Detail"
    return kind if name in ("value", "@exists") else f"{kind}: {name}"


def cell_value(cell: str, value: object) -> str:
    """One version of a cell."""
    if cell.endswith("@exists"):
        return "Keep it" if value else "Delete it"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "\n".join(str(part) for part in value if part)
    return "" if value is None else str(value)


def describe_author(author: Mapping[str, Any]) -> str:
    """Who wrote a version, and when."""
    name = " · ".join(author[part] for part in ("device", "user") if author[part]) or "Somebody"
    return f"{name}, {format_time(author['at'])}" if author["at"] else name


# --- the state of syncing ------------------------------------------------------------------------------------------


class SyncState(NamedTuple):
    """How syncing stands. ``mark`` is good, busy, waiting or bad: the colour of the dot beside the text."""

    mark: str
    text: str
    reason: str = ""


def describe_state(status: Status, is_syncing: bool) -> SyncState:
    """How this device and its server stand, in a few words."""
    verb = "waits" if status.pending == 1 else "wait"
    pending = f"{format_count(status.pending, 'change')} {verb}" if status.pending else ""
    reason = status.last_error or ""
    if status.server is None:
        return SyncState("waiting", "On this device only", "No server is set.")
    if is_syncing:
        return SyncState("busy", _joined("Syncing", pending))
    match status.link:
        case "live":
            return SyncState("good", _joined("Live", pending))
        case "polling":
            return SyncState("good", _joined("Connected", pending))
        case "offline":
            return SyncState("waiting", _joined("Offline", pending), reason)
        case "paused":
            return SyncState("bad", _joined("Not connected", pending), reason)
        case _:
            return SyncState("busy", _joined("Connecting", pending))


def describe_pending(status: Status) -> str:
    """What waits for a person; empty where nothing does."""
    parts = [format_count(status.conflicts, "conflict")] if status.conflicts else []
    parts += [f"{format_count(status.parked, 'change')} that can't be sent"] if status.parked else []
    verb = "waits" if status.conflicts + status.parked == 1 else "wait"
    return f"{' and '.join(parts)} {verb} for you" if parts else ""


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def format_time(iso: str | None, current: datetime | None = None) -> str:
    """A time of the wire as people say it: today only the hour."""
    if not iso:
        return "never"
    at = datetime.fromisoformat(iso).astimezone()
    current = current or datetime.now().astimezone()
    return f"{at:%H:%M}" if at.date() == current.date() else f"{at.day} {at:%B %Y, %H:%M}"


def as_sentence(error: Exception) -> str:
    """What an error says, with a capital letter."""
    text = str(error)
    return text[:1].upper() + text[1:]


def initials(name: str) -> str:
    """One or two letters: of the first word and of the last."""
    words: Sequence[str] = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in dict.fromkeys((*words[:1], *words[-1:]))).upper() or "#"
