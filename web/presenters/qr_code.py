"""A QR code, for the camera of a phone."""

from __future__ import annotations


def qr_code(text: str) -> str:
    """The URI of an SVG that shows this text."""
    import segno  # here, since few requests of a server want it

    code: str = segno.make(text, micro=False).svg_data_uri(scale=4, light="white")
    return code


def qr_picture(text: str) -> str:
    """The SVG itself, as large as its page makes it."""
    import segno  # as above

    drawn: str = segno.make(text, micro=False, error="l").svg_inline(light="white", omitsize=True)
    return drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
