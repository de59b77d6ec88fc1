"""A person's name and its parts: what is shown, and what it is made of.

split() takes a name apart as people write it, with titles, suffixes, particles ("van der"), or as "Family, Given".
join() puts the parts together. complete() derives what a write left out, so that name and parts always tell of one
person. All of it is pure, and the same on a server, on a page and on a device.

Nobody can take every name apart: two family names are read as a middle name and one family name, and what has no spaces
("山田太郎") is one part. Whoever knows better gives the parts, and these stand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from offbook.core.model import Cells, Record, Value
from offbook.core.schema import Composite

NAME = "name"
PARTS = ("prefix", "given_name", "middle_name", "family_name", "suffix")
STAND_INS = ("company", "email", "phone")
"""Of these the first that is filled is the name of a contact that has none."""

NAME_MAX = 300
PART_MAX: Mapping[str, int] = {
    "prefix": 100,
    "given_name": 200,
    "middle_name": 200,
    "family_name": 200,
    "suffix": 100,
}
"""How many characters fit."""

ANY_PART_MAX = min(PART_MAX.values())
"""What is no longer than this fits into each of them."""

TITLES = frozenset(
    {"dr", "prof", "professor", "doctor", "mr", "mrs", "ms", "miss", "mx", "sir", "dame", "lord", "lady", "rev"}
    | {"reverend", "rabbi", "herr", "frau", "mme", "madame", "mlle", "monsieur", "señor", "señora", "signor", "signora"}
)
DOTTED_TITLES = frozenset(
    {
        "sr.",
        "sra.",
        "srta.",
        "sig.",
        "dott.",
        "dott.ssa",
        "ing.",
        "dipl.-ing.",
        "dr.-ing.",
        "mag.",
        "fr.",
        "hon.",
        "gov.",
    }
    | {"capt.", "col.", "gen.", "lt.", "sgt.", "maj.", "cmdr.", "adm.", "sen.", "rep.", "st."}
)
"""Titles only with their dot: without it they are names (Sen, Gen, Ing)."""
TITLES_GO_ON = frozenset(
    {"med.", "rer.", "nat.", "phil.", "jur.", "iur.", "h.", "c.", "habil.", "h.c.", "dent.", "vet."}
)
"""What goes on with a title before it: Dr. med., Dr. h. c."""
TITLES_OF_GIVEN = frozenset({"sir", "dame"})
"""Titles before a given name; a single word behind any other title is a family name."""

SUFFIXES = frozenset(
    {"jr", "jnr", "junior", "sr", "snr", "phd", "dphil", "esq", "esquire", "mba", "dds", "obe", "mbe", "cbe", "kbe"}
    | {"2nd", "3rd", "4th"}
)
CAPITAL_SUFFIXES = frozenset({"II", "III", "IV", "VI", "VII", "VIII", "MD"})
"""What follows a name only in capitals: Md is a given name."""
SUFFIXES_BEHIND_A_COMMA = frozenset({"MA", "BA", "BSc", "MSc", "BS", "MS", "JD", "LLM", "CPA", "RN", "PE", "DVM", "MP"})
"""What is a name as well (Yo-Yo Ma)."""

PARTICLES = frozenset(
    {"von", "van", "de", "del", "della", "di", "du", "der", "den", "dos", "la", "le", "ter", "bin", "ibn", "al", "el"}
)
SMALL_PARTICLES = PARTICLES | {
    "da",
    "das",
    "do",
    "des",
    "dello",
    "degli",
    "dal",
    "los",
    "las",
    "ten",
    "te",
    "zu",
    "zum",
}
SMALL_PARTICLES |= {
    "zur",
    "af",
    "av",
    "bint",
    "binti",
    "ben",
    "op",
    "'t",
    "of",
    "e",
    "dela",
    "vom",
    "vander",
    "in",
    "d'",
}
"""Particles in small letters: in capitals most of these are names."""
CONNECTOR = "y"
"""Between two family names: Ortega y Gasset."""

LEGAL_FORMS = frozenset({"inc", "ltd", "llc", "llp", "plc", "gmbh", "ag", "kg", "ev", "bv", "nv", "corp", "sarl"})
EASTERN = re.compile(
    r"[々〇ヽ-ヿ\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Characters of names that begin with the family's."""
BRACKETED = re.compile(r"[(\[{].*[)\]}]", re.DOTALL)
LETTER = re.compile(r"[^\W\d_]")


class Parts(NamedTuple):
    """What a name is made of, in the order of PARTS; None for what it has not."""

    prefix: str | None = None
    given_name: str | None = None
    middle_name: str | None = None
    family_name: str | None = None
    suffix: str | None = None


NO_PARTS = Parts()


# --- taking apart and putting together -------------------------------------------------------------------------------


