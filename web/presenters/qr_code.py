"""A QR code, for the camera of a phone."""

from __future__ import annotations


def qr_code(text: str) -> str:
    """The URI of an SVG that shows this text."""
    import segno  # here, since few requests of a server want it

    code: str = segno.make(text, micro=False).svg_data_uri(scale=4, light="white")
    return code
