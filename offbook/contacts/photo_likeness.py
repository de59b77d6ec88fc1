"""Whether a photo that came back is the one that was served: smaller, or encoded anew, as phones keep photos.

Both are compared as thumbnails, colour by colour. A filter, a crop, a mirrored picture or another one is far away from
what a JPEG loses. Decoding is done elsewhere: pixels come in, a yes or a no goes out.
"""

from __future__ import annotations

from typing import NamedTuple

THUMBNAIL_WIDTH = 16
"""Thumbnails are square, whatever the shape of the photo is."""

MEAN_MAX = 6.0
PIXEL_MAX = 64
"""How far, of 255, the colours of two thumbnails may be apart: on average, and anywhere. A small copy of poor quality
is 3 and 40 apart; another crop, a filter or another face is 13 or more on average."""

SHAPE_MAX = 0.03
"""How far the ratio of the sides may be off: a side of a small copy is rounded to whole pixels."""


class PhotoPrint(NamedTuple):
    """A photo as it is compared: its width and height, and the bytes of a thumbnail of it that is THUMBNAIL_WIDTH wide
    and high, each pixel as red, green and blue."""

    width: int
    height: int
    thumbnail: bytes


def is_same_photo(original: PhotoPrint, incoming: PhotoPrint) -> bool:
    """Whether a photo is a copy of the original, and no better one: a larger copy is a new photo."""
    if incoming.width > original.width or incoming.height > original.height:
        return False
    if abs(original.width * incoming.height / (original.height * incoming.width) - 1) > SHAPE_MAX:
        return False
    pairs = zip(original.thumbnail, incoming.thumbnail, strict=True)
    distances = [abs(before - after) for before, after in pairs]
    return max(distances) <= PIXEL_MAX and sum(distances) <= MEAN_MAX * len(distances)
