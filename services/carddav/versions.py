"""A contact as it was in states that a device has, as it was served then: what a card that comes is compared with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from offbook.core.cells.json_data import with_all_fields
from offbook.core.history.entry import HistoryStep
from offbook.core.history.reconstruct import state_at
from offbook.core.model import Cells, Record
from offbook.core.pictures import PAGE_WIDTH, sha256_of
from offbook.formats.carddav.lines import ServedVersion
from offbook.formats.carddav.serving import CardForm, form_id
from offbook.formats.vcard.writing import V3, V4
from services.blobs import Blobs
from storage.base import ReadTransaction

NO_PHOTO = "none"
"""The photo rule of a card whose photo is not there yet. Its ETag is another one, so that it is read once more."""

FORMS: Mapping[str, CardForm] = {
    form_id(form): form
    for form in (CardForm(V3), CardForm(V4), CardForm(V3, photos=NO_PHOTO), CardForm(V4, photos=NO_PHOTO))
}
"""The forms that devices are served, by what tells them in an ETag."""


def contact_of(record: Record, cells: Cells) -> dict[str, Any]:
    """A contact of these cells in wire form."""
    return {"id": record.id, **with_all_fields(record.table, cells)}


def cells_at(book: ReadTransaction, record: Record, seqs: Sequence[int]) -> list[Cells | None]:
    """What a record held in each of these states; None where that is not known: it was pruned, or never was."""
    reached = [seq for seq in seqs if _is_known(book, record, seq)]
    steps: list[HistoryStep] = []
    if reached and min(reached) < record.seq:
        steps = book.steps_since(min(reached), record.key)
    return [state_at(record, steps, seq) or None if seq in reached else None for seq in seqs]


def _is_known(book: ReadTransaction, record: Record, seq: int) -> bool:
    return seq == record.seq or book.book.pruned <= seq < record.seq


class Versions:
    """Makes the versions of contacts of one book."""

    def __init__(self, blobs: Blobs, book_id: int, alike: Mapping[str, Collection[str]], *, with_photos: bool) -> None:
        """``alike`` are the SHA-256 of photos that came and look like one of the book, by the latter's. Without
        ``with_photos`` the device may have been served the card without its photo, which goes by no absence then."""
        self._blobs = blobs
        self._book_id = book_id
        self._alike = alike
        self._with_photos = with_photos

    def version(self, record: Record, cells: Cells | None, form: CardForm) -> ServedVersion | None:
        """A record with these cells, as it was served in this form; None where nothing is known of it."""
        if cells is None or not cells.get("name"):
            return None
        return ServedVersion(contact_of(record, cells), form, self._photos(cells.get("photo")))

    def current(self, record: Record, form: CardForm) -> ServedVersion:
        """A record as it is now; one that is deleted as it was before."""
        return ServedVersion(contact_of(record, record.cells), form, self._photos(record.cells.get("photo")))

    def _photos(self, photo: Any) -> frozenset[str]:
        if not self._with_photos or not isinstance(photo, str):
            return frozenset()
        shown = self._blobs.shown_if_made(self._book_id, photo, PAGE_WIDTH)
        if not shown:
            return frozenset()
        return frozenset((photo, sha256_of(shown), *self._alike.get(photo, ())))
