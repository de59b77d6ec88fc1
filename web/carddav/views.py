"""The addresses of CardDAV, and which method does what at each of them.

Discovery begins where a person typed no more than a host: at ``/.well-known/carddav`` (RFC 6764) or at ``/``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask import Blueprint, Flask, Response, g, redirect, request
from flask.typing import ResponseReturnValue

from storage.values.accounts import DeviceLogin
from web.auth import checks_sender
from web.carddav import cards, listing, reports
from web.carddav.access import addresses_of, authenticate
from web.carddav.hrefs import DAV, DavResource, Kind
from web.carddav.problems import DavProblem, not_found, render_dav_problem
from web.carddav.xml.names import dav
from web.carddav.xml.writer import element
from web.current import services
from web.errors import render_by
from web.messages import carddav as messages
from web.messages.api import OF_STATUS

carddav = Blueprint("carddav", __name__)

CLASSES = "1, 3, access-control, addressbook"
"""What is spoken here (RFC 4918, 18; RFC 3744, 7.2; RFC 6352, 6.1)."""

READS = ("OPTIONS", "GET", "HEAD", "PROPFIND")
TAKEN = (*READS, "PROPPATCH", "REPORT", "PUT", "DELETE", "MKCOL")
Handler = Callable[[DeviceLogin, DavResource], Response]


def one_book() -> DavProblem:
    """The problem of whoever would make or remove a collection."""
    return DavProblem(403, messages.ONE_BOOK.fault(), element(dav("need-privileges")))


COMMON: Mapping[str, Handler] = {
    "GET": cards.get,
    "HEAD": cards.get,
    "PROPFIND": listing.propfind,
    "PROPPATCH": listing.proppatch,
    "REPORT": reports.report,
}

ON_CARDS: Mapping[str, Handler] = {**COMMON, "PUT": cards.put, "DELETE": cards.delete}

ALLOWED = {
    Kind.ROOT: READS,
    Kind.PRINCIPAL: READS,
    Kind.BOOK: (*READS, "REPORT"),
    Kind.CARD: (*READS, "PUT", "DELETE"),
}
"""By kind: what can succeed."""


@carddav.route("/.well-known/carddav", methods=READS, provide_automatic_options=False)
def well_known() -> ResponseReturnValue:
    """Where CardDAV is, for whoever knows only the host: a path, which is right behind every proxy."""
    return redirect(f"{request.script_root}/{DAV}/", 301)


@carddav.route("/", methods=("PROPFIND",), provide_automatic_options=False)
@checks_sender(authenticate)
def at_root() -> ResponseReturnValue:
    """Some programs look for the user here, before or after the well-known address."""
    return answer("")


@carddav.route(f"/{DAV}", methods=TAKEN, provide_automatic_options=False)
@carddav.route(f"/{DAV}/", methods=TAKEN, provide_automatic_options=False)
@carddav.route(f"/{DAV}/<path:path>", methods=TAKEN, provide_automatic_options=False)
@checks_sender(authenticate)
def below(path: str = "") -> ResponseReturnValue:
    """All below ``/dav/``. Every method is for devices, OPTIONS too: a program finds out by it whether it is let in."""
    return answer(path)


def answer(path: str) -> Response:
    """What becomes of a request. The device is noted as seen when it ends."""
    login = authenticate()
    server = services()
    try:
        return dispatch(login, path)
    finally:
        seen = server.accounts.record_seen(login.device, server.clock(), **g.device_report)
        if seen is not login.device:
            server.carddav.note_program(login, request.headers.get("User-Agent", ""))


def dispatch(login: DeviceLogin, path: str) -> Response:
    """Raises DavProblem."""
    if request.method == "MKCOL":
        raise one_book()
    place = addresses_of(login).place(path)
    if place is None:
        raise not_found()
    allowed = ", ".join(ALLOWED[place.kind])
    if request.method == "OPTIONS":
        return Response(status=200, headers={"Allow": allowed})
    if request.method == "DELETE" and place.kind is not Kind.CARD:
        raise one_book()
    handlers = ON_CARDS if place.kind is Kind.CARD else COMMON
    handler = handlers.get(request.method)
    if handler is None:
        raise DavProblem(405, OF_STATUS[405].fault(), headers={"Allow": allowed})
    return handler(login, place)


@carddav.after_request
def add_classes(response: Response) -> Response:
    """What is spoken here, on every answer: programs look for it on whichever they ask for first."""
    response.headers["DAV"] = CLASSES
    return response


def register(app: Flask) -> None:
    """Let the app answer in the words of CardDAV wherever it is spoken."""
    render_by(app, carddav.name, DAV, render_dav_problem)
