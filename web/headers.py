"""What every answer says about itself: what a browser may do with it, and the protocol that the API speaks."""

from __future__ import annotations

from flask import Flask, Response, current_app, request

from offbook.core.protocol.requests import PROTOCOL
from web.bodies.compression import pack

CONTENT_POLICY = "; ".join(
    (
        "default-src 'self'",  # WebSockets of the same host too (CSP 3): so Chromium 71, Firefox, Safari 16 and later
        "img-src 'self' data:",  # Pico's icons, and the QR code of a new device
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "require-trusted-types-for 'script'",
        "trusted-types fragments",  # the server's own pages (static/js/fragments.js): nothing else becomes HTML
    )
)

SECURITY_HEADERS = (
    ("Content-Security-Policy", CONTENT_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    # With no-referrer, Flask-WTF could not check where a form came from over HTTPS.
    ("Referrer-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""Said here and nowhere else, so that they can be added without a look at what is there."""


ONLY_HTTPS = "max-age=31536000"
"""For a year a browser that was here by HTTPS comes by nothing else. Not for the names below: they may be others'."""


def add_security_headers(response: Response) -> Response:
    """What a browser may do with an answer, and how long it keeps it."""
    response.headers.extend(SECURITY_HEADERS)
    if request.is_secure:
        response.headers.add("Strict-Transport-Security", ONLY_HTTPS)
    if "Cache-Control" not in response.headers:
        # A page must not come back from the cache after signing out.
        response.headers["Cache-Control"] = "no-store" if response.mimetype == "text/html" else "private, no-cache"
    return response


def add_protocol_header(response: Response) -> Response:
    """The protocol that the API speaks, on answers of the API."""
    if request.path.split("/", 2)[1] in current_app.config["API_SEGMENTS"]:
        response.headers["Offbook-Protocol"] = PROTOCOL
    return response


def register(app: Flask) -> None:
    """Add them to all answers, and pack what is worth it."""
    app.after_request(add_security_headers)
    app.after_request(add_protocol_header)
    app.after_request(pack)
