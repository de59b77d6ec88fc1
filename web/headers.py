"""What every answer says about itself: what a browser may do with it, and the protocol that the API speaks."""

from __future__ import annotations

from flask import Flask, Response, current_app, request

from offbook.core.protocol.requests import PROTOCOL
from web.bodies import pack

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

ALWAYS = (
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


def protect(response: Response) -> Response:
    response.headers.extend(ALWAYS)
    if request.is_secure:
        response.headers.add("Strict-Transport-Security", ONLY_HTTPS)
    if "Cache-Control" not in response.headers:
        # A page must not come back from the cache after signing out.
        response.headers["Cache-Control"] = "no-store" if response.mimetype == "text/html" else "private, no-cache"
    return response


def speak(response: Response) -> Response:
    if request.path.split("/", 2)[1] in current_app.config["API_SEGMENTS"]:
        response.headers["Offbook-Protocol"] = PROTOCOL
    return response


def register(app: Flask) -> None:
    app.after_request(protect)
    app.after_request(speak)
    app.after_request(pack)
