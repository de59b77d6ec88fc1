"""Why a device of CardDAV is not done what it asks for. Beside these: NotFound for a card that is not there, Malformed
for one that can't be read, Invalid for one that can't be stored, InvalidToken (offbook.contacts.cards.tokens)."""

from __future__ import annotations

from offbook.core.errors import Conflicting, OffbookError
from services import messages


class PreconditionFailed(OffbookError):
    """If-Match or If-None-Match says that the card is not the one that is meant. Nothing was done."""

    code = "precondition_failed"


class UidTaken(Conflicting):
    """Another card has this UID, of the name ``segment``. Nothing was done."""

    def __init__(self, segment: str) -> None:
        super().__init__(messages.UID_TAKEN.fault(segment=segment))
        self.segment = segment
