"""Which cards a filter lets pass, as CardDAV has it (RFC 6352, sections 8.3, 8.6 and 10.5). Pure.

Names of properties and groups are compared without case, and texts by a collation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from offbook.formats.vcard.syntax import Property, parse_line, unescape

ALWAYS = frozenset({"FN", "N", "UID", "VERSION"})
"""What every card has that is served."""

FOLD = re.compile(r"\r?\n[ \t]")


def unicode_casemap(text: str) -> str:
    """A text as i;unicode-casemap compares it (RFC 5051): without case, and however it was composed."""
    return normalize("NFKD", normalize("NFKD", text).casefold())


def ascii_casemap(text: str) -> str:
    """A text as i;ascii-casemap compares it (RFC 4790, section 9.2): letters of ASCII without case."""
    return text.translate(ASCII_LOWER)


def as_it_is(text: str) -> str:
    """A text as i;octet compares it."""
    return text


ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}

COLLATIONS: Mapping[str, Callable[[str], str]] = {
    "i;unicode-casemap": unicode_casemap,
    "i;ascii-casemap": ascii_casemap,
    "i;octet": as_it_is,
}
"""By name: what a text is before it is compared."""

COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": str.__contains__,
    "equals": str.__eq__,
    "starts-with": str.startswith,
    "ends-with": str.endswith,
}
"""By match-type: whether a text has another one where it is to have it."""


@dataclass(frozen=True, slots=True)
class TextMatch:
    """A text that a value is to have. ``text`` is as the collation compares it."""

    text: str
    collation: str = "i;unicode-casemap"
    comparison: str = "contains"
    is_negated: bool = False

    def matches(self, value: str) -> bool:
        """Whether a value has the text, or has it not, where the condition is negated."""
        return COMPARISONS[self.comparison](COLLATIONS[self.collation](value), self.text) is not self.is_negated


@dataclass(frozen=True, slots=True)
class ParamFilter:
    """A parameter that a property has or, with ``is_absent``, has not; with a text, where there is a match."""

    name: str
    is_absent: bool = False
    match: TextMatch | None = None

    def matches(self, line: Property) -> bool:
        """Whether a property's parameters are so."""
        values = dict(line.params).get(self.name)
        if values is None or self.is_absent:
            return values is None and self.is_absent
        return self.match is None or any(map(self.match.matches, values))


@dataclass(frozen=True, slots=True)
class PropFilter:
    """A property that a card has or, with ``is_absent``, has not. Of the conditions all are to hold for one and the
    same line, or any; without conditions it is enough that there is such a line."""

    name: str
    group: str = ""
    is_absent: bool = False
    needs_all: bool = False
    texts: Sequence[TextMatch] = ()
    params: Sequence[ParamFilter] = ()

    def matches(self, lines: Iterable[Property]) -> bool:
        """Whether a card with these lines passes."""
        own = [line for line in lines if line.name == self.name and self.group in ("", line.group.upper())]
        if self.is_absent:
            return not own
        return any(map(self._matches_line, own))

    def _matches_line(self, line: Property) -> bool:
        if not (self.texts or self.params):
            return True
        value = unescape(line.value)
        results = [text.matches(value) for text in self.texts] + [param.matches(line) for param in self.params]
        return all(results) if self.needs_all else any(results)


@dataclass(frozen=True, slots=True)
class CardFilter:
    """What cards are to be like: all of the filters hold, or any. Without filters every card passes."""

    props: Sequence[PropFilter] = ()
    needs_all: bool = False

    @property
    def lets_all_pass(self) -> bool:
        """Whether it is known without a look at any card that all of them pass."""
        combine = all if self.needs_all else any
        return not self.props or combine(
            prop.name in ALWAYS and not (prop.group or prop.is_absent or prop.texts or prop.params)
            for prop in self.props
        )

    def matches(self, card: bytes) -> bool:
        """Whether a card that is served passes."""
        if not self.props:
            return True
        text = FOLD.sub("", card.decode("utf-8", "replace"))
        lines = [line for row, each in enumerate(text.splitlines()) if (line := parse_line(each, row))]
        results = (prop.matches(lines) for prop in self.props)
        return all(results) if self.needs_all else any(results)
