"""What the process does that decodes: a picture on standard input, the same as JPEG on standard output, for each width.

The first width is for a square, cut out of the middle; each picture stands behind its length. With ``print`` before
one width: the width and height of the picture, and the colours of a square thumbnail of all of it, so wide. What is
written has no EXIF, no comment and no profile: where a photo was taken is nobody's affair. It ends by itself where the
picture takes too much memory or time.
"""

from __future__ import annotations

import io
import sys
from typing import Any

from PIL import Image, ImageOps

QUALITIES = (85, 70, 50, 30)
"""The first at which a picture has no more than BYTES_MAX, or the last."""

BYTES_MAX = 200_000
PRINT = "print"
PAPER = (255, 255, 255)
"""What shows through a picture."""


def decode(width_max: int) -> tuple[Any, tuple[int, int]]:
    """The picture upright and no wider than this, on paper; and the size that it has."""
    Image.MAX_IMAGE_PIXELS = None  # the server has looked at the size; memory and time are limited here
    with Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=["JPEG", "PNG", "WEBP", "GIF"]) as picture:
        width, height = picture.size
        picture.draft("RGB", (width_max, width_max))  # of a JPEG no more than that is decoded
        picture.thumbnail((width_max, width_max))
        upright = ImageOps.exif_transpose(picture).convert("RGBA")
    plain = Image.new("RGB", upright.size, PAPER)
    plain.paste(upright, mask=upright)
    is_turned = (upright.width > upright.height) != (width > height)
    return plain, (height, width) if is_turned else (width, height)


def write_print(width: int) -> None:
    """Decode, and write the size and the colours of a thumbnail."""
    plain, size = decode(16 * width)
    sys.stdout.buffer.write(b"".join(side.to_bytes(4, "big") for side in size))
    sys.stdout.buffer.write(plain.resize((width, width)).tobytes())


def write_shown(widths: list[int]) -> None:
    """Decode, and write each picture."""
    plain, _ = decode(2 * widths[-1])
    square, *others = widths
    shown = [ImageOps.fit(plain, (square, square))]
    for width in others:
        copy = plain.copy()
        copy.thumbnail((width, width))
        shown.append(copy)
    for smaller in shown:
        for quality in QUALITIES:
            file = io.BytesIO()
            smaller.save(file, "JPEG", quality=quality)
            if file.tell() <= BYTES_MAX:
                break
        sys.stdout.buffer.write(len(file.getvalue()).to_bytes(4, "big") + file.getvalue())


def main(arguments: list[str]) -> None:
    """Do what the arguments say."""
    if arguments[0] == PRINT:
        write_print(int(arguments[1]))
    else:
        write_shown([int(width) for width in arguments])
