"""Which states of a contact a device has, as far as a server can know: programs say little of it.

A state is named by its seq. The ``offered`` one was served, and nobody knows whether it arrived; the ``confirmed`` one
did: the device named it (If-Match), showed a sync-token that it was given later, or sent it. A card that comes is
compared with both. Of what was written by others before the device sent a card, it has seen nothing: such a state was
offered, and is not confirmed by that card.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

TO_LIST = 0
"""A card that is to be listed once more with the next answer."""


@dataclass(frozen=True, slots=True)
class HeldCard:
    """What a device has of one contact. ``sent`` is what it sent itself, as CardEdits.sent.

    ``listed`` is the number of the answer that listed the card once more, since what the device sent did not take
    effect as it was sent; TO_LIST before there is one; None where there is nothing to list.
    """

    confirmed: int | None = None
    offered: int | None = None
    listed: int | None = None
    sent: frozenset[str] = frozenset()

    def is_new(self, seq: int) -> bool:
        """Whether it is to be noted that this state is served."""
        return self.offered != seq and (self.confirmed is None or self.confirmed < seq)

    @property
    def base(self) -> int | None:
        """The state that a card without If-Match was made from; None where the device was never served any."""
        return self.offered if self.confirmed is None else self.confirmed

    def seqs(self, if_match: int | None) -> tuple[int, ...]:
        """The states that a card is compared with, the one that it was made from first. None: the device has none.

        Whoever names a state has it, and may have had a later one: an answer that told it was lost.
        """
        base = self.base if if_match is None else if_match
        if base is None:
            return ()
        later = {seq for seq in (self.confirmed, self.offered) if seq is not None and seq > base}
        return (base, *sorted(later))

    def after_write(
        self, base: int | None, seq: int, is_as_sent: bool, sent: frozenset[str], is_told: bool = True
    ) -> HeldCard:
        """The same once the device has sent a card, or a deletion, that was made from ``base``.

        ``seq`` is the contact's state then. ``is_as_sent``: it is what was sent, and nothing else; where that wrote
        nothing and is served in other bytes, the device is not ``is_told`` of it otherwise.
        """
        if is_as_sent:
            return HeldCard(seq, None, None if is_told else TO_LIST, sent)
        seen = [known for known in (base, self.confirmed) if known is not None]
        confirmed = max(seen) if seen else None
        return replace(self, confirmed=confirmed, offered=seq if seq != confirmed else None, listed=TO_LIST, sent=sent)
