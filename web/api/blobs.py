"""Photos: bytes that a book holds under their SHA-256, which contacts name. For devices, and for signed-in people.

What is sent is always read and checked, and only the caller's own book is looked into: nobody learns what others have.
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from offbook.core.errors import Malformed
from offbook.core.pictures import PICTURE_BYTES_MAX, WIDTHS
from services.blobs import BookFull
from storage.errors import RETRY_SECONDS, DecodersBusy
from web.api.describe import AuthKind, documented
from web.auth import current_book_id, writing_book_id
from web.bodies.compression import read_body
from web.current import services
from web.errors import ApiProblem, render_problem
from web.messages import api as messages
from web.request_values import query

blobs = Blueprint("blobs", __name__)

BLOB = "/blobs/<hash:sha256>"
PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")

PICTURE_HEADERS = (
    ("Cache-Control", "private, max-age=31536000, immutable"),
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
)
"""What is under a hash never changes; and should a browser ever take it for a page, that page may do nothing."""


@blobs.put(BLOB)
@documented(
    AuthKind.DEVICE_OR_SESSION,
    answers={201: "", 204: ""},
    problems={
        400: ("stale_form",),
        404: ("not_found",),
        422: ("bad_picture", "too_many_pixels", "wrong_hash"),
        507: ("book_full",),
    },
    request_headers=("X-CSRFToken",),
    body_types=("application/octet-stream", *PICTURE_TYPES),
)
def put(sha256: str) -> Response:
    """Send a photo, of at most 10 MB: a JPEG, PNG, WebP or GIF, under the SHA-256 of its bytes."""
    book_id, content = writing_book_id(), read_body(request, PICTURE_BYTES_MAX)
    is_new = services().blobs.put(book_id, sha256, content, services().clock())
    return Response(status=201 if is_new else 204)


@blobs.get(BLOB)
@documented(
    AuthKind.DEVICE_OR_SESSION,
    answers={200: "", 304: ""},
    problems={400: ("bad_size",), 404: ("not_found",), 422: ("bad_picture",)},
    query={"size": ({"enum": list(WIDTHS)}, "How wide it is to be; left out, it is the photo as it came.")},
    request_headers=("If-None-Match",),
    response_headers=("ETag",),
    answer_types=PICTURE_TYPES,
)
def get(sha256: str) -> Response:
    """Get a photo of one's own book: as it came; or as a JPEG without EXIF, cut to a square of 96 pixels or at most 720
    wide and high."""
    width, book_id = query.number("size", None, code="bad_size"), current_book_id()
    if width is None:
        type_, content = services().blobs.original(book_id, sha256)
    elif width in WIDTHS:
        type_, content = services().blobs.shown(book_id, sha256, width)
    else:
        raise Malformed.of(messages.BAD_SIZE, sizes=" or ".join(map(str, WIDTHS)))
    response = Response(content, mimetype=type_, headers=PICTURE_HEADERS)
    response.set_etag(sha256 if width is None else f"{sha256}-{width}")
    response.make_conditional(request)
    return response


@blobs.errorhandler(BookFull)
def book_is_full(error: BookFull) -> Response:
    """A photo is not kept, since there is no more room for it."""
    return render_problem(ApiProblem(507, error.fault))


@blobs.errorhandler(DecodersBusy)
def decoders_are_busy(error: DecodersBusy) -> Response:
    """It may be asked for again in a moment."""
    return render_problem(ApiProblem(503, error.fault, headers={"Retry-After": str(RETRY_SECONDS)}))
