"""The properties of each resource, and their values: what there is below ``/dav/``, and nothing of it can be set.

Sources: RFC 4918 section 15, RFC 3744 (privileges, principals), RFC 5397 (current-user-principal), RFC 6352 section
6.2, RFC 6578 section 4, RFC 3253 (supported-report-set), and CalendarServer's getctag. macOS asks a book for what is
its user's, so that all resources have that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from werkzeug.http import http_date

from offbook.formats.carddav.serving import CardForm
from offbook.formats.vcard.filters import COLLATIONS
from services.carddav.values import CardBookState, CardEntry
from services.carddav.writing import CARD_BYTES_MAX
from web.carddav.hrefs import Addresses, Kind
from web.carddav.xml.names import ADDRESS_DATA, GETCTAG, GETETAG, SYNC_TOKEN, card, dav
from web.carddav.xml.requests import VERSIONS, Properties
from web.carddav.xml.writer import NOT_FOUND, OK, PropertyStatus, element, escape, href, property_response, text_element

CARD_TYPE = "text/vcard; charset=utf-8"

READS = (dav("read"), dav("read-current-user-privilege-set"))
WRITES = (dav("write"), dav("write-content"), dav("bind"), dav("unbind"))

REPORTS = (card("addressbook-multiget"), card("addressbook-query"), dav("sync-collection"))


@dataclass(frozen=True)
class DavCollection:
    """A collection that is asked about. ``find_state`` is called at most once, and only where it matters."""

    kind: Kind
    addresses: Addresses
    find_state: Callable[[], CardBookState]

    @cached_property
    def state(self) -> CardBookState:
        """The book as it is now."""
        return self.find_state()


def _principal(subject: DavCollection) -> bytes:
    return href(subject.addresses.principal)


def _resource_type(subject: DavCollection) -> bytes:
    own = {Kind.PRINCIPAL: element(dav("principal")), Kind.BOOK: element(card("addressbook"))}
    return element(dav("collection")) + own.get(subject.kind, b"")


def _display_name(subject: DavCollection) -> bytes:
    match subject.kind:
        case Kind.PRINCIPAL:
            return escape(subject.addresses.user).encode()
        case Kind.BOOK:
            return escape(subject.state.name).encode()
        case _:
            return b"offbook"


def privileges(may_write: bool) -> bytes:
    """The privileges of a user on what is theirs."""
    return b"".join(element(dav("privilege"), element(name)) for name in (*READS, *(WRITES if may_write else ())))


def _reports(subject: DavCollection) -> bytes:
    names = REPORTS if subject.kind is Kind.BOOK else ()
    return b"".join(element(dav("supported-report"), element(dav("report"), element(name))) for name in names)


def _sync_token(subject: DavCollection) -> bytes:
    return escape(subject.state.sync_token(CardForm())).encode()


def _address_data(_: DavCollection) -> bytes:
    type_ = card("address-data-type")
    return b"".join(element(type_, content_type="text/vcard", version=version) for version in VERSIONS)


Values = Mapping[str, Callable[[DavCollection], bytes]]

OF_ALL: Values = {
    dav("resourcetype"): _resource_type,
    dav("displayname"): _display_name,
    dav("current-user-principal"): _principal,
    dav("principal-URL"): _principal,
    dav("owner"): _principal,
    dav("current-user-privilege-set"): lambda subject: privileges(subject.kind is Kind.BOOK),
    dav("supported-report-set"): _reports,
    dav("principal-collection-set"): lambda subject: href(subject.addresses.root),
    card("addressbook-home-set"): _principal,
}
"""By name: what every collection has, as the content of the property's element."""

OF_BOOK: Values = {
    card("addressbook-description"): lambda subject: escape(f"Contacts of {subject.addresses.user}").encode(),
    card("supported-address-data"): _address_data,
    card("supported-collation-set"): lambda _: b"".join(
        text_element(card("supported-collation"), name) for name in COLLATIONS
    ),
    card("max-resource-size"): lambda _: b"%d" % CARD_BYTES_MAX,
    SYNC_TOKEN: _sync_token,
    GETCTAG: _sync_token,
}
"""What a book has beside that."""


