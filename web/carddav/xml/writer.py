"""Answers in XML, part by part, so that none is in memory as a whole (RFC 4918, 13 and 14).

What is put in is text, and escaped here once; pieces of XML that are made here are ``bytes``, and go out as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from web.carddav.xml.names import CALENDARSERVER, CARDDAV, DAV, PREFIXES, dav

DECLARATION = b'<?xml version="1.0" encoding="utf-8"?>\n'
NAMESPACES = f'xmlns:D="{DAV}" xmlns:C="{CARDDAV}" xmlns:CS="{CALENDARSERVER}"'

FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What no document can have, however it is escaped (XML 1.0, 2.2): it is left out."""

SPECIAL = re.compile('[&<>"\r]')
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}
"""A bare carriage return would come back as a line feed, and a card's lines end with both (XML 1.0, 2.11)."""

OK, FORBIDDEN_STATUS, NOT_FOUND = "200 OK", "403 Forbidden", "404 Not Found"
INSUFFICIENT_STORAGE = "507 Insufficient Storage"

MULTISTATUS_BEGINS = DECLARATION + f"<D:multistatus {NAMESPACES}>\n".encode()
MULTISTATUS_ENDS = b"</D:multistatus>\n"


def escape(text: str) -> str:
    """A text as it stands in an element or, in double quotes, in an attribute."""
    return SPECIAL.sub(lambda match: ESCAPES[match[0]], FORBIDDEN.sub("", text))


def element(name: str, content: bytes = b"", **attributes: str) -> bytes:
    """An element of a name like ``{DAV:}href``. A namespace that has no prefix here is declared where it is used."""
    namespace, _, local = name.rpartition("}")
    prefix = PREFIXES.get(namespace[1:])
    tag = f"{prefix}:{local}" if prefix else local if not namespace else f"x:{local}"
    declared = f' xmlns:x="{escape(namespace[1:])}"' if namespace and not prefix else ""
    attribute_texts = "".join(f' {key.replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())
    begin = f"<{tag}{declared}{attribute_texts}"
    return f"{begin}>".encode() + content + f"</{tag}>".encode() if content else f"{begin}/>".encode()


def text_element(name: str, text: str) -> bytes:
    """An element with a text in it."""
    return element(name, escape(text).encode())


def href(address: str) -> bytes:
    """An address, percent-encoded already, as a DAV:href."""
    return text_element(dav("href"), address)


@dataclass(frozen=True, slots=True)
class PropertyStatus:
    """Some properties of a resource that share a status, each as an element, and the condition that failed, if one
    did."""

    status: str
    elements: Sequence[bytes]
    error: bytes = b""


def property_response(address: str, parts: Iterable[PropertyStatus]) -> bytes:
    """What is told of one resource. Of parts without elements nothing is; where no part is left, an empty one."""
    filled = [part for part in parts if part.elements] or [PropertyStatus(OK, ())]
    return element(dav("response"), href(address) + b"".join(map(_propstat, filled))) + b"\n"


def _propstat(part: PropertyStatus) -> bytes:
    prop = element(dav("prop"), b"".join(part.elements))
    error = element(dav("error"), part.error) if part.error else b""
    return element(dav("propstat"), prop + _status(part.status) + error)


def status_response(address: str, status: str, error: bytes = b"") -> bytes:
    """A resource of which only a status is told, with the condition that failed, if one did."""
    condition = element(dav("error"), error) if error else b""
    return element(dav("response"), href(address) + _status(status) + condition) + b"\n"


def _status(status: str) -> bytes:
    return element(dav("status"), f"HTTP/1.1 {status}".encode())


def error_document(conditions: Sequence[bytes], detail: Mapping[str, str]) -> bytes:
    """A DAV:error with the conditions that failed; and in names of our own what is for people who read logs."""
    texts = b"".join(text_element(name, text) for name, text in detail.items())
    content = b"".join(conditions) + texts
    return DECLARATION + f"<D:error {NAMESPACES}>".encode() + content + b"</D:error>\n"
