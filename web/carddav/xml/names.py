"""Names of elements and properties, as ``{namespace}name``."""

from __future__ import annotations

DAV = "DAV:"
CARDDAV = "urn:ietf:params:xml:ns:carddav"
CALENDARSERVER = "http://calendarserver.org/ns/"
OFFBOOK = "urn:offbook:error"

PREFIXES = {DAV: "D", CARDDAV: "C", CALENDARSERVER: "CS"}
"""What these namespaces are called in answers."""


def dav(name: str) -> str:
    """A name of WebDAV."""
    return f"{{{DAV}}}{name}"


def card(name: str) -> str:
    """A name of CardDAV."""
    return f"{{{CARDDAV}}}{name}"


ADDRESS_DATA = card("address-data")
GETETAG = dav("getetag")
SYNC_TOKEN = dav("sync-token")
GETCTAG = f"{{{CALENDARSERVER}}}getctag"
