"""Bytes that are made in small parts, in larger ones: to pack or write each by itself costs more than to make it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def gathered(parts: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in parts of at least ``size`` bytes, but for the last; none where there are none."""
    pending: list[bytes] = []
    count = 0
    for part in parts:
        pending.append(part)
        count += len(part)
        if count >= size:
            yield b"".join(pending)
            pending, count = [], 0
    if count:
        yield b"".join(pending)
