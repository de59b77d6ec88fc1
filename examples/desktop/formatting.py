"""What the window says, in words. Pure: contacts and errors in, text out; no widgets, no database."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from offbook import Status
from offbook.contacts.labels import field_label, kind_label

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


class Line(NamedTuple):
    """One phone, address, … of a contact. The key ``@`` is the contact's own field, and a new one has none."""

    kind: str
    key: str = ""
    label: str = ""
    value: str = ""


def lines_of(contact: Contact) -> list[Line]:
    """Everything that a contact may have several of, by kind and in its owner's order."""
    return [line for kind in SUGGESTED_LABELS for line in _lines_of(contact, kind)]


def _lines_of(contact: Contact, kind: str) -> Iterator[Line]:
    if kind in OWN:
        value, label = (contact.get(name) or "" for name in OWN[kind])
        if value or label:
            yield Line(kind, "@", label, value)
    details = [(key, entry) for key, entry in contact["details"].items() if entry["kind"] == kind]
    for key, entry in sorted(details, key=lambda one: (one[1].get("position") or 0, one[0])):
        yield Line(kind, key, entry.get("label") or "", value_of(entry))


def value_of(entry: Mapping[str, Any]) -> str:
    """A detail's value; an address that has only parts is put together."""
    return entry.get("value") or "\n".join(str(entry[part]) for part in PARTS if entry.get(part))


def subtitle(contact: Contact) -> str:
    """The line below a name: what someone does and where, or else how to reach them."""
    work = [contact[name] for name in ("title", "company") if contact[name]]
    return " · ".join(work) or contact["phone"] or contact["email"] or ""


class Fact(NamedTuple):
    """One labelled line of a contact."""

    label: str
    text: str
    link: str = ""


def facts(contact: Contact) -> Iterator[Fact]:
    """What the details pane shows below the name, from top to bottom."""
    for line in lines_of(contact):
        name = kind_label(line.kind)
        yield Fact(f"{name} ({line.label})" if line.label else name, line.value, link(line.kind, line.value))
    for entry in contact["details"].values():
        if entry["kind"] not in SUGGESTED_LABELS:
            yield Fact(entry.get("label") or kind_label(entry["kind"]), value_of(entry))
    for field in ("department", "nickname"):
        if contact[field]:
            yield Fact(field_label(field), contact[field])
    if contact["birthday"]:
        yield Fact(field_label("birthday"), day(contact["birthday"]))
    if contact["notes"]:
        yield Fact(field_label("notes"), contact["notes"])


def link(kind: str, value: str) -> str:
    """Where a value leads: a call, a letter, a page. What others wrote must lead nowhere else."""
    if kind == "phone":
        digits = re.sub(r"[^\d+]", "", value)
        return f"tel:{digits}" if digits else ""
    if kind == "email":
        return f"mailto:{value}" if re.fullmatch(r"[^\s@?&]+@[^\s@?&]+", value) else ""
    if kind == "url" and " " not in value:
        return value if re.match("https?://", value) else "" if ":" in value else f"https://{value}"
    return ""


def day(text: str) -> str:
    """``10 December 1815``, or without the year where it is not known."""
    try:
        found = date.fromisoformat(text.replace("--", "2000-", 1))
    except ValueError:
        return text
    return f"{found.day} {found:%B}" + ("" if text.startswith("--") else f" {found.year}")


# --- a conflict ----------------------------------------------------------------------------------------------------


def cell_name(cell: str, contact: Contact | None) -> str:
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


def author(by: Mapping[str, Any]) -> str:
    """Who wrote a version, and when."""
    who = " · ".join(by[name] for name in ("device", "user") if by[name]) or "Somebody"
    return f"{who}, {moment(by['at'])}" if by["at"] else who


# --- the state of syncing ------------------------------------------------------------------------------------------


class State(NamedTuple):
    """``mark`` is good, busy, waiting or bad: the colour of the dot beside the text."""

    mark: str
    text: str
    why: str = ""


def state(status: Status, is_syncing: bool) -> State:
    """How this device and its server stand, in a few words."""
    wait, why = waiting(status.pending), status.last_error or ""
    if status.server is None:
        return State("waiting", "On this device only", "No server is set.")
    if is_syncing:
        return State("busy", _joined("Syncing", wait))
    match status.link:
        case "live":
            return State("good", _joined("Live", wait))
        case "polling":
            return State("good", _joined("Connected", wait))
        case "offline":
            return State("waiting", _joined("Offline", wait), why)
        case "paused":
            return State("bad", _joined("Not connected", wait), why)
        case _:
            return State("busy", _joined("Connecting", wait))


def waiting(pending: int) -> str:
    return f"{count(pending, 'change')} {'waits' if pending == 1 else 'wait'}" if pending else ""


def undecided(status: Status) -> str:
    """What waits for a person; empty where nothing does."""
    told = [count(status.conflicts, "conflict")] if status.conflicts else []
    told += [f"{count(status.parked, 'change')} that can't be sent"] if status.parked else []
    verb = "waits" if status.conflicts + status.parked == 1 else "wait"
    return f"{' and '.join(told)} {verb} for you" if told else ""


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def moment(iso: str | None, now: datetime | None = None) -> str:
    """A time of the wire as people say it: today only the hour."""
    if not iso:
        return "never"
    at = datetime.fromisoformat(iso).astimezone()
    now = now or datetime.now().astimezone()
    return f"{at:%H:%M}" if at.date() == now.date() else f"{at.day} {at:%B %Y, %H:%M}"


def count(number: int, one: str) -> str:
    return f"{number:,} {one if number == 1 else one + 's'}"


def sentence(problem: Exception) -> str:
    text = str(problem)
    return text[:1].upper() + text[1:]


def initials(name: str) -> str:
    """One or two letters: of the first word and of the last."""
    words: Sequence[str] = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in dict.fromkeys((*words[:1], *words[-1:]))).upper() or "#"
