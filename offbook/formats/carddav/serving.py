"""A contact -> the card that a device is served, in one of several forms; and the ETag that tells both.

An ETag is strong: the same one means the same bytes (RFC 9110, section 8.8.1). So it names the contact's seq and all
that the bytes depend on beside the contact: the form, and the version of what writes cards.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import NamedTuple

from offbook.formats.values import Contact, FetchBlob
from offbook.formats.vcard.writing import V3, write_card

WRITER = "1"
"""The version of what writes cards. Another one makes every device read every card again, so it is raised when, and
only when, some contact's card has other bytes than before (tests/formats/carddav/test_serving.py notices)."""

CATEGORIES = "categories"
"""The group style in which labels are CATEGORIES."""

SMALL_JPEG = "jpeg-720-200k"
"""The photo rule by which a photo is served as a JPEG of 720 pixels and 200 kB at the most."""

ETAG = re.compile(r'(?:W/)?"([0-9]{1,19})-([0-9a-f]{8})"', re.ASCII)


class CardForm(NamedTuple):
    """How cards are written for a device: vCard ``version`` (``3.0``, or ``4.0`` where that is asked for), how it is
    told of ``groups``, and by which rule it is served ``photos``."""

    version: str = V3
    groups: str = CATEGORIES
    photos: str = SMALL_JPEG


class ETag(NamedTuple):
    """What an ETag says: the seq of the contact, and form_id() of the form in which it was served."""

    seq: int
    form: str


def form_id(form: CardForm, writer: str = WRITER) -> str:
    """What tells this form from all others, as ETags and sync-tokens have it: 8 hexadecimal digits."""
    return blake2b("\n".join((*form, writer)).encode(), digest_size=4).hexdigest()


def etag(seq: int, form: CardForm) -> str:
    """The ETag of a card with its quotes: ``"SEQ-FORM"``."""
    return f'"{seq}-{form_id(form)}"'


def listed_etag(seq: int, form: CardForm) -> str:
    """The ETag by which reports and lists tell a card, in whatever version it is served: it is a property of the
    resource (RFC 4918, section 15.6), and a program that lists cards and reads them as 4.0 has one for both."""
    return etag(seq, form._replace(version=V3))


def parse_etag(text: str) -> ETag | None:
    """What an ETag says; None for what is none of ours. One that a proxy has made weak counts as it was."""
    match = ETAG.fullmatch(text.strip())
    return ETag(int(match[1]), match[2]) if match else None


def serve(contact: Contact, form: CardForm, fetch_photo: FetchBlob) -> bytes:
    """The card of a contact. ``fetch_photo`` gives the bytes that its photo is served as, which are made by the photo
    rule, under the SHA-256 that the contact names; None where they are not there yet, and then the card has none."""
    return write_card(contact, form.version, fetch_photo).text.encode()


def is_served_as_sent(sent: bytes, contact: Contact, form: CardForm, fetch_photo: FetchBlob) -> bool:
    """Whether a card that came is the bytes that its contact is served as from now on: only then does the answer to a
    PUT have an ETag (RFC 6352, section 6.3.2.3)."""
    return sent == serve(contact, form, fetch_photo)