def collection_response(subject: DavCollection, properties: Properties) -> bytes:
    """What is told of a collection."""
    known = {**OF_ALL, **(OF_BOOK if subject.kind is Kind.BOOK else {})}
    address = {
        Kind.ROOT: subject.addresses.root,
        Kind.PRINCIPAL: subject.addresses.principal,
        Kind.BOOK: subject.addresses.book,
    }[subject.kind]
    if properties.only_names:
        return property_response(address, [PropertyStatus(OK, [element(name) for name in known])])
    names = _names(known, properties)
    elements = [element(name, known[name](subject)) for name in names if name in known]
    return property_response(address, [PropertyStatus(OK, elements), _missing(names, known)])


def _names(known: Iterable[str], properties: Properties) -> list[str]:
    """The properties that are told: those that are asked for or, where all are, every one there is and those beside."""
    return list(dict.fromkeys((*known, *properties.names) if properties.all else properties.names))


def _missing(names: Iterable[str], known: Mapping[str, object]) -> PropertyStatus:
    return PropertyStatus(NOT_FOUND, [element(name) for name in names if name not in known])


# --- cards -----------------------------------------------------------------------------------------------------------


def _content_length(entry: CardEntry) -> str:
    return "" if entry.length is None else str(entry.length)


CARD_VALUES: Mapping[str, Callable[[CardEntry], str]] = {
    GETETAG: lambda entry: escape(entry.etag),
    dav("getcontentlength"): _content_length,
    dav("getlastmodified"): lambda entry: http_date(entry.updated_us // 1_000_000),
}
"""By name: what differs from card to card, as the text of the property's element."""

NEEDS_LENGTH = dav("getcontentlength")


class CardPropertiesWriter:
    """Writes what is told of cards. What is the same for all of them is made once: there are thousands."""

    def __init__(self, properties: Properties, addresses: Addresses, with_data: bool = False) -> None:
        """``with_data``: the cards themselves may be told, as in reports."""
        principal = href(addresses.principal)
        shared = {
            dav("getcontenttype"): CARD_TYPE.encode(),
            dav("resourcetype"): b"",
            dav("current-user-principal"): principal,
            dav("principal-URL"): principal,
            dav("owner"): principal,
            dav("current-user-privilege-set"): privileges(True),
            dav("supported-report-set"): b"",
        }
        own = {*CARD_VALUES, *((ADDRESS_DATA,) if with_data else ())}
        names = _names((*CARD_VALUES, *shared), properties)
        written = [name for name in names if name in own] if not properties.only_names else []
        self.needs_length = NEEDS_LENGTH in written
        self._has_data = ADDRESS_DATA in written
        self._values = [(*tags(name), CARD_VALUES[name]) for name in written if name != ADDRESS_DATA]
        if properties.only_names:
            same, missing = [element(name) for name in (*CARD_VALUES, *shared)], PropertyStatus(NOT_FOUND, ())
        else:
            same = [element(name, shared[name]) for name in names if name in shared]
            missing = _missing(names, {**dict.fromkeys(own), **shared})
        # One answer as all are, cut where what differs comes.
        book = addresses.book
        whole = property_response(book, [PropertyStatus(OK, [MARK, *same]), missing]).decode()
        begin, _, rest = whole.partition(escape(book))
        middle, _, self._end = rest.partition(MARK.decode())
        self._begin, self._middle = begin + escape(book), middle

    def response(self, entry: CardEntry, content: bytes = b"") -> bytes:
        """What is told of one card; with ``content``, where the card itself is asked for."""
        values = "".join(f"{begin}{value(entry)}{end}" for begin, end, value in self._values)
        data = f"{DATA_BEGINS}{escape(content.decode())}{DATA_ENDS}" if self._has_data else ""
        return f"{self._begin}{quote(entry.segment, safe='')}{self._middle}{values}{data}{self._end}".encode()


def tags(name: str) -> tuple[str, str]:
    """The beginning and the end of a property's element."""
    begin, _, end = element(name, MARK).decode().partition(MARK.decode())
    return begin, end


MARK = b"<D:own/>"
"""Stands where what a card has of its own comes."""

DATA_BEGINS, DATA_ENDS = tags(ADDRESS_DATA)
