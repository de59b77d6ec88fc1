"""Lines of a card as they are compared, each with what of the contact it says.

Two lines say the same by the rules of ``offbook.formats.vcard.canonical``. Beyond these, of cards that came back: a
group's name says nothing, for programs give groups new names; nor does a TYPE that every phone or e-mail has, or that
says a label once more (khard); the case of parameters; an escape that a URI does not need; nor an escape more, as
Evolution makes at each edit.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from offbook.contacts.matching import number_key
from offbook.core.text import fold_key, normalize_for_search
from offbook.formats.carddav.serving import CardForm
from offbook.formats.values import Contact
from offbook.formats.vcard.canonical import statements_of, text_of
from offbook.formats.vcard.dates import NO_YEAR, OMIT_YEAR
from offbook.formats.vcard.items import CardItem, itemize
from offbook.formats.vcard.lines import LogicalLine, RawCard
from offbook.formats.vcard.properties import FIELDS, GROUP, MORE, TIME, without
from offbook.formats.vcard.reading import SEVERAL, TAKERS, parse_card
from offbook.formats.vcard.syntax import escape, split, unescape_uri
from offbook.formats.vcard.writing import placed_lines

LABELS = "CATEGORIES"
STANDARD = frozenset({*FIELDS, *SEVERAL, *TAKERS})
"""Properties that are fields of a contact, or labels of it."""

TYPES_OF_ALL = frozenset({"voice", "internet"})
JOINED_BY = {"NOTE": "\\n", "NICKNAME": ","}
DATES = frozenset({"date", "BDAY"})
STAND_IN = b"\xff\xd8"
"""The bytes that stand for any photo while a card is only compared."""

LABEL_MARK, PREF_MARK = "@LABEL", "@PREF"
"""What stands among the parameters of a line and is none: its label, and that it is preferred."""

PRINTED = "LABEL"
"""An address as it is printed, which is a parameter in 4.0 (RFC 6350, section 6.3.1), and a value of its entry."""

FoldedParams = Mapping[str, frozenset[str]]


class ServedVersion(NamedTuple):
    """A contact as it was when a device was served it, and the form in which it was.

    ``photos`` are the SHA-256 of all bytes that are the photo of this version for the device: those that it was served,
    those that the contact has, and those that came, where they look like these (offbook.contacts.photo_likeness). It is
    empty where the device was served no photo.
    """

    contact: Contact
    form: CardForm
    photos: Collection[str] = frozenset()


class CardLine(NamedTuple):
    """A line of a card as it is compared.

    ``family`` is the kind of detail that it is, or else the name of its property. ``place`` is what it says of the
    contact that was served: ``details/KEY``, the field of a first phone, e-mail or site, or empty for another field.
    """

    item: CardItem
    family: str
    value: Any
    params: FoldedParams
    place: str = ""

    @property
    def identity(self) -> str:
        """By what the line is known in every version of its contact."""
        if self.family == LABELS:
            return f"{LABELS}/{fold_key(str(self.value))}"
        return self.place or self.family

    @property
    def label(self) -> str:
        """What is beside a phone and the like."""
        return self.item.label

    @property
    def is_preferred(self) -> bool:
        """Whether it is the one of its kind to be taken first."""
        return self.item.is_preferred

    @property
    def all_params(self) -> FoldedParams:
        """Its parameters, with its label and that it is preferred."""
        others = {LABEL_MARK: self.label, PREF_MARK: "1" if self.is_preferred else ""}
        return {**self.params, **{name: frozenset({text}) for name, text in others.items() if text}}

    @property
    def exactly(self) -> Hashable:
        """All that it says."""
        return self.family, self.value, self.label, self.is_preferred, frozenset(self.params.items())

    @property
    def roughly(self) -> Hashable:
        """Its value without what people and programs write in several ways."""
        text = " ".join(map(str, self.value)) if isinstance(self.value, tuple) else str(self.value)
        number = number_key(text) if self.family == "phone" else ""
        return self.family, number or fold_key(normalize_for_search(text)).rstrip("/")

    @property
    def is_rare(self) -> bool:
        """Whether only few programs carry what it says: then a card without it says nothing about it."""
        return self.family in RARE or not (self.item.kind or self.family in STANDARD)


RARE = frozenset({"custom", "X-STARRED", "KIND", *(name for name in FIELDS if name.startswith("X-"))})


def lines_of_version(version: ServedVersion, photo: str) -> list[CardLine]:
    """The lines that a device was served of a contact. ``photo`` is the SHA-256 of the one in the card that came."""
    data = STAND_IN if version.photos else None
    written = placed_lines(version.contact, version.form.version, lambda _: data)
    rows: list[LogicalLine] = [(row, line.text.replace("\r\n ", "")[:-2]) for row, line in enumerate(written)]
    items = itemize(parse_card(RawCard(0, rows, has_begin=True, has_end=True)))
    shown = photo if photo in version.photos else version.contact.get("photo")
    lines = []
    for line in _compared(_one_label_each(items)):
        place = written[line.item.row].place
        value = shown if line.family == "PHOTO" and not place else line.value
        lines.append(line._replace(place=place, value=value))
    return lines


def lines_of_card(items: Iterable[CardItem], versions: Sequence[Sequence[CardLine]]) -> list[CardLine]:
    """The lines of a card that came, to be compared with those of ``versions``.

    The NOTEs of a card are one, unless several were served. A date of 1604 has no year, where one without was served:
    that year is Apple's for none, and some programs lose the parameter that says so.
    """
    items = _one_label_each(items)
    for name in SEVERAL:
        if all(sum(line.family == name and not line.params for line in version) < 2 for version in versions):
            items = _joined(items, name)
    yearless = {line.family for version in versions for line in version if _has_no_year(line)}
    return _compared(_without_year(item) if (item.kind or item.name) in yearless else item for item in items)


def _compared(items: Iterable[CardItem]) -> list[CardLine]:
    return [line for item in items for line in _line(item)]


def _line(item: CardItem) -> list[CardLine]:
    if item.name in SEVERAL:
        text = text_of(item)
        return [CardLine(item, item.name, text, _folded_params(item, item.params))] if text else []
    lines = []
    for statement in statements_of(item):
        family, *_, value, params = statement
        if item.kind == "address":
            value = value[:-1]
        elif not item.kind and family not in STANDARD:
            value = unescape_uri(value)
        folded = _folded_params(item, params)
        if item.printed:
            folded[PRINTED] = frozenset({fold_key(item.printed)})
        lines.append(CardLine(item, family, value, folded))
    return lines


def _folded_params(item: CardItem, params: Iterable[tuple[str, Iterable[str]]]) -> dict[str, frozenset[str]]:
    folded = {}
    label = {text.strip() for text in item.label.lower().split(",")}
    said = {*TYPES_OF_ALL, *label, *(f"x-{text}" for text in label)}
    for name, values in params:
        texts = frozenset(value.casefold() for value in values)
        if name == "TYPE":
            texts -= said
        if texts and name not in (GROUP, MORE, TIME, "VALUE"):
            folded[name] = texts
    return folded


def _one_label_each(items: Iterable[CardItem]) -> list[CardItem]:
    """The items, CATEGORIES with one name in each."""
    single = []
    for item in items:
        if item.name == LABELS:
            single += [item._replace(value=escape(name)) for text in split(item.value, ",") if (name := text.strip())]
        else:
            single.append(item)
    return single


def _joined(items: Iterable[CardItem], name: str) -> list[CardItem]:
    """The items, those of a name and without parameters as one."""
    kept: list[CardItem] = []
    place = -1
    for item in items:
        if item.name == name and not without(item.params, "VALUE") and item.value:
            if place >= 0:
                kept[place] = kept[place]._replace(value=f"{kept[place].value}{JOINED_BY[name]}{item.value}")
                continue
            place = len(kept)
        kept.append(item)
    return kept


def _has_no_year(line: CardLine) -> bool:
    day = line.value[0] if line.family in DATES and isinstance(line.value, tuple) else ""
    return str(day).startswith("--")


def _without_year(item: CardItem) -> CardItem:
    has_stand_in = item.value.startswith(NO_YEAR) and not any(name == OMIT_YEAR for name, _ in item.params)
    return item._replace(params=(*item.params, (OMIT_YEAR, (NO_YEAR,)))) if has_stand_in else item


# --- what a device has sent ------------------------------------------------------------------------------------------


def sent_marks(lines: Iterable[CardLine]) -> frozenset[str]:
    """A mark, 12 hexadecimal digits, of everything in these lines that is removed only by a device that sent it."""
    return frozenset(mark for line in lines for mark in _marks(line))


def mark_of_line(line: CardLine) -> str:
    """The mark of a line as a whole."""
    return _mark(line.family, line.value)


def mark_of_param(line: CardLine, name: str) -> str:
    """The mark of a parameter of a line; LABEL_MARK is its label, PREF_MARK that it is preferred."""
    return _mark(line.family, line.value, name, sorted(line.all_params[name]))


def _marks(line: CardLine) -> Iterable[str]:
    if not line.item.kind or line.is_rare:
        yield mark_of_line(line)
    for name in line.all_params:
        yield mark_of_param(line, name)


def _mark(*parts: object) -> str:
    return blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
