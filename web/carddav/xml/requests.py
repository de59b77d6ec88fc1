"""What the body of a request says, as values (RFC 4918, 6352, 6578, 3253)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from offbook.formats.vcard.filters import CardFilter
from web.carddav.xml.filters import parse_filter
from web.carddav.xml.names import ADDRESS_DATA, card, dav
from web.carddav.xml.reader import MULTIGET, Node, XmlRefused
from web.messages import carddav as messages

VERSIONS = ("3.0", "4.0")
NUMBER_DIGITS_MAX = 9


class UnsupportedData(XmlRefused):
    """Cards are asked for in a form that is not served."""

    code = "unsupported_data"


class UnsupportedReport(XmlRefused):
    """A REPORT of a kind that there is not."""

    code = "unsupported_report"


@dataclass(frozen=True, slots=True)
class Properties:
    """Which properties are asked for. ``names`` are without repetition; empty with ``all`` or ``only_names``.

    ``version`` is the one that cards are wanted in, where address-data says so.
    """

    names: Sequence[str] = ()
    all: bool = False
    only_names: bool = False
    version: str | None = None

    @property
    def has_data(self) -> bool:
        """Whether cards themselves are asked for."""
        return ADDRESS_DATA in self.names


@dataclass(frozen=True, slots=True)
class Multiget:
    """Cards by their addresses, as they were written."""

    properties: Properties
    hrefs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Query:
    """Cards that pass a filter, at most ``limit``."""

    properties: Properties
    filter: CardFilter
    limit: int | None


@dataclass(frozen=True, slots=True)
class SyncCollection:
    """What has changed since a token; an empty one asks for all there is."""

    properties: Properties
    token: str
    limit: int | None


Report = Multiget | Query | SyncCollection


def parse_propfind(root: Node | None) -> Properties:
    """What a PROPFIND asks for; without a body, all (RFC 4918, 9.1). Raises XmlRefused."""
    if root is None:
        return Properties(all=True)
    if root.name != dav("propfind"):
        raise XmlRefused.of(messages.NOT_A_PROPFIND)
    return _properties(root)


def parse_proppatch(root: Node | None) -> Sequence[str]:
    """The names of the properties that a PROPPATCH would set or remove. Raises XmlRefused."""
    if root is None or root.name != dav("propertyupdate"):
        raise XmlRefused.of(messages.NOT_A_PROPPATCH)
    parts = (part for part in root.children if part.name in (dav("set"), dav("remove")))
    names = [child.name for part in parts for prop in part.all(dav("prop")) for child in prop.children]
    if not names:
        raise XmlRefused.of(messages.NO_PROPERTY)
    return list(dict.fromkeys(names))


def parse_report(root: Node | None) -> Report:
    """What a REPORT asks for. Raises XmlRefused, UnsupportedReport and UnsupportedData."""
    if root is None:
        raise XmlRefused.of(messages.NO_REPORT)
    if root.name == MULTIGET:
        return Multiget(_properties(root), [node.text.strip() for node in root.all(dav("href"))])
    if root.name == card("addressbook-query"):
        limit = _limit(root.child(card("limit")), card("nresults"))
        return Query(_properties(root), parse_filter(root.child(card("filter"))), limit)
    if root.name == dav("sync-collection"):
        token = root.child(dav("sync-token"))
        limit = _limit(root.child(dav("limit")), dav("nresults"))
        return SyncCollection(_properties(root), token.text.strip() if token else "", limit)
    raise UnsupportedReport.of(messages.UNKNOWN_REPORT)


def _properties(root: Node) -> Properties:
    prop = root.child(dav("prop"))
    if prop is not None:
        names = tuple(dict.fromkeys(node.name for node in prop.children))
        return Properties(names, version=_version(prop.child(ADDRESS_DATA)))
    if root.child(dav("propname")) is not None:
        return Properties(only_names=True)
    include = root.child(dav("include"))
    return Properties(tuple(dict.fromkeys(node.name for node in include.children)) if include else (), all=True)


def _version(data: Node | None) -> str | None:
    """The version that cards are wanted in (RFC 6352, 10.4). Raises UnsupportedData."""
    if data is None:
        return None
    type_, version = data.attributes.get("content-type", "text/vcard"), data.attributes.get("version")
    if type_.partition(";")[0].strip().lower() not in ("text/vcard", "text/x-vcard", "text/directory", ""):
        raise UnsupportedData.of(messages.UNSUPPORTED_TYPE)
    if version and version not in VERSIONS:
        raise UnsupportedData.of(messages.UNSUPPORTED_VERSION)
    return version or None


def _limit(node: Node | None, name: str) -> int | None:
    """How many results are wanted at most. Raises XmlRefused."""
    number = node.child(name) if node else None
    if number is None:
        return None
    text = number.text.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX and int(text)):
        raise XmlRefused.of(messages.BAD_LIMIT)
    return int(text)
