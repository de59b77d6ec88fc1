"""The process that decodes photos: what it makes of good ones, and that no hostile one takes more than its share."""

from __future__ import annotations

import io
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from storage.blobs.decoder import Decoder
from storage.errors import DecodersBusy
from tests.support.pictures import opened, picture


@pytest.fixture
def decoder() -> Decoder:
    return Decoder()


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF"])
def test_every_format_is_shown_as_jpeg(decoder: Decoder, format_: str) -> None:
    shown = decoder.shown(picture(format_, 200, 100))
    assert [(opened(content).format, opened(content).size) for content in shown.values()] == [
        ("JPEG", (96, 96)),
        ("JPEG", (200, 100)),
    ]


def test_what_is_shown_is_upright_and_says_nothing_of_where_it_was_taken(decoder: Decoder) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x8825] = {1: "N", 2: (59.0, 20.0, 0.0)}
    exif[0x010F] = "Canary camera"
    sideways = picture("JPEG", 80, 40, exif=exif.tobytes(), comment=b"Canary comment", icc_profile=b"Canary profile")
    assert sideways.count(b"Canary") == 3
    for width, content in decoder.shown(sideways).items():
        assert b"Canary" not in content
        assert b"Exif" not in content
        assert opened(content).size == ((96, 96) if width == 96 else (40, 80))
        assert not opened(content).getexif()


def test_what_shows_through_a_picture_is_white(decoder: Decoder) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (10, 10), (0, 0, 0, 0)).save(file, "PNG")
    assert min(opened(decoder.shown(file.getvalue())[96]).getpixel((5, 5))) > 250  # type: ignore[arg-type]


def test_a_bomb_ends_within_its_memory_and_time(decoder: Decoder) -> None:
    """48 million pixels in 47 kB. In colors with transparency they take 192 MB, more than the process has left."""
    rows = zlib.compress(bytes(8000 * 4 + 1) * 6000, 9)
    head = struct.pack(">IIBBBBB", 8000, 6000, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    started = time.monotonic()
    assert decoder.shown(bomb) == {96: b"", 720: b""}
    assert time.monotonic() - started < 6


def test_a_picture_that_takes_too_long_is_not_shown() -> None:
    assert Decoder(seconds_max=0.001).shown(picture()) == {96: b"", 720: b""}


def test_who_waits_for_too_long_is_told_to_come_again() -> None:
    decoder = Decoder(wait_seconds=0)
    with ThreadPoolExecutor(8) as threads:
        shown = [threads.submit(decoder.shown, picture()) for _ in range(8)]
        errors = [future.exception() for future in shown]
    assert {type(error) for error in errors} == {type(None), DecodersBusy}


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_formats_that_are_none_of_ours_are_not_decoded(decoder: Decoder, content: bytes) -> None:
    assert decoder.shown(content) == {96: b"", 720: b""}
