"""What may be kept as a photo, by its first bytes alone: no decoder is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offbook.core.errors import Invalid
from offbook.core.pictures import PICTURE_BYTES_MAX, PictureHead, checked_picture, photo_name, picture_head, sha256_of

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (300).to_bytes(4, "big") + (200).to_bytes(4, "big") + b"\x08\x02"
GIF = b"GIF89a" + (300).to_bytes(2, "little") + (200).to_bytes(2, "little")
FRAME = b"\xff\xc0\x00\x11\x08" + (200).to_bytes(2, "big") + (300).to_bytes(2, "big")
JPEG = b"\xff\xd8\xff\xe0\x00\x04ab" + FRAME
LOSSY = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + (300).to_bytes(2, "little") + (200).to_bytes(2, "little")
LOSSLESS = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + (299 | 199 << 14).to_bytes(4, "little")
EXTENDED = b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + (299).to_bytes(3, "little") + (199).to_bytes(3, "little")
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
TIFF = b"II*\0\x08\0\0\0"


def refusal(content: bytes, sha256: str | None = None) -> str:
    with pytest.raises(Invalid) as raised:
        checked_picture(content, sha256 or sha256_of(content))
    return raised.value.code


@pytest.mark.parametrize(
    ("content", "type_"),
    [
        pytest.param(PNG, "image/png", id="png"),
        pytest.param(GIF, "image/gif", id="gif"),
        pytest.param(GIF.replace(b"89a", b"87a"), "image/gif", id="gif of 1987"),
        pytest.param(JPEG, "image/jpeg", id="jpeg"),
        pytest.param(b"\xff\xd8\xff\xff\xff" + FRAME, "image/jpeg", id="jpeg with filling"),
        pytest.param(b"\xff\xd8\xff\x01\xff\xc4\x00\x03a\xff\xdb\x00\x00" + FRAME, "image/jpeg", id="jpeg with tables"),
        pytest.param(LOSSY, "image/webp", id="webp"),
        pytest.param(LOSSLESS, "image/webp", id="webp without loss"),
        pytest.param(EXTENDED, "image/webp", id="webp of several parts"),
    ],
)
def test_a_picture_says_what_it_is_and_how_large(content: bytes, type_: str) -> None:
    assert checked_picture(content, sha256_of(content)) == PictureHead(type_, 300, 200)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        SVG,
        TIFF,
        PNG[:16],
        PNG[:18],
        GIF[:6],
        GIF[:6] + bytes(4),
        JPEG[:9],
        JPEG[:-3],
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"\xff\xd8\xff\xe0\x00\x04abhello",
        LOSSY[:20],
        LOSSLESS[:24],
        EXTENDED[:29],
        b"RIFF\0\0\0\0WEBPJUNK" + bytes(40),
        b"RIFF\0\0\0\0WAVEfmt ",
        HEIC,
        b"\0\0\0\x18ftypqt  ",
    ],
    ids=range(19),
)
def test_what_is_no_picture_of_these_formats_is_refused(content: bytes) -> None:
    assert refusal(content) == "bad_picture"


def test_a_photo_in_heic_is_refused_with_what_to_do() -> None:
    with pytest.raises(Invalid, match="save the photo as JPEG"):
        checked_picture(HEIC, sha256_of(HEIC))


def test_a_picture_of_too_many_pixels_is_refused_by_what_it_says_of_itself() -> None:
    bomb = PNG[:16] + (50_001).to_bytes(4, "big") + (1_000).to_bytes(4, "big")
    assert refusal(bomb) == "too_many_pixels"
    largest = PNG[:16] + (50_000).to_bytes(4, "big") + (1_000).to_bytes(4, "big")
    assert checked_picture(largest, sha256_of(largest)).width == 50_000


def test_bytes_under_another_hash_are_refused() -> None:
    assert refusal(PNG, sha256_of(GIF)) == "wrong_hash"


def test_a_photo_of_more_than_10_mb_is_refused() -> None:
    assert refusal(PNG.ljust(PICTURE_BYTES_MAX + 1, b"\0")) == "picture_too_large"
    largest = PNG.ljust(PICTURE_BYTES_MAX, b"\0")
    assert checked_picture(largest, sha256_of(largest)).width == 300


@pytest.mark.parametrize("value", [None, True, 7, "", "abc", "A" * 64, f"{'a' * 64}\n", "https://example.org/a.jpg"])
def test_a_photo_is_named_by_its_hash_and_by_nothing_else(value: str | int | None) -> None:
    assert photo_name(value) is None
    assert photo_name(sha256_of(PNG)) == sha256_of(PNG)


@given(st.sampled_from([PNG, GIF, JPEG, LOSSY, LOSSLESS, EXTENDED]), st.integers(0, 40), st.binary(max_size=40))
def test_any_bytes_behind_a_good_beginning_are_read_or_not_and_nothing_is_raised(
    start: bytes, length: int, rest: bytes
) -> None:
    head = picture_head(start[:length] + rest)
    assert head is None or (head.width > 0 and head.height > 0)
