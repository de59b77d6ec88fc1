"""Pictures as programs write them, small ones."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

from PIL import Image

from offbook.core.pictures import sha256_of

FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}


@cache
def picture(format_: str = "JPEG", width: int = 40, height: int = 30, color: str = "red", **options: Any) -> bytes:
    """A picture of one color."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), color).save(file, format_, **options)
    return file.getvalue()


def named(content: bytes) -> tuple[str, bytes]:
    """The address of a picture, and its bytes."""
    return f"/blobs/{sha256_of(content)}", content


def opened(content: bytes) -> Image.Image:
    """A picture, decoded."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image
