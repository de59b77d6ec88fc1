"""Why a search found a contact: which of its texts have the words, and where in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from offbook.contacts.labels import FIELDS, KINDS
from offbook.core.search import Term, phone_key
from offbook.core.text import normalize_for_search

Pieces = tuple[tuple[str, bool], ...]
"""A text in pieces, each with whether it is one of those that were searched for."""

SHOWN = ("name", "email", "phone", "company")
"""What a line of the list shows of a contact."""

EXCERPT_MAX = 80
BEFORE_MATCH = 20

ENTRY_TEXTS = ("value", "street", "city", "region", "postcode", "country", "po_box", "extended", "label")


class MatchReason(NamedTuple):
    """A text of a contact that its line does not show, with what it is called."""

    label: str
    pieces: Pieces


def match_pieces(text: str, terms: Iterable[Term]) -> Pieces:
    """A text, with what the terms of a search look for marked in it."""
    folded, places = _folded(text)
    marked = [False] * len(text)
    for term in terms:
        for part in _parts_in(text, folded, term):
            start = folded.find(part)
            while start >= 0:
                first, last = places[start], places[start + len(part) - 1]
                marked[first : last + 1] = [True] * (last + 1 - first)
                start = folded.find(part, start + len(part))
        if not any(marked) and _is_number(text, term):
            marked = [True] * len(text)
    return tuple(_runs(text, marked))


def unexplained(texts: Iterable[str | None], terms: Iterable[Term]) -> list[Term]:
    """The terms of a search that none of these texts fulfils."""
    values = [(text, normalize_for_search(text)) for text in texts if text]
    return [term for term in terms if not any(_fulfils(text, folded, term) for text, folded in values)]


def reason(contact: Mapping[str, Any], missing: Sequence[Term], terms: Sequence[Term]) -> MatchReason | None:
    """The first text of a contact beyond those that are SHOWN that one of the ``missing`` terms is in.

    All of the ``terms`` are marked in it. ``contact`` is as the wire has it. None where no single text has one, as
    where a term's parts are in several.
    """
    for label, value in _hidden_texts(contact):
        text = " ".join(value.split())
        if len(unexplained([text], missing)) < len(missing):
            return MatchReason(label, _excerpt(match_pieces(text, terms)))
    return None


def _hidden_texts(contact: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, label in FIELDS.items():
        value = contact.get(name)
        if name not in SHOWN and isinstance(value, str):
            yield label, value
    for entry in (contact.get("details") or {}).values():
        kind = KINDS.get(entry.get("kind") or "")
        label = kind.singular if kind else "Details"
        yield from ((label, entry[name]) for name in ENTRY_TEXTS if isinstance(entry.get(name), str))


def _folded(text: str) -> tuple[str, Sequence[int]]:
    """A text as searches see it, and for each of its letters the place in the text that it is from."""
    if text.isascii():
        return text.lower(), range(len(text))
    letters = [(letter, place) for place, char in enumerate(text) for letter in normalize_for_search(char)]
    return "".join(letter for letter, _ in letters), [place for _, place in letters]


def _parts_in(text: str, folded: str, term: Term) -> Iterator[str]:
    """The parts of the alternatives of a term that occur as a whole in a text; else those that do by themselves."""
    for parts in term:
        yield from (part for part in parts if part and part in folded)


def _fulfils(text: str, folded: str, term: Term) -> bool:
    return any(all(part in folded for part in parts) for parts in term) or _is_number(text, term)


def _is_number(text: str, term: Term) -> bool:
    """Whether a text is a phone number that another spelling of it looks for."""
    key = phone_key(text) if len(term) > 1 else None
    return key is not None and any(all(part in f"\n{key}\n" for part in parts) for parts in term)


def _runs(text: str, marked: Sequence[bool]) -> Iterator[tuple[str, bool]]:
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or marked[end] != marked[start]:
            yield text[start:end], marked[start]
            start = end


def _excerpt(pieces: Pieces) -> Pieces:
    """So much of a long text as a line has room for, around what is marked first."""
    if sum(len(text) for text, _ in pieces) <= EXCERPT_MAX or pieces[0][1]:
        return pieces
    (before, _), *rest = pieces
    cut = before if len(before) <= BEFORE_MATCH else "…" + before[-BEFORE_MATCH:]
    return ((cut, False), *rest)
