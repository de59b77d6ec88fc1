"""GET, HEAD, PUT and DELETE (RFC 9110; RFC 6352, 6.3)."""

from __future__ import annotations

from flask import Response, request
from werkzeug.http import http_date

from offbook.core.errors import Invalid, Malformed
from offbook.formats.carddav.serving import CardForm
from offbook.formats.vcard.writing import V3, V4
from services.carddav.errors import PreconditionFailed, UidTaken
from services.carddav.writing import CARD_BYTES_MAX
from storage.values.accounts import DeviceLogin
from web.bodies.compression import read_body
from web.carddav.access import addresses_of
from web.carddav.hrefs import DavResource, Kind
from web.carddav.problems import DavProblem, not_found
from web.carddav.properties import CARD_TYPE
from web.carddav.xml.names import card
from web.carddav.xml.writer import element, href
from web.current import services
from web.messages import carddav as messages

CARD_TYPES = ("text/vcard", "text/x-vcard", "text/directory", "application/octet-stream", "text/plain")
"""What programs call a card."""

NO_PAGE = (
    "This address is for programs that speak CardDAV: phones, mail programs and the like. Give such a program the"
    " address of this server, your user name, and the token of a device that you add on the page Devices.\n"
)


def get(login: DeviceLogin, place: DavResource) -> Response:
    """A card, in version 3.0 unless Accept names the other one; of a collection, what it is for. Raises DavProblem."""
    if place.kind is not Kind.CARD:
        return Response(NO_PAGE, mimetype="text/plain")
    (served,) = services().carddav.read(login, [place.segment], accepted_form(), in_report=False)
    if served.content is None or served.etag is None:
        raise not_found()
    headers = {"ETag": served.etag, "Vary": "Accept"}
    response = Response(served.content, 200, headers, content_type=CARD_TYPE)
    response.headers["Last-Modified"] = http_date(served.updated_us // 1_000_000)
    response.make_conditional(request)
    return response


def put(login: DeviceLogin, place: DavResource) -> Response:
    """Take a card. Its ETag is told only where it is served, as lists have it, as the very bytes that came: else the
    program reads it again (RFC 6352, 6.3.2.3). Raises DavProblem."""
    require_card_type()
    if "Content-Range" in request.headers:
        raise DavProblem(400, messages.BAD_RANGE.fault())
    body, conditions = read_body(request, CARD_BYTES_MAX), request.headers
    server = services()
    try:
        result = server.carddav.put(
            login,
            place.segment,
            body,
            conditions.get("If-Match"),
            conditions.get("If-None-Match"),
            CardForm(),
            server.clock(),
        )
    except PreconditionFailed as error:
        raise DavProblem(412, error.fault) from None
    except UidTaken as error:
        other = href(addresses_of(login).card(error.segment))
        raise DavProblem(409, error.fault, element(card("no-uid-conflict"), other)) from None
    except (Malformed, Invalid) as error:
        raise unstorable(error) from None
    headers = {} if result.etag is None else {"ETag": result.etag}
    return Response(status=201 if result.is_created else 204, headers=headers)


def delete(login: DeviceLogin, place: DavResource) -> Response:
    """Move a contact to the trash. Raises DavProblem, and NotFound."""
    server = services()
    try:
        server.carddav.delete(login, place.segment, request.headers.get("If-Match"), server.clock())
    except PreconditionFailed as error:
        raise DavProblem(412, error.fault) from None
    return Response(status=204)


def require_card_type() -> None:
    """Raises DavProblem (415) where the body says that it is no card. Programs that say nothing of it mean one."""
    if request.mimetype not in ("", *CARD_TYPES):
        raise DavProblem(415, messages.NOT_A_CARD.fault(), element(card("supported-address-data")))


def unstorable(error: Malformed | Invalid) -> DavProblem:
    """The problem of a card that can't be read or stored, which does not get better by sending it again."""
    if error.code == "body_too_large":
        return DavProblem(413, error.fault, element(card("max-resource-size")))
    return DavProblem(403, error.fault, element(card("valid-address-data")))


def accepted_form() -> CardForm:
    """The form that Accept asks for. Werkzeug leaves out parameters where it compares types, so that they are looked at
    here."""
    accepted = [name.replace(" ", "").replace('"', "").lower() for name, quality in request.accept_mimetypes if quality]
    first = next((name for name in accepted if name.startswith("text/vcard")), "")
    return CardForm(V4 if "version=4.0" in first else V3)
