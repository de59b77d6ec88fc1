"""A photo that a phone sends back is known again, and another one is not taken for it."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw, ImageOps

from offbook.contacts.photo_likeness import THUMBNAIL_WIDTH, PhotoPrint, is_same_photo


def picture(
    width: int = 1200, height: int = 900, face: str = "peachpuff", background: str = "steelblue"
) -> Image.Image:
    """A portrait of a sort."""
    image = Image.new("RGB", (width, height), background)
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.3, height * 0.15, width * 0.6, height * 0.75), fill=face)
    draw.rectangle((width * 0.2, height * 0.75, width * 0.7, height), fill="darkred")
    draw.ellipse((width * 0.36, height * 0.35, width * 0.40, height * 0.40), fill="black")
    draw.line((0, height, width, 0), fill="white", width=max(1, width // 60))
    return image


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """The picture after it was written as a JPEG and read again."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    file.seek(0)
    return Image.open(file).convert("RGB")


def print_of(image: Image.Image) -> PhotoPrint:
    """What whoever decodes a photo makes of it."""
    small = image.resize((THUMBNAIL_WIDTH, THUMBNAIL_WIDTH), Image.Resampling.BOX)
    return PhotoPrint(image.width, image.height, small.convert("RGB").tobytes())


ORIGINAL = picture()

COPIES: dict[str, Callable[[], Image.Image]] = {
    "the same": lambda: ORIGINAL,
    "smaller": lambda: ORIGINAL.resize((720, 540)),
    "as a poor JPEG": lambda: jpeg(ORIGINAL, 40),
    "small and poor": lambda: jpeg(ORIGINAL.resize((96, 72)), 60),
    "a pixel off": lambda: jpeg(ORIGINAL.resize((97, 72)), 75),
    "again and again": lambda: jpeg(jpeg(jpeg(ORIGINAL.resize((720, 540)), 80).resize((500, 375)), 70), 60),
}

OTHERS: dict[str, Callable[[], Image.Image]] = {
    "larger": lambda: ORIGINAL.resize((1600, 1200)),
    "cut to a square": lambda: ORIGINAL.crop((150, 0, 1050, 900)),
    "cut at its edges": lambda: ORIGINAL.crop((120, 90, 1080, 810)),
    "mirrored": lambda: ImageOps.mirror(ORIGINAL),
    "upside down": lambda: ORIGINAL.rotate(180),
    "grey": lambda: ImageOps.grayscale(ORIGINAL).convert("RGB"),
    "brighter": lambda: ORIGINAL.point(lambda value: min(255, value + 20)),
    "another face": lambda: picture(face="saddlebrown"),
    "another background": lambda: picture(background="seagreen"),
    "of one colour": lambda: Image.new("RGB", (1200, 900), "steelblue"),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_the_same_photo(name: str) -> None:
    assert is_same_photo(print_of(ORIGINAL), print_of(COPIES[name]()))


@pytest.mark.parametrize("name", OTHERS)
def test_another_photo_is_not(name: str) -> None:
    assert not is_same_photo(print_of(ORIGINAL), print_of(OTHERS[name]()))


def test_two_photos_of_one_colour_are_two() -> None:
    blue, red = (Image.new("RGB", (10, 10), colour) for colour in ("blue", "red"))
    assert is_same_photo(print_of(blue), print_of(blue))
    assert not is_same_photo(print_of(blue), print_of(red))
