"""A contact with everything that a card can say, several of each, and what a device was served of it."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from itertools import count
from typing import Any

from offbook.formats.carddav.edits import CardEdits, edits_of
from offbook.formats.carddav.incoming import read_incoming
from offbook.formats.carddav.lines import ServedVersion
from offbook.formats.carddav.serving import CardForm, serve
from offbook.formats.values import Contact
from tests.formats.vcard_strategies import PNG, dump

V3, V4 = CardForm("3.0"), CardForm("4.0")
FORMS = [V3, V4]

PICTURE = b64decode(PNG)
SERVED_PICTURE = b"\xff\xd8\xff\xe0 the same, as a JPEG of 720 pixels"
PHOTO = sha256(PICTURE).hexdigest()
PHOTOS = frozenset({PHOTO, sha256(SERVED_PICTURE).hexdigest()})


def _details(entries: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {f"k{number}": {**entry, "position": number} for number, entry in enumerate(entries, 1)}


RICH: Contact = {
    "id": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "uid": "rich@offbook.example",
    "name": "Dr. Ada M. King, Jr.",
    "prefix": "Dr.",
    "given_name": "Ada",
    "middle_name": "M.",
    "family_name": "King",
    "suffix": "Jr.",
    "phonetic_given": "Eida",
    "nickname": "Ad, Addie",
    "file_as": "King, Ada",
    "company": "Works; Build & Co",
    "department": "Engines; Team 1",
    "title": "Head, Engines",
    "role": "Planner",
    "birthday": "--12-10",
    "notes": "first line\nsecond, with; signs \\ and ^n",
    "starred": True,
    "kind": "person",
    "photo": PHOTO,
    "phone": "+1 555 0110",
    "phone_label": "Mobile",
    "phone_params": dump([["PREF", ["1"]], ["X-CARRIER", ["Sky; Net"]]]),
    "email": "ada@king.example",
    "email_label": "Work",
    "email_params": None,
    "website": "https://king.example/a,b;c",
    "website_label": "Home Page",
    "website_params": None,
    "details": _details(
        [
            {"kind": "phone", "label": "Home Fax", "value": "+1 555 0111"},
            {"kind": "phone", "label": "Boat", "value": "+1 555 0112", "params": dump([["TYPE", ["text"]]])},
            {"kind": "email", "label": "Home", "value": "ada@home.example"},
            {"kind": "email", "label": "Club, private", "value": "ada@club.example", "pref": True},
            {
                "kind": "address", "label": "Home", "street": "Lane 2\nBack yard", "city": "Town", "postcode": "12345",
                "country": "Land", "value": "Ada King\nLane 2\n12345 Town", "params": dump([["X-ABADR", ["de"]]]),
            },
            {"kind": "address", "label": "Summer house", "street": "Path 3", "po_box": "7", "city": "Sea; side"},
            {"kind": "url", "label": "Blog", "value": "https://blog.example/?q=1"},
            {"kind": "date", "label": "Anniversary", "value": "2001-02-03"},
            {"kind": "date", "label": "Boat day", "value": "--06-07"},
            {"kind": "im", "label": "Skype", "value": "ada.king", "params": dump([["@NAME", ["X-SKYPE"]]])},
            {"kind": "im", "label": "Work", "value": "xmpp:ada@king.example", "params": dump([["X-SERVICE", ["J"]]])},
            {"kind": "relation", "label": "Spouse", "value": "William King"},
            {"kind": "relation", "label": "Neighbour", "value": "Bob, the builder"},
            {"kind": "group", "value": "Choir"},
            {"kind": "group", "value": "Friends, old"},
            {"kind": "custom", "label": "Shoe size", "value": "38"},
            {"kind": "property", "label": "GENDER", "value": "F"},
            {"kind": "property", "label": "X-FOO", "value": "a\\,b;c", "params": dump([["X-BAR", ["x,y"]]])},
            {"kind": "property", "label": "GEO", "value": "geo:52.5,13.4"},
            {"kind": "property", "label": "KEY", "value": "data:application/pgp-keys;base64,AAECAwQFBgc="},
            {"kind": "property", "label": "N", "params": dump([["SORT-AS", ["King,Ada"]]])},
            {"kind": "property", "label": "X-HULL", "value": "steel", "params": dump([["@GROUP", ["item3"]]])},
            {"kind": "url", "label": "", "value": "https://ships.example", "params": dump([["@GROUP", ["item3"]]])},
        ]
    ),
}  # fmt: skip


def fetch_photo(sha256_: str) -> bytes | None:
    """The photo as devices are served it."""
    return SERVED_PICTURE if sha256_ == PHOTO else None


def card_of(contact: Contact, form: CardForm) -> str:
    """The card that a device is served."""
    return serve(contact, form, fetch_photo).decode()


def version_of(contact: Contact, form: CardForm) -> ServedVersion:
    """What a device was served."""
    return ServedVersion(contact, form, PHOTOS if contact.get("photo") else frozenset())


def put(
    text: str, contacts: Sequence[Contact | None], form: CardForm = V3, sent_before: Collection[str] = ()
) -> CardEdits:
    """What a card changes that comes from a device that was served these versions."""
    versions = [None if contact is None else version_of(contact, form) for contact in contacts]
    numbers = count(1)
    return edits_of(read_incoming(text.encode()), versions, sent_before, lambda: f"new{next(numbers)}")


def with_detail(contact: Contact, key: str, **attributes: Any) -> Contact:
    """The contact with other attributes in a detail of it."""
    entry = {**contact["details"].get(key, {}), **attributes}
    return {**contact, "details": {**contact["details"], key: entry}}


def without_detail(contact: Contact, *keys: str) -> Contact:
    """The contact without some of its details."""
    return {**contact, "details": {key: entry for key, entry in contact["details"].items() if key not in keys}}
