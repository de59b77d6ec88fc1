"""A body of XML as a tree, within bounds: no DTD, no entities, only so deep, so many elements, and none without end.

What is in no namespace that anybody here knows is read as all else, and ignored by whoever looks for something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from web.carddav.xml.names import card, dav

BODY_BYTES_MAX = 1024 * 1024
MULTIGET_BYTES_MAX = 16 * 1024 * 1024
DEPTH_MAX = 32
HREFS_MAX = 50_000
ELEMENTS_MAX = 2_000
"""Beside the hrefs of a multiget."""

CHUNK_BYTES = 64 * 1024
TOKEN_BYTES_MAX = 2 * CHUNK_BYTES
"""Of one tag with its attributes: the parser reports it whole, and would hold any number of them."""

ENCODING = re.compile(rb"""\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"']{0,40})["']""")
ENCODINGS = frozenset({b"utf-8", b"us-ascii", b"iso-8859-1"})
"""Those that the parser knows by itself; and UTF-16, of which the declaration can't be read so."""

MULTIGET = card("addressbook-multiget")
HREF = dav("href")


class XmlRefused(Exception):
    """A body that is not read, and why, in a sentence."""


class XmlTooLarge(XmlRefused):
    """It is longer than a body of its kind may be."""


class TooManyHrefs(XmlRefused):
    """It names more cards than one request may."""


@dataclass(slots=True)
class Node:
    """An element. ``text`` is what stands in it before, between and after its children."""

    name: str
    attributes: dict[str, str]
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def child(self, name: str) -> Node | None:
        """The first child of this name."""
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[Node]:
        """The children of this name, in order."""
        return (child for child in self.children if child.name == name)


def parse_xml(body: bytes) -> Node:
    """The root of a document. Raises XmlRefused."""
    declared = ENCODING.match(body)
    if declared and declared[1].lower() not in ENCODINGS:
        raise XmlRefused("The XML must be in UTF-8.")
    target = _Tree(len(body))
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    try:
        for start in range(0, len(body), CHUNK_BYTES):
            parser.feed(body[start : start + CHUNK_BYTES])
            if start + CHUNK_BYTES - parser.parser.CurrentByteIndex > TOKEN_BYTES_MAX + CHUNK_BYTES:
                raise XmlRefused("A tag of the XML is too long.")
        root = parser.close()
    except DefusedXmlException:
        raise XmlRefused("The XML has a document type or entities, which are not read here.") from None
    except (ParseError, ValueError, LookupError):
        raise XmlRefused("The body is not well-formed XML.") from None
    assert isinstance(root, Node)
    return root


class _Tree:
    """Builds the tree of a document, and ends where it grows too large."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        self._root: Node | None = None
        self._hrefs = 0
        self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        node = Node(name, attributes)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._begin(node)
        self._count(name)
        self._open.append(node)
        self._texts.append([])
        if len(self._open) > DEPTH_MAX:
            raise XmlRefused(f"The XML is nested more than {DEPTH_MAX} deep.")

    def _begin(self, root: Node) -> None:
        self._root = root
        if self._size > BODY_BYTES_MAX and root.name != MULTIGET:
            raise XmlTooLarge(f"This may have at most {BODY_BYTES_MAX:,} bytes.")

    def _count(self, name: str) -> None:
        if name == HREF and self._root is not None and self._root.name == MULTIGET:
            self._hrefs += 1
            if self._hrefs > HREFS_MAX:
                raise TooManyHrefs(f"One request may name at most {HREFS_MAX:,} cards.")
            return
        self._elements += 1
        if self._elements > ELEMENTS_MAX:
            raise XmlRefused(f"The XML has more than {ELEMENTS_MAX:,} elements.")

    def data(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)

    def end(self, name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def close(self) -> Node | None:
        return self._root
