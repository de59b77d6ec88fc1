"""GET, HEAD, PUT and DELETE (RFC 9110; RFC 6352, 6.3)."""

from __future__ import annotations

from flask import Response, request
from werkzeug.http import http_date

from offbook.formats.carddav.serving import CardForm
from offbook.formats.vcard.writing import V3, V4
from storage.values import DeviceLogin
from web.carddav.hrefs import Kind, Place
from web.carddav.problems import not_found
from web.carddav.properties import CARD_TYPE
from web.current import services

NO_PAGE = (
    "This address is for programs that speak CardDAV: phones, mail programs and the like. Give such a program the"
    " address of this server, your user name, and the token of a device that you add on the page Devices.\n"
)


def get(login: DeviceLogin, place: Place) -> Response:
    """A card, in version 3.0 unless Accept names the other one; of a collection, what it is for. Raises DavProblem."""
    if place.kind is not Kind.CARD:
        return Response(NO_PAGE, mimetype="text/plain")
    (served,) = services().carddav.read(login, [place.segment], accepted_form())
    if served.content is None or served.etag is None:
        raise not_found()
    headers = {"ETag": served.etag, "Vary": "Accept"}
    response = Response(served.content, 200, headers, content_type=CARD_TYPE)
    response.headers["Last-Modified"] = http_date(served.updated_us // 1_000_000)
    response.make_conditional(request)
    return response


def accepted_form() -> CardForm:
    """The form that Accept asks for. Werkzeug leaves out parameters where it compares types, so that they are looked at
    here."""
    accepted = [name.replace(" ", "").replace('"', "").lower() for name, quality in request.accept_mimetypes if quality]
    first = next((name for name in accepted if name.startswith("text/vcard")), "")
    return CardForm(V4 if "version=4.0" in first else V3)
