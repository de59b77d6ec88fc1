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

from offbook.core.errors import OffbookError
from web.carddav.xml.names import card, dav
from web.messages import carddav as messages

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


class XmlRefused(OffbookError):
    """A body that is not read."""

    code = "bad_xml"


class XmlTooLarge(XmlRefused):
    """It is longer than a body of its kind may be."""

    code = "body_too_large"


class TooManyHrefs(XmlRefused):
    """It names more cards than one request may."""

    code = "too_many_hrefs"


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
        raise XmlRefused.of(messages.XML_NOT_UTF8)
    target = _Tree(len(body))
    parser = DefusedXMLParser(target=target, forbid_dtd=True)
    try:
        for start in range(0, len(body), CHUNK_BYTES):
            parser.feed(body[start : start + CHUNK_BYTES])
            if start + CHUNK_BYTES - parser.parser.CurrentByteIndex > TOKEN_BYTES_MAX + CHUNK_BYTES:
                raise XmlRefused.of(messages.TAG_TOO_LONG)
        root = parser.close()
    except DefusedXmlException:
        raise XmlRefused.of(messages.DOCUMENT_TYPE) from None
    except (ParseError, ValueError, LookupError):
        raise XmlRefused.of(messages.NOT_XML) from None
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
            raise XmlRefused.of(messages.XML_TOO_DEEP, limit=DEPTH_MAX)

    def _begin(self, root: Node) -> None:
        self._root = root
        if self._size > BODY_BYTES_MAX and root.name != MULTIGET:
            raise XmlTooLarge.of(messages.XML_TOO_LARGE, most=BODY_BYTES_MAX)

    def _count(self, name: str) -> None:
        if name == HREF and self._root is not None and self._root.name == MULTIGET:
            self._hrefs += 1
            if self._hrefs > HREFS_MAX:
                raise TooManyHrefs.of(messages.TOO_MANY_HREFS, limit=HREFS_MAX)
            return
        self._elements += 1
        if self._elements > ELEMENTS_MAX:
            raise XmlRefused.of(messages.TOO_MANY_ELEMENTS, limit=ELEMENTS_MAX)

    def data(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)

    def end(self, name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def close(self) -> Node | None:
        return self._root
