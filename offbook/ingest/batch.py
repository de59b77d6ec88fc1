"""Messages that wait for one commit, in the order in which they came. Pure: when each came is an argument.

A message's ``timestamp`` is when it came here, by this machine's clock, which may be set back: the order is that of
ids.
"""

from __future__ import annotations

from collections.abc import Mapping

from offbook.core.stream_format import SECOND_US, up_to_the_second

ROW_BYTES = 64
"""What a message takes beside its payload, in memory or in the file, roughly."""


class MessageBatch:
    """``rows`` are (timestamp, payload); ``size`` is about how many bytes they take."""

    __slots__ = ("_beginning", "_counts", "_second", "rows", "size")

    def __init__(self) -> None:
        self.rows: list[tuple[str, str | bytes]] = []
        self.size = 0
        self._counts: dict[int, int] = {}
        self._second = -1
        self._beginning = ""

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, at_us: int, payload: str | bytes) -> None:
        """Runs for every message: what is the same for all of one second is made once."""
        second, rest = divmod(at_us, SECOND_US)
        if second != self._second:
            self._second, self._beginning = second, up_to_the_second(second)
            self._counts.setdefault(second, 0)
        self._counts[second] += 1
        self.rows.append((f"{self._beginning}{rest:06d}Z", payload))
        self.size += len(payload) + ROW_BYTES

    @property
    def counts(self) -> Mapping[int, int]:
        """How many came in which second since 1970."""
        return self._counts

    @property
    def last_at(self) -> str | None:
        """When the last message came, as text; None where there is none."""
        return self.rows[-1][0] if self.rows else None
