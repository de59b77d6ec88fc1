"""Who speaks CardDAV: a device, by its user's name and its token, over HTTPS or from this very machine.

The name is asked for since every program asks for one, and a token that is another user's lets nobody in. Cookies say
nothing here, so that no page of others can use a browser that is signed in.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from ipaddress import IPv6Address, ip_address

from flask import g, request

from offbook.core.errors import NotLetIn
from storage.errors import Throttled
from storage.values.accounts import DeviceLogin
from web.carddav.hrefs import Addresses
from web.carddav.problems import DavProblem
from web.carddav.xml.names import dav
from web.carddav.xml.writer import element
from web.current import services
from web.messages import carddav as messages

CREDENTIALS_LENGTH_MAX = 1000

CHALLENGE = {"WWW-Authenticate": 'Basic realm="offbook", charset="UTF-8"'}


def authenticate() -> DeviceLogin:
    """The device that sends this request. Raises DavProblem (401, 403, 429), and NotLetIn where its user is kept out.

    Over a plain connection nobody is asked for a token: it would be read on the way.
    """
    if not (request.is_secure or is_loopback(request.remote_addr or "")):
        raise DavProblem(403, messages.HTTPS_REQUIRED.fault(), element(dav("need-privileges")))
    credentials = read_credentials(request.headers.get("Authorization", ""))
    login = _device(*credentials) if credentials else None
    if login is None:
        raise DavProblem(401, messages.WRONG_TOKEN.fault(), headers=CHALLENGE)
    g.device, g.device_number, g.device_report = login, login.device.id, {}
    return login


def _device(name: str, token: str) -> DeviceLogin | None:
    """Raises DavProblem where this address has shown too many wrong tokens."""
    server, address = services(), request.remote_addr or ""
    now_us = server.clock()
    try:
        server.token_throttle.admit(address, token, now_us)
    except Throttled as error:
        headers = {"Retry-After": str(error.wait_seconds)}
        raise DavProblem(429, messages.TOO_MANY_ATTEMPTS.fault(), headers=headers) from None
    try:
        login = server.accounts.device_of_user(name, token)
    except NotLetIn:
        server.token_throttle.record(address, token, True, now_us)
        raise
    server.token_throttle.record(address, token, login is not None, now_us)
    return login


def read_credentials(header: str) -> tuple[str, str] | None:
    """The name and the token of a Basic header (RFC 7617); None where it has none.

    A name may have a colon in it, and no token has one. Programs that know no UTF-8 write latin-1.
    """
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic" or len(encoded) > CREDENTIALS_LENGTH_MAX:
        return None
    try:
        raw = b64decode(encoded.strip().encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    name, colon, token = text.rpartition(":")
    return (name, token) if colon else None


def is_loopback(address: str) -> bool:
    """Whether an address is of this very machine."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return (mapped or parsed).is_loopback


def addresses_of(login: DeviceLogin) -> Addresses:
    """The addresses of this device's user, as this request's sender sees them."""
    return Addresses(request.script_root, login.user_name)
