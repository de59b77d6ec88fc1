"""What a search looks for, and the text in which it looks: the same on a server and on a device.

The text of a record holds its values, folded, a line each. A value that is a phone number as a whole stands there a
second time as a key: its digits, behind a plus where they begin with a country's code. Of a search each word must
occur; of words that make up a number, either each of them or a key by another spelling of it. What was typed is never
changed by any of this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from unicodedata import combining, normalize

from offbook.core.text import normalize_for_search

WORDS_MAX = 20

NUMBER_LENGTH_MAX = 60
LAST_DIGITS = 7
"""By so many digits at its end a number is known where nobody knows which country it is of."""

SEPARATORS = str.maketrans("", "", " ()./-\t")
NUMBER = re.compile(r"(\+?[0-9]{5,20})(?:(?:;ext=|extension|ext|x|#|,+)[0-9]{1,8})?")
"""A phone number without separators, and the extension behind it, which is no part of its key."""

MAY_BE_NUMBER = re.compile(r"[-+0-9 ()./\t;=,#xetnsio]+", re.IGNORECASE | re.ASCII)
"""What all numbers in ASCII are made of: most texts have another character near their beginning."""

LAST_TYPED = re.compile(f"[0-9]{{1,{LAST_DIGITS}}}$")

NUMBER_WORD = re.compile(r"[+0-9()./-]+")
TRUNK_ZERO = "(0)"
"""What is dialled within a country only, as in ``+49 (0)30 1234567``."""

Alternative = tuple[str, ...]
"""Parts of the text that must all occur in it."""

Term = tuple[Alternative, ...]
"""One of them must be fulfilled."""

Spell = Callable[[str], Iterable[str]]
"""Gives the parts of the text, one of which occurs where a number is stored; of its key."""


# --- the text ---------------------------------------------------------------------------------------------------------


def searched_text(values: Iterable[str]) -> str:
    """These values as searches look through them. Each line ends, and one begins, so that a search can say where."""
    texts = list(values)
    keys = [key for value in texts if not value[:1].isalpha() and (key := phone_key(value)) is not None]
    return f"\n{normalize_for_search(chr(10).join([*texts, *keys]))}\n"


def phone_key(value: str) -> str | None:
    """The key of what is a phone number as a whole; None for all else."""
    if (
        len(value) > NUMBER_LENGTH_MAX
        or value[:1].isalpha()
        or (value.isascii() and not MAY_BE_NUMBER.fullmatch(value))
    ):
        return None
    text = normalize_for_search(value)
    compact = text.translate(SEPARATORS)
    if TRUNK_ZERO in text and compact.startswith(("+", "00")):
        compact = text.replace(TRUNK_ZERO, "", 1).translate(SEPARATORS)
    if (match := NUMBER.fullmatch(compact)) is None:
        return None
    return f"+{match[1][2:]}" if match[1].startswith("00") else match[1]


# --- the question -----------------------------------------------------------------------------------------------------


def last_digits(key: str) -> list[str]:
    """Spellings of a number of which nobody knows the country: its digits, and any number that ends as it does."""
    digits = key.removeprefix("+")
    return [digits, f"{digits[-LAST_DIGITS:]}\n"] if len(digits) >= LAST_DIGITS else [digits]


def search_terms(search: str, spell: Spell = last_digits) -> list[Term]:
    """What must be fulfilled, all of it, by the text of a record that is searched for."""
    words = search.split()[:WORDS_MAX]
    terms: list[Term] = []
    for is_number, run in groupby(words, lambda word: NUMBER_WORD.fullmatch(normalize_for_search(word)) is not None):
        group = list(run)
        key = phone_key(" ".join(group)) if is_number else None
        if key is None:
            terms.extend(_word_terms(group))
        else:
            as_typed = tuple(map(normalize_for_search, group))
            terms.append(tuple(dict.fromkeys([as_typed, *((part,) for part in spell(key))])))
    return terms


def narrowed(terms: Iterable[Term]) -> list[Term]:
    """The same terms, each behind what all of its alternatives hold: of most texts nothing else is to be looked at."""
    pairs = [(_common_part(term), term) for term in terms]
    return [each for part, term in pairs for each in ([((part,),), term] if part else [term])]


def _common_part(term: Term) -> str:
    """The digits at the end of a number as it was typed, where each spelling of it has them; else nothing."""
    digits = LAST_TYPED.search(term[0][-1]) if len(term) > 1 else None
    is_common = digits and all(any(digits[0] in part for part in parts) for parts in term)
    return digits[0] if digits and is_common else ""


def _word_terms(words: Iterable[str]) -> Iterator[Term]:
    """A word stands there folded as today; or as an older version folded it, until its text is made anew."""
    for word in words:
        spellings = dict.fromkeys([tuple(normalize_for_search(word).split()), tuple(_first_folding(word).split())])
        if () not in spellings:
            yield tuple(spellings)


def _first_folding(text: str) -> str:
    folded = normalize("NFKD", normalize("NFKD", text).casefold())
    return "".join(letter for letter in folded if not combining(letter))


def fulfils(text: str, terms: Iterable[Term]) -> bool:
    """Whether a text that searched_text() made is one of those that are searched for."""
    return all(any(all(part in text for part in parts) for parts in alternatives) for alternatives in terms)
