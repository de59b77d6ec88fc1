"""Values of Google's CSV that are not what they say: what a spreadsheet or Google itself has put into them.

A contact's id is made of the cells as they are: only what is kept is mended. What would be mended without need is
protected when it is written, so that it comes back as it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from offbook.contacts.names import PARTS, Parts, agrees, join
from offbook.formats.csv.damage import undo

ESCAPED_COLON = re.compile(r"^(https?)\\(\\*://)")
"""How Google writes the colon of a website in some of its files."""


def mend(contact: dict[str, Any], is_named: bool) -> dict[str, Any]:
    """The contact with its numbers and websites as they were before, and its name as it is said where it is filed under
    ``Family, Given``. One that ``is_named`` has its name of its own, and not of a number or that."""
    phone, website = contact["phone"], contact["website"]
    mended = {**contact, "phone": phone and _number(phone), "website": website and _address(website)}
    mended["details"] = {key: _mended(entry) for key, entry in contact["details"].items()}
    numbers = {phone, *(entry.get("value") for entry in contact["details"].values() if entry["kind"] == "phone")}
    if not is_named and contact["name"] in numbers:
        mended["name"] = _number(contact["name"])
    elif not is_named and contact["name"] == contact["file_as"] and _is_family_first(contact):
        mended["name"] = join(_parts(contact))
    return mended


def protect(group: str, text: str) -> str:
    """The text of a cell that ``mend`` makes into this one."""
    if group == "Phone" and _number(text) != text:
        return f"'{text}"
    return ESCAPED_COLON.sub(r"\1\\\\\2", text) if group == "Website" else text


def _parts(contact: Mapping[str, Any]) -> Parts:
    return Parts(*(contact[part] for part in PARTS))


def _is_family_first(contact: Mapping[str, Any]) -> bool:
    family = (contact["family_name"] or "").strip()
    return bool(family) and contact["name"].startswith(f"{family},") and agrees(contact["name"], _parts(contact))


def _mended(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    ways = {"phone": _number, "url": _address}
    if entry["kind"] in ways and "value" in entry:
        return {**entry, "value": ways[entry["kind"]](entry["value"])}
    return entry


def _number(text: str) -> str:
    return undo(text, is_number=True)


def _address(text: str) -> str:
    return ESCAPED_COLON.sub(r"\1\2", text)
