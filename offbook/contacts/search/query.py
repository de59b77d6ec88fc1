"""What people type into the search of the list: words, and between them what the list is narrowed by.

``label:Friends`` (or ``label:"Old friends"``), ``company:looms``, ``has:photo`` and ``is:starred``. What looks like one
of these and is none is a word like any other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NARROWING = re.compile(r'(?<!\S)(label|company|has|is):(?:"([^"]*)"?|(\S+))', re.IGNORECASE)

FIELDS_TO_HAVE = frozenset({"photo", "email", "phone", "company", "birthday", "notes", "website", "nickname"})
STARRED = "starred"


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """``words`` must all occur; ``labels`` and ``companies`` are how these begin, ``fields`` are filled."""

    words: str
    labels: tuple[str, ...] = ()
    companies: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    starred: bool = False


def parse_query(text: str) -> SearchQuery:
    """A search as it was typed, taken apart."""
    labels, companies, fields = list[str](), list[str](), list[str]()
    words, end, starred = list[str](), 0, False
    for match in NARROWING.finditer(text):
        name, value = match[1].lower(), match[2] if match[3] is None else match[3]
        if name == "label":
            labels.append(value)
        elif name == "company":
            companies.append(value)
        elif name == "has" and value.lower() in FIELDS_TO_HAVE:
            fields.append(value.lower())
        elif name == "is" and value.lower() == STARRED:
            starred = True
        else:
            continue
        words.append(text[end : match.start()])
        end = match.end()
    words.append(text[end:])
    return SearchQuery(" ".join("".join(words).split()), tuple(labels), tuple(companies), tuple(fields), starred)
