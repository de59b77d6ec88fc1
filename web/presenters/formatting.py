"""How a contact's values look on a page: initials, colours, links, lines. Counts and times: offbook.core.formatting.

Templates know most of these as filters (web.template_filters).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from offbook.contacts.birthdays import next_birthday
from offbook.contacts.links import dialled, map_address
from offbook.contacts.names import join, known_parts
from offbook.core.formatting import format_count

HUES = 8

LONG_FIELDS = frozenset({"notes"})
"""Fields of several lines."""

VALUE_PARTS = ("value", "street", "city", "region", "postcode", "country", "po_box", "extended")
"""The attributes that are an entry's value, in its cell's order: all of them of an address, of others the first."""


def initials(name: str | None) -> str:
    """One or two letters: of the first word and of the last."""
    words = [word for word in (name or "").split() if word[0].isalnum()]
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [word[0] for word in words]
    return "".join(letters).upper() or "#"


def name_tells_parts(contact: Mapping[str, Any]) -> bool:
    """Whether the parts of a contact's name say no more than the name that stands above them."""
    return bool(join(known_parts(contact)) == contact["name"])


def hue(record_id: str) -> str:
    """The class that colours a contact's circle, always the same for the same contact."""
    return f"hue-{int(record_id[:8], 16) % HUES}"


def href(kind: str, value: str | None) -> str | None:
    """Where a value leads: a call, a letter, a page. Only http and https may be followed."""
    text = (value or "").strip()
    if kind == "phone":
        return dialled(text)
    if kind == "email" and "@" in text:
        return "mailto:" + quote(text, safe="@+")
    if kind == "url":
        return _web(text)
    if kind == "im" and text.lower().startswith(("xmpp:", "sip:", "sips:")):
        return text
    return _web(text) if kind == "im" and "://" in text else None


def _web(text: str) -> str | None:
    try:
        split = urlsplit(text)
    except ValueError:
        return None
    if split.scheme in ("http", "https") and split.netloc:
        return text
    is_bare = not split.scheme and "." in text.split("/")[0] and not any(letter.isspace() for letter in text)
    return f"https://{text}" if is_bare else None


def address_lines(
    value: str,
    street: str = "",
    city: str = "",
    region: str = "",
    postcode: str = "",
    country: str = "",
    po_box: str = "",
    extended: str = "",
) -> list[str]:
    """An address as it is written on a letter: as someone wrote it, else from its parts."""
    middle = " ".join(filter(None, [", ".join(filter(None, [city, region])), postcode]))
    lines = value.splitlines() or [*extended.splitlines(), *street.splitlines(), po_box, middle, country]
    return [line.strip() for line in lines if line.strip()]


def format_birthday(text: str) -> str:
    """``10 December 1815``, or without the year where it is not known."""
    try:
        day = date.fromisoformat(text.replace("--", "2000-", 1))
    except ValueError:
        return text
    return f"{day.day} {day:%B}" if text.startswith("--") else f"{day.day} {day:%B} {text[:4]}"


def birthday_note(text: str, now_us: int) -> str:
    """``in 12 days, turns 48``: empty for what is no date."""
    coming = next_birthday(text, datetime.fromtimestamp(now_us // 1_000_000, UTC).date())
    if coming is None:
        return ""
    when = {0: "today", 1: "tomorrow"}.get(coming.days) or f"in {format_count(coming.days, 'day')}"
    return f"{when}, turns {coming.turns}" if coming.turns else when


class QuickLinks(NamedTuple):
    """Where one reaches somebody first; empty where there is nothing to reach them by."""

    call: str
    message: str
    email: str
    map: str


def quick_links(rows: Mapping[str, Sequence[Any]]) -> QuickLinks:
    """The first number, e-mail and address of a form's rows that lead anywhere."""
    call = next((link for row in rows["phone"] if row.key and (link := href("phone", row.value))), "")
    email = next((link for row in rows["email"] if row.key and (link := href("email", row.value))), "")
    addresses = (row.address_lines() for row in rows["address"] if row.key)
    lines: list[str] = next(filter(None, addresses), [])
    message = call.partition(";ext=")[0].replace("tel:", "sms:", 1)
    return QuickLinks(call, message, email, map_address("\n".join(lines)) if lines else "")