def split(name: str) -> Parts:
    """The parts of a name, as people write names. Every word of it is in one of them."""
    head, *tail = [piece.split() for piece in name.split(",")] if "," in name else [name.split()]
    tail = [words for words in tail if words]
    if not head and tail:
        head, *tail = tail
    if not head:
        return NO_PARTS
    followers: list[str] = []
    while tail and all(_is_suffix(word, behind_comma=len(head) > 1 or len(tail) > 1) for word in tail[-1]):
        followers.insert(0, " ".join(tail.pop()))
    suffix = ", ".join(followers)
    if not tail:
        return _without_comma(head, suffix, bool(suffix))
    given_names = [word for words in tail for word in words]
    return _family_first(head, given_names, suffix)


def join(parts: Parts) -> str:
    """The name that is made of these parts; empty where there are none."""
    prefix, given_name, middle, family, suffix = (part or "" for part in parts)
    is_family_first = is_eastern(given_name) and is_eastern(family)
    in_order = (family, middle, given_name) if is_family_first else (given_name, middle, family)
    return " ".join(" ".join((prefix, *in_order, suffix)).split())


def agrees(name: str, parts: Parts) -> bool:
    """Whether a name is made of just these parts, in one of the orders in which people write them."""
    words, in_order = _words(name), _words(" ".join([part for part in parts if part]))
    if words == in_order or ("," in name and sorted(words) == sorted(in_order)):
        return True
    if not (is_eastern(parts.given_name or "") and is_eastern(parts.family_name or "")):
        return False
    return "".join(words) in ("".join(in_order), "".join(_words(join(parts))))


def is_eastern(text: str) -> bool:
    """Whether a name is written in the characters of China, Japan or Korea, and begins with the family's."""
    letters = [] if text.isascii() else LETTER.findall(text)
    return bool(letters) and all(EASTERN.match(letter) for letter in letters)


def is_of_person(name: str) -> bool:
    """Whether a name can have parts: an address, a number, a remark in brackets, or what has a legal form has none."""
    words = name.split()
    if len(words) == 1 and "@" in name or not LETTER.search(name) or BRACKETED.fullmatch(name.strip()):
        return False
    return not (len(words) > 1 and _bare(words[-1]) in LEGAL_FORMS)


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _bare(word: str) -> str:
    return word.replace(".", "").rstrip(",").casefold()


def _is_suffix(word: str, behind_comma: bool = False) -> bool:
    bare = word.replace(".", "")
    if behind_comma and bare in SUFFIXES_BEHIND_A_COMMA:
        return True
    return bare.casefold() in SUFFIXES or bare in CAPITAL_SUFFIXES


def _is_title(word: str) -> bool:
    return word.removesuffix(".").casefold() in TITLES or word.casefold() in DOTTED_TITLES


def _without_comma(words: Sequence[str], suffix: str, is_family: bool = False) -> Parts:
    """The parts of a name that is written as it is said. A single word before a ``suffix`` ``is_family``."""
    titles, rest = _titles(words)
    end = len(rest)
    while end > 1 and _is_suffix(rest[end - 1]):
        end -= 1
    suffix = ", ".join(filter(None, (" ".join(rest[end:]), suffix)))
    rest = rest[:end]
    if len(rest) > 1 and all(map(is_eastern, rest)):
        return _parts(titles, rest[1:], (), rest[:1], suffix)
    start = _family_start(rest)
    if len(rest) == 1 and (is_family or (titles and titles[-1].casefold() not in TITLES_OF_GIVEN)):
        start = 0
    return _parts(titles, rest[: min(1, start)], rest[1:start], rest[start:], suffix)


def _family_first(family: Sequence[str], given_names: Sequence[str], suffix: str) -> Parts:
    titles, rest = _titles(given_names)
    end = len(family)
    while end > 1 and _is_suffix(family[end - 1]):
        end -= 1
    suffix = ", ".join(filter(None, (" ".join(family[end:]), suffix)))
    return _parts(titles, rest[:1], rest[1:], family[:end], suffix)


