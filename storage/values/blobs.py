"""Photos, as values."""

from __future__ import annotations

from typing import NamedTuple


class BlobHead(NamedTuple):
    """A blob without its bytes: the hash of these, what they are to HTTP, and how many they are."""

    sha256: str
    type: str
    size: int


class KeptBlob(NamedTuple):
    """A blob with what was asked for of it; None where that was not made yet."""

    head: BlobHead
    content: bytes | None
