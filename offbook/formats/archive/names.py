"""The files of the zip: these names, and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

VERSION = 1
"""Of the form. A higher one may say things in ways that this version would read as something else."""

FORM = "offbook-contacts"

MANIFEST = "manifest.json"
CONTACTS = "contacts.jsonl"
TRASH = "trash.jsonl"
LABELS = "labels.jsonl"
HISTORY = "history.jsonl"
CARDS = "contacts.vcf"
TABLE = "contacts.csv"

FILES: Mapping[str, str] = MappingProxyType(
    {
        MANIFEST: "the version of this form",
        CONTACTS: "every contact, one JSON object a line",
        TRASH: "every contact in the trash, in the same form",
        LABELS: "every label, in the same form",
        HISTORY: "every change that is kept, one JSON object a line, the oldest first",
        CARDS: "the contacts as cards (vCard 4), with their photos",
        TABLE: "the contacts as the CSV of Google Contacts",
    }
)
"""By their names what is in each."""

RECORDS_MAX = 200_000
LABELS_MAX = 50_000
UNPACKED_BYTES_MAX = 1024**3
"""What an import takes of one zip: contacts, with those of the trash; labels, all of which are in memory at once; the
bytes to which unpacks what is packed."""

PHOTOS, THUMBNAILS = "photos/", "thumbnails/"
SUFFIXES: Mapping[str, str] = MappingProxyType(
    {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif"}
)
PICTURE = re.compile(r"(photos|thumbnails)/([0-9a-f]{64})\.(jpg|png|webp|gif)")


def photo_file(sha256: str, type_: str) -> str:
    """The name of a photo's file."""
    return f"{PHOTOS}{sha256}{SUFFIXES[type_]}"


def thumbnail_file(sha256: str) -> str:
    """The name of the file with a smaller picture of a photo, which is named by the photo's hash."""
    return f"{THUMBNAILS}{sha256}.jpg"


def files_of(sha256: str) -> list[str]:
    """The names of all files that may hold a photo, or a smaller picture of it."""
    return [*(f"{PHOTOS}{sha256}{suffix}" for suffix in SUFFIXES.values()), thumbnail_file(sha256)]


def is_imported(name: str) -> bool:
    """Whether an import unpacks this file."""
    return name not in (HISTORY, CARDS, TABLE)


def is_ours(name: str) -> bool:
    """Whether the zip of a book may have a file of this name, or a folder."""
    return name in FILES or name in (PHOTOS, THUMBNAILS) or PICTURE.fullmatch(name) is not None
