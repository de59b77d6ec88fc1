"""REPORT: cards by their addresses, by a filter, and what has changed (RFC 6352, 8; RFC 6578)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from flask import Response, request

from offbook.contacts.cards.tokens import InvalidToken
from offbook.formats.carddav.serving import CardForm
from offbook.formats.vcard.writing import V3
from services.carddav.values import CardEntry, ChangesPage, ServedCard
from storage.values.accounts import DeviceLogin
from web.auth import report_device
from web.carddav.access import addresses_of
from web.carddav.answers import render_multistatus
from web.carddav.bodies import read_xml
from web.carddav.hrefs import Addresses, DavResource, Kind
from web.carddav.problems import DavProblem
from web.carddav.properties import CardPropertiesWriter
from web.carddav.xml.names import SYNC_TOKEN, dav
from web.carddav.xml.requests import Multiget, Properties, Query, SyncCollection, parse_report
from web.carddav.xml.writer import INSUFFICIENT_STORAGE, NOT_FOUND, element, status_response, text_element
from web.current import services
from web.messages import carddav as messages

TRUNCATED = element(dav("number-of-matches-within-limits"))


def report(login: DeviceLogin, place: DavResource) -> Response:
    """The answer to a REPORT. Raises DavProblem."""
    if request.headers.get("Depth", "1").strip().lower() not in ("0", "1", "infinity"):
        raise DavProblem(400, messages.BAD_DEPTH_OF_REPORT.fault())
    request_body = read_xml(parse_report)
    if place.kind is not Kind.BOOK:
        raise DavProblem(403, messages.REPORT_OF_NO_BOOK.fault(), element(dav("supported-report")))
    addresses = addresses_of(login)
    match request_body:
        case Multiget():
            return render_multistatus(_multiget(login, addresses, request_body))
        case Query():
            return render_multistatus(_query(login, addresses, request_body))
        case SyncCollection():
            return render_multistatus(_sync(login, addresses, request_body))


def form_of(properties: Properties) -> CardForm:
    """The form that cards are asked for in: version 3.0, unless another one is named (RFC 6352, 10.4)."""
    return CardForm(properties.version or V3)


# --- by address ------------------------------------------------------------------------------------------------------


def _multiget(login: DeviceLogin, addresses: Addresses, multiget: Multiget) -> Iterator[bytes]:
    """Each card that is asked for once, however often; what is not there is told as that."""
    segments: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for address in multiget.hrefs:
        segment = addresses.segment(address)
        if segment is None:
            unknown[address] = None
        else:
            segments[segment] = None
    yield from (status_response(address, NOT_FOUND) for address in unknown)
    yield from _cards(login, addresses, multiget.properties, list(segments))


def _cards(
    login: DeviceLogin, addresses: Addresses, properties: Properties, segments: Sequence[str]
) -> Iterator[bytes]:
    """What is told of these cards; with themselves, where they are asked for."""
    book, form = services().carddav, form_of(properties)
    writer = CardPropertiesWriter(properties, addresses, with_data=True)
    if properties.has_data:
        for served in book.read(login, segments, form):
            yield _response(writer, addresses, served)
        return
    missing = dict.fromkeys(segments)
    for entry in book.entries(login, form, segments, with_length=writer.needs_length):
        missing.pop(entry.segment, None)
        yield writer.response(entry)
    yield from (status_response(addresses.card(segment), NOT_FOUND) for segment in missing)


def _response(writer: CardPropertiesWriter, addresses: Addresses, served: ServedCard) -> bytes:
    if served.content is None or served.etag is None:
        return status_response(addresses.card(served.segment), NOT_FOUND)
    return writer.response(entry_of(served), served.content)


def entry_of(served: ServedCard) -> CardEntry:
    """What a list would say of a card that is here itself."""
    assert served.etag is not None
    return CardEntry(served.segment, served.etag, served.updated_us, len(served.content or b""))


# --- by a filter -----------------------------------------------------------------------------------------------------


def _query(login: DeviceLogin, addresses: Addresses, query: Query) -> Iterator[bytes]:
    """The cards that pass; where there are more than the client wants, that is told of the book (RFC 6352, 8.6.2)."""
    writer = CardPropertiesWriter(query.properties, addresses, with_data=True)
    needs_length = writer.needs_length and not query.properties.has_data
    most = None if query.limit is None else query.limit + 1
    passing = list(islice(_passing(login, query, needs_length), most))
    shown = passing if query.limit is None else passing[: query.limit]
    if query.properties.has_data:
        yield from _cards(login, addresses, query.properties, [entry.segment for entry in shown])
    else:
        yield from map(writer.response, shown)
    if len(shown) < len(passing):
        yield status_response(addresses.book, INSUFFICIENT_STORAGE, TRUNCATED)


def _passing(login: DeviceLogin, query: Query, needs_length: bool) -> Iterator[CardEntry]:
    """The cards that pass, looked at and not served yet: most of a book is not what a client looks for."""
    book, form = services().carddav, form_of(query.properties)
    if query.filter.lets_all_pass:
        yield from book.entries(login, form, with_length=needs_length)
        return
    segments = [entry.segment for entry in book.entries(login, form)]
    for served in book.read(login, segments, form, is_served=False):
        if served.content is not None and query.filter.matches(served.content):
            yield entry_of(served)


# --- what has changed ------------------------------------------------------------------------------------------------


def _sync(login: DeviceLogin, addresses: Addresses, collection: SyncCollection) -> Iterator[bytes]:
    """The cards that have changed or are gone, and the token that goes on from there (RFC 6578, 3)."""
    properties = collection.properties
    page = _changes(login, collection)
    if properties.has_data:
        yield from _cards(login, addresses, properties, [entry.segment for entry in page.changed])
    elif page.changed:
        writer = CardPropertiesWriter(properties, addresses, with_data=True)
        yield from map(writer.response, page.changed)
    yield from (status_response(addresses.card(segment), NOT_FOUND) for segment in page.removed)
    if page.has_more and collection.limit is not None:
        yield status_response(addresses.book, INSUFFICIENT_STORAGE, TRUNCATED)
    yield text_element(SYNC_TOKEN, page.token)


def _changes(login: DeviceLogin, collection: SyncCollection) -> ChangesPage:
    """What has changed. Raises DavProblem for a token that can't be served."""
    try:
        page = services().carddav.changes(login, collection.token, collection.limit, form_of(collection.properties))
    except InvalidToken as error:
        raise _invalid_token(error) from None
    report_device(cursor_seq=page.head)
    return page


def _invalid_token(error: InvalidToken) -> DavProblem:
    """The standard has 403 (RFC 6578, 3.2). Thunderbird begins anew only at 400, and at 403 never syncs again."""
    status = 400 if "Thunderbird" in request.headers.get("User-Agent", "") else 403
    return DavProblem(status, error.fault, element(dav("valid-sync-token")))
