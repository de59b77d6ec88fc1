"""Bodies: a request's unpacked within bounds, an answer's packed where the client can take it.

A packed body is unpacked only as far as the limit, so a bomb costs no more than an honest body.
"""

from __future__ import annotations

import gzip
import io
import zlib
from contextlib import suppress
from typing import IO, BinaryIO

import orjson
from flask import Request, Response, request

from config import MIB
from offbook.core.cells.validation import Json
from offbook.core.errors import Malformed
from offbook.core.messages import UNKNOWN_KEY
from offbook.core.protocol import json
from offbook.core.protocol.requests import BODY_BYTES_MAX
from web.errors import ApiProblem
from web.messages import api as messages

CHUNK = 256 * 1024
"""How much of a large body is in memory."""

PACK_BYTES_MIN = 1024
"""Below this, packing costs more than it saves: the answer fits one network packet."""

PACK_LEVEL = 1
"""On pages of contacts, level 1 is three times as fast as 6 and 15 % larger."""

SHOWS_SPACES = 32
"""Bytes at a body's begin that show whether it was written with spaces, as most libraries do."""

PACKABLE = ("text/", "application/json", "application/problem+json", "image/svg+xml", "application/javascript")


def read_body(request: Request, limit: int) -> bytes:
    """The whole body, unpacked; raises ApiProblem (413, 415 or 400) where it can't be had in ``limit`` bytes."""
    is_packed = is_gzip(request)
    body = request.get_data(cache=False)
    if is_packed:
        return unpack(body, limit)
    if len(body) > limit:
        raise too_large(limit)
    return body


def is_gzip(request: Request) -> bool:
    """Whether the body is packed. Raises ApiProblem (415) where it is in another way than by gzip."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise ApiProblem(415, messages.UNSUPPORTED_ENCODING.fault())
    return "gzip" in encoding


def unpack(body: bytes, limit: int) -> bytes:
    """What a gzip body holds. Raises ApiProblem where it is no whole one, or holds more than ``limit`` bytes."""
    plain = io.BytesIO()
    unpack_into(plain, io.BytesIO(body), limit, too_large(limit))
    return plain.getvalue()


def unpack_into(plain: BinaryIO, packed: IO[bytes], limit: int, refusal: ApiProblem) -> None:
    """Write what a gzip stream holds, a part at a time. Raises ApiProblem as ``unpack``, and the refusal for more than
    ``limit`` bytes."""
    stream, size = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), 0
    try:
        while chunk := stream.unconsumed_tail or packed.read(CHUNK):
            if stream.eof:
                break
            part = stream.decompress(chunk, CHUNK)
            size += len(part)
            if size > limit:
                raise refusal
            plain.write(part)
    except zlib.error:
        raise ApiProblem(400, messages.NOT_GZIP.fault()) from None
    if not stream.eof or stream.unused_data or packed.read(1):
        raise ApiProblem(400, messages.BAD_GZIP.fault())


def copy_file(request: Request, file: BinaryIO, limit: int) -> None:
    """Write the whole body to a file, unpacked, and go back to its begin. Raises ApiProblem as ``read_body``."""
    refusal = ApiProblem(413, messages.FILE_TOO_LARGE.fault(most=limit // MIB))
    if is_gzip(request):
        unpack_into(file, request.stream, limit, refusal)
    else:
        while chunk := request.stream.read(CHUNK):
            if file.tell() + len(chunk) > limit:
                raise refusal
            file.write(chunk)
    file.seek(0)


def too_large(limit: int) -> ApiProblem:
    """The problem of a body that unpacks to more than ``limit`` bytes."""
    return ApiProblem(413, messages.UNPACKED_TOO_LARGE.fault(limit=limit))


def loads(body: bytes) -> Json:
    """JSON as strictly as offbook.core.protocol.json has it, and in half the time where it comes as the replica
    writes it.

    orjson keeps the last of two equal keys, and makes a float of a number that is too long. But what it writes again as
    it came had neither: that is strict JSON, with nothing in it that need not be there.
    """
    if b": " not in body[:SHOWS_SPACES]:
        with suppress(orjson.JSONDecodeError, orjson.JSONEncodeError):
            value = orjson.loads(body)
            if orjson.dumps(value) == body:
                return value
    return json.loads(body)


def read_object(*keys: str) -> dict[str, Json]:
    """The request's body: an object of no other keys than these. Raises Malformed."""
    data = loads(read_body(request, BODY_BYTES_MAX))
    if not isinstance(data, dict):
        raise Malformed.of(messages.BODY_NOT_AN_OBJECT, keys=" and ".join(keys))
    if unknown := data.keys() - set(keys):
        raise Malformed.of(UNKNOWN_KEY, key=min(unknown)[:80])
    return data


def render_json(value: Json, status: int = 200) -> Response:
    """An answer of the API."""
    return Response(orjson.dumps(value), status, mimetype="application/json")


def pack(response: Response) -> Response:
    """Gzip an answer that is worth it. Its ETag names the record, not the bytes, and stays as it is."""
    if not is_packable(response):
        return response
    response.direct_passthrough = False
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    if len(body) > PACK_BYTES_MIN and request.accept_encodings["gzip"] > 0:
        response.set_data(gzip.compress(body, PACK_LEVEL, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response


def is_packable(response: Response) -> bool:
    """Whether an answer has a body of text that is not packed yet."""
    return (
        response.status_code not in (204, 206, 304)
        and "Content-Encoding" not in response.headers
        and (response.mimetype or "").startswith(PACKABLE)
    )