def _titles(words: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """The titles before a name, and the name, which has one word at least."""
    count = 0
    while count < len(words) - 1 and (_is_title(words[count]) or (count and words[count].casefold() in TITLES_GO_ON)):
        count += 1
    return words[:count], words[count:]


def _family_start(words: Sequence[str]) -> int:
    """At which word the family name begins; behind the last where there is none."""
    if len(words) == 1:
        return 1
    if words[0] in SMALL_PARTICLES:
        return 0
    last = len(words) - 1
    while last > 1 and BRACKETED.fullmatch(words[last]):
        last -= 1
    for place in range(1, last):
        if words[place] in SMALL_PARTICLES or words[place].casefold() in PARTICLES:
            return place
        if words[place] == CONNECTOR and place > 1:
            return place - 1
    return last


def _parts(
    prefix: Sequence[str], given_names: Sequence[str], middle: Sequence[str], family: Sequence[str], suffix: str
) -> Parts:
    return Parts(
        " ".join(prefix) or None,
        " ".join(given_names) or None,
        " ".join(middle) or None,
        " ".join(family) or None,
        suffix or None,
    )


# --- what a write left out -------------------------------------------------------------------------------------------


def parts_of(name: str, cells: Mapping[str, Any]) -> Parts:
    """The parts that follow from a contact's name. One that only stands in for a name (the company's) has none."""
    if name in [cells.get(field) for field in STAND_INS] or not is_of_person(name):
        return NO_PARTS
    parts = split(name)
    if len(name) <= ANY_PART_MAX or all(
        len(text or "") <= PART_MAX[part] for part, text in zip(PARTS, parts, strict=True)
    ):
        return parts
    return NO_PARTS


def parts_to_write(record: Record) -> Cells | None:
    """The parts that a contact is to get which versions wrote that knew each cell for itself; None where all is right.

    A name without parts gets them. Where both differ, the name counts if it was written later: it is what was shown.
    """
    cells = record.cells
    name, known = cells.get(NAME), Parts(*(_text(cells.get(part)) for part in PARTS))
    if not isinstance(name, str) or agrees(name, known):
        return None
    if any(known) and record.clock(NAME).seq <= max(record.clock(part).seq for part in PARTS):
        return None
    made = parts_of(name, cells)
    return None if made == known else dict(zip(PARTS, made, strict=True))


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None


def stand_in(cells: Mapping[str, Any]) -> str | None:
    """What a contact without a name is called; None where there is nothing to call it by."""
    texts = (cells.get(field) for field in STAND_INS)
    return next((text[:NAME_MAX] for text in texts if text and text.strip()), None)


def complete(written: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    """The name and parts of a contact, where a write of some cells touches them; empty where it does not.

    ``known`` are the cells as the writer knew them. What is as it was known is not written. A new name brings its
    parts, new parts bring their name, and a name that stood in for one follows what it stood for.
    """
    cells = {**known, **written}
    before, name = known.get(NAME), _filled(written.get(NAME))
    seen = known_parts(known)
    parts = Parts(*[written[part] or None if part in written else old for part, old in zip(PARTS, seen, strict=True)])
    if name is not None and name != before:
        return _value(name, _parts_of_new_name(name, written, parts, cells, is_new=not before))
    if parts != seen:
        return _name_of_new_parts(parts, cells, before if name == before or not stand_in(cells) else None)
    if name is not None:
        has_parts = any(known.get(part) for part in PARTS)
        return _value(name, made) if not has_parts and any(made := parts_of(name, cells)) else {}
    if any(seen):
        return {}
    if NAME in written or not before:
        return _value(text, NO_PARTS) if (text := stand_in(cells)) else {}
    if (field := _stood_for(known)) and cells.get(field) != before:
        followed = (cells.get(field) or "")[:NAME_MAX].strip() or stand_in(cells) or before
        return _value(followed, parts_of(followed, cells))
    return {}


def known_parts(known: Mapping[str, Any]) -> Parts:
    """The parts as they are known, or as they follow from a name that has none yet."""
    parts = Parts(*[known.get(part) or None for part in PARTS])
    name = known.get(NAME)
    return parts if any(parts) or not name else parts_of(name, known)


def _value(name: str, parts: Parts) -> dict[str, str | None]:
    return {NAME: name, **dict(zip(PARTS, parts, strict=True))}


def _filled(text: str | None) -> str | None:
    return text if text and text.strip() else None


def _parts_of_new_name(
    name: str, written: Mapping[str, Any], parts: Parts, cells: Mapping[str, Any], is_new: bool
) -> Parts:
    """Those that were given or stood, where the name is made of them; else those that it is made of, unless others were
    given: these are its writer's word. Whoever gives parts with a contact that ``is_new`` gives all that it has.
    """
    if agrees(name, parts):
        return parts
    fresh = parts_of(name, cells)
    named = [part for part in PARTS if part in written]
    if not any(written[part] for part in named):
        return fresh
    fits = all((written[part] or None) == getattr(fresh, part) for part in named)
    return parts if is_new or not fits else fresh


def _name_of_new_parts(parts: Parts, cells: Mapping[str, Any], instead: str | None) -> dict[str, str | None]:
    """The name that the parts make, as it is written already; where they are empty, the name that there is ``instead``,
    or what stands in."""
    if (name := cells.get(NAME)) and agrees(name, parts) or (name := join(parts)[:NAME_MAX]):
        return _value(name, parts)
    other = instead or stand_in(cells)
    return _value(other, parts_of(other, cells)) if other else {}


def _stood_for(known: Mapping[str, Any]) -> str | None:
    """The cell that a contact is called like; None where it has a name of its own."""
    return next((field for field in STAND_INS if known.get(field) == known[NAME]), None)


COMPOSITE = Composite(whole=NAME, parts=PARTS, stand_ins=STAND_INS, complete=complete)
"""A name and its parts as the declaration of contacts has them: one value for merging."""
