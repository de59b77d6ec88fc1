"""PROPFIND and PROPPATCH: what is known of a resource and of those in it (RFC 4918, 9.1 and 9.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flask import Response, request

from offbook.formats.carddav.serving import CardForm
from storage.values.accounts import DeviceLogin
from web.carddav.access import addresses_of
from web.carddav.answers import render_multistatus
from web.carddav.bodies import read_xml
from web.carddav.hrefs import Addresses, DavResource, Kind
from web.carddav.problems import DavProblem, not_found
from web.carddav.properties import CardPropertiesWriter, DavCollection, collection_response
from web.carddav.xml.names import GETCTAG, dav
from web.carddav.xml.requests import Properties, parse_propfind, parse_proppatch
from web.carddav.xml.writer import FORBIDDEN_STATUS, PropertyStatus, element, property_response
from web.current import services
from web.messages import carddav as messages

CHILD = {Kind.ROOT: Kind.PRINCIPAL, Kind.PRINCIPAL: Kind.BOOK}
"""The one collection that is in another one."""


def propfind(login: DeviceLogin, place: DavResource) -> Response:
    """The answer to a PROPFIND. Raises DavProblem."""
    depth = read_depth()
    properties = read_xml(parse_propfind)
    return render_multistatus(_responses(login, place, properties, depth))


def _responses(login: DeviceLogin, place: DavResource, properties: Properties, depth: int) -> Iterator[bytes]:
    addresses, book = addresses_of(login), services().carddav
    if place.kind is Kind.CARD:
        yield from _cards(login, properties, addresses, [place.segment])
        return
    if place.kind is Kind.BOOK and (depth or GETCTAG in properties.names):
        book.confirm_served(login)
    kinds = [place.kind, *([CHILD[place.kind]] if depth and place.kind in CHILD else [])]
    for kind in kinds:
        yield collection_response(DavCollection(kind, addresses, lambda: book.state(login)), properties)
    if depth and place.kind is Kind.BOOK:
        yield from _cards(login, properties, addresses, None)


def _cards(
    login: DeviceLogin, properties: Properties, addresses: Addresses, segments: Sequence[str] | None
) -> Iterator[bytes]:
    """What is told of these cards, or of all. Raises DavProblem (404) where the one that is asked for is not there."""
    writer, count = CardPropertiesWriter(properties, addresses), 0
    for entry in services().carddav.entries(login, CardForm(), segments, with_length=writer.needs_length):
        count += 1
        yield writer.response(entry)
    if segments and not count:
        raise not_found()


def proppatch(login: DeviceLogin, place: DavResource) -> Response:
    """The answer to a PROPPATCH: no property can be set. Raises DavProblem."""
    names = read_xml(parse_proppatch)
    protected = element(dav("cannot-modify-protected-property"))
    refused = PropertyStatus(FORBIDDEN_STATUS, [element(name) for name in names], protected)
    return render_multistatus([property_response(addresses_of(login).of(place), [refused])])


def read_depth() -> int:
    """How deep a PROPFIND goes: 0 or 1. Nothing said is 0: a whole book is only listed for whoever asks for it. Raises
    DavProblem for all of it, to any depth (RFC 4918, 9.1.1)."""
    text = request.headers.get("Depth", "0").strip().lower()
    if text == "infinity":
        raise DavProblem(403, messages.FINITE_DEPTH.fault(), element(dav("propfind-finite-depth")))
    if text not in ("0", "1"):
        raise DavProblem(400, messages.BAD_DEPTH.fault())
    return int(text)
