"""A card that a device sends, and its deletion: as one change like any other, by the same planner.

What the card was made from is what the device says (If-Match), or what it must have had. What differs from that is
written; what the device has not seen is concurrent, and the book's policy decides. A card that is older than the one
here is merged, since programs throw away the edit of a card that is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from offbook.contacts.cards.held import HeldCard
from offbook.contacts.cards.segments import is_segment, segments_for
from offbook.contacts.table import CONTACTS
from offbook.core.errors import Conflicting, Invalid, Malformed, NotFound
from offbook.core.merge.batch import Outcome
from offbook.core.merge.retention import is_purged
from offbook.core.model import Change, Operation, Record, Rejection, Verdict
from offbook.core.pictures import PAGE_WIDTH, photo_name
from offbook.core.protocol.requests import build_change
from offbook.formats.carddav.edits import CardEdits, edits_of, sent_with
from offbook.formats.carddav.incoming import IncomingCard, read_incoming
from offbook.formats.carddav.serving import CardForm, ETag, etag, is_served_as_sent
from offbook.formats.values import NOT_FIELDS
from offbook.formats.vcard.identity import id_of_uid, member_key
from offbook.formats.vcard.writing import V4
from services import messages
from services.blobs import Blobs
from services.carddav.errors import UidTaken
from services.carddav.photos import card_photo
from services.carddav.preconditions import Preconditions
from services.carddav.values import PutResult
from services.carddav.versions import FORMS, NO_PHOTO, Versions, cells_at, contact_of
from services.references import apply_and_clear, clear_ahead
from services.sync.push import Turns
from storage.base import ChangeOrigin, ReadTransaction, WriteTransaction
from storage.carddav.book_cards import BookCards, CardRow, CardRows
from storage.carddav.device_cards import DeviceCardRows
from storage.carddav.programs import CardPrograms
from storage.sql.store import SqlStore
from storage.values.accounts import DeviceLogin

CARD_BYTES_MAX = 16 * 1024**2
"""Of a card with a photo of ten megabytes in it."""

NOTHING_HELD = HeldCard()


@dataclass(frozen=True, slots=True)
class SentCard:
    """A card that came, by whom, and under which name."""

    login: DeviceLogin
    segment: str
    body: bytes
    card: IncomingCard
    preconditions: Preconditions
    form: CardForm
    now_us: int
    unkept: frozenset[str] = frozenset()
    """The SHA-256 of a photo in it that can't be kept: the card is taken without."""

    alike: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The SHA-256 of photos in it that are copies of one of the book, by the latter's."""

    @property
    def change_id(self) -> str:
        """The id of the change that it becomes: of this device, this name and this moment."""
        return str(uuid5(UUID(self.login.device.uuid), f"{self.now_us} {self.segment}"))

    @property
    def origin(self) -> ChangeOrigin:
        """By whom the change is, for the history."""
        return ChangeOrigin(self.login.device.id, self.login.user_id)


class PlannedCard(NamedTuple):
    """What a card that came does: a change, None where it says nothing new; made from the state ``base``, None where
    the device has seen none. ``record`` is its contact as it is before, None for a new one."""

    change: Change | Rejection | None
    record: Record | None
    record_id: str
    held: HeldCard
    base: int | None
    sent: frozenset[str]
    blobs: Mapping[str, bytes]

    @property
    def photo(self) -> str | None:
        """The photo of the contact as it is before, by its SHA-256."""
        return None if self.record is None else photo_name(self.record.cells.get("photo"))

    @property
    def is_created(self) -> bool:
        """Whether there was no such contact."""
        return self.record is None or self.record.deleted


class CardReceiver:
    """Takes cards and deletions. Safe to share between threads."""

    def __init__(
        self,
        store: SqlStore,
        blobs: Blobs,
        cards: CardRows,
        devices: DeviceCardRows,
        programs: CardPrograms,
        refuses_stale: bool,
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._cards = cards
        self._devices = devices
        self._programs = programs
        self._refuses_stale = refuses_stale

    def put(
        self,
        login: DeviceLogin,
        segment: str,
        body: bytes,
        preconditions: Preconditions,
        form: CardForm,
        now_us: int,
    ) -> PutResult:
        """Take a card. Raises as CardBook.put."""
        try:
            if not is_segment(segment):
                raise Malformed.of(messages.BAD_CARD_NAME)
            if len(body) > CARD_BYTES_MAX:
                most = CARD_BYTES_MAX // 1024**2
                raise Malformed.of(messages.CARD_TOO_LARGE, most=most)
            sent = SentCard(login, segment, body, read_incoming(body), preconditions, form, now_us)
            self._devices.catch_up(login)
            planned, verdict, after = self._take(sent)
        except (Malformed, Invalid, Conflicting) as refusal:
            self._programs.note_refused(login, segment, refusal.code, str(refusal), now_us)
            raise
        return PutResult(planned.is_created, self._etag(sent, planned, after), verdict)

    def _take(self, sent: SentCard) -> tuple[PlannedCard, Verdict, Record]:
        if sent.card.blobs:
            sent = self._with_photo_kept(sent)
        with self._store.writing(sent.login.book_id) as book:
            planned = self._plan(book, sent)
            verdict, after = self._carry_out(book, sent, planned)
        return planned, verdict, after

    def _with_photo_kept(self, sent: SentCard) -> SentCard:
        """The card, its photo kept where it is a new one, and known where it is a copy of the one that is there.

        Ahead of the transaction with the book's lock: a photo is kept in one of its own, and decoded in a program.
        """
        with self._store.reading(sent.login.book_id) as book:
            planned = self._plan(book, sent)
        if planned.blobs and planned.photo is not None:
            alike = {sha for sha, data in planned.blobs.items() if self._is_copy(sent, planned.photo, data)}
            sent = replace(sent, alike={planned.photo: frozenset(alike)})
            planned = planned._replace(blobs={sha: planned.blobs[sha] for sha in planned.blobs.keys() - alike})
        for sha256, content in planned.blobs.items():
            try:
                self._blobs.put(sent.login.book_id, sha256, content, sent.now_us)
            except Invalid:
                sent = replace(sent, unkept=sent.unkept | {sha256})
        return sent

    def _is_copy(self, sent: SentCard, photo: str, content: bytes) -> bool:
        return self._blobs.is_copy(sent.login.book_id, photo, content)

    def _etag(self, sent: SentCard, planned: PlannedCard, after: Record) -> str | None:
        """The ETag of the card where it is served as the very bytes that came; a new photo never is."""
        photo = photo_name(after.cells.get("photo"))
        if after.deleted or planned.blobs or (photo and self._blobs.lacking(sent.login.book_id, [photo])):
            return None
        is_same = self._is_same(sent, after, partial(card_photo, self._blobs))
        return etag(after.seq, sent.form) if is_same else None

    # --- what a card changes -----------------------------------------------------------------------------------------

    def _plan(self, book: ReadTransaction, sent: SentCard) -> PlannedCard:
        cards = self._cards.of(book)
        row = cards.named([sent.segment]).get(sent.segment)
        named = sent.preconditions.state(row, self._refuses_stale)
        taken_ids = _check_uid(cards, sent.card, row)
        if row is None or (row.deleted and not _has_uid(row, sent.card)):
            return self._creation(sent, self._new_id(sent, taken_ids))
        record = book.records(CONTACTS.name, [row.record_id])[CONTACTS.name, row.record_id]
        held = self._devices.of(book, sent.login).held([record.id]).get(record.id, NOTHING_HELD)
        if is_purged(record):
            return self._creation(sent, record.id, record, held)
        seqs = held.seqs(None if named is None else named.seq)
        edits = self._edits(book, sent, record, seqs, named, held)
        base = _base(record, seqs, held)
        if record.deleted:
            change, base = self._revival(sent, record, base, edits)
        else:
            change = self._change(sent, record.id, Operation.UPDATE, base, edits.data)
        return PlannedCard(change, record, record.id, held, base, edits.sent, edits.blobs)

    def _edits(
        self,
        book: ReadTransaction,
        sent: SentCard,
        record: Record,
        seqs: tuple[int, ...],
        named: ETag | None,
        held: HeldCard,
    ) -> CardEdits:
        form = FORMS.get(named.form, sent.form) if named is not None else sent.form
        if sent.card.version == V4:  # an ETag of a list does not tell in which version the card was read
            form = form._replace(version=V4)
        with_photos = held.listed is None and form.photos != NO_PHOTO
        versions = Versions(self._blobs, book.book.id, sent.alike, with_photos=with_photos or bool(sent.card.blobs))
        known = [versions.version(record, cells, form) for cells in cells_at(book, record, seqs)]
        if all(version is None for version in known):
            known = [None, versions.current(record, form)]
        numbers = count(1)
        return edits_of(
            sent.card, known, held.sent, lambda: str(uuid5(UUID(sent.change_id), f"detail {next(numbers)}"))
        )

    def _creation(
        self, sent: SentCard, record_id: str, record: Record | None = None, held: HeldCard = NOTHING_HELD
    ) -> PlannedCard:
        """A new contact; or one of which nothing is left but that it was there."""
        contact = sent.card.contact
        data = {name: value for name, value in contact.items() if name == "details" or name not in NOT_FIELDS}
        if sent.card.uid and member_key(sent.card.uid) != member_key(record_id):
            data["uid"] = contact["uid"] or sent.card.uid
        base = None if record is None else record.seq
        change = self._change(sent, record_id, Operation.INSERT, base, data)
        return PlannedCard(change, record, record_id, held, base, sent_with(sent.card), sent.card.blobs)

    def _new_id(self, sent: SentCard, taken_ids: frozenset[str]) -> str:
        """The id that an import would give this card, unless another contact has it."""
        record_id = str(sent.card.contact["id"]) if sent.card.uid else ""
        return record_id if record_id and record_id not in taken_ids else str(uuid5(UUID(sent.change_id), "record"))

    def _revival(
        self, sent: SentCard, record: Record, base: int | None, edits: CardEdits
    ) -> tuple[Change | Rejection | None, int | None]:
        """What brings a deleted contact back; None where a card comes of which the device has not heard that it was
        deleted, and which says nothing new. And the state that it is made from."""
        knows_deletion = sent.preconditions.if_none_match is not None or base is None or base >= record.seq
        if not knows_deletion and not edits.data:
            return None, base
        base = record.seq if knows_deletion else base
        data = {"name": record.cells["name"], **edits.data}
        return self._change(sent, record.id, Operation.INSERT, base, data), base

    def _change(
        self, sent: SentCard, record_id: str, operation: Operation, base: int | None, data: Mapping[str, Any]
    ) -> Change | Rejection | None:
        """The change of these cells, without a photo that can't be kept; None where nothing is left."""
        cells = {name: value for name, value in data.items() if name != "photo" or value not in sent.unkept}
        if not cells:
            return None
        replica, now_ms = sent.login.device.uuid, sent.now_us // 1000
        return build_change(sent.change_id, CONTACTS, record_id, operation, replica, now_ms, base or 0, cells)

    # --- carried out -------------------------------------------------------------------------------------------------

    def _carry_out(self, book: WriteTransaction, sent: SentCard, planned: PlannedCard) -> tuple[Verdict, Record]:
        """Write the change, and note what the device has then: the verdict, and the contact as it is."""
        verdict, after = Verdict.APPLIED, planned.record
        if planned.change is not None:
            touched = {} if planned.record is None else {planned.record.key: planned.record}
            pushed = apply_and_clear(book, sent.origin, [planned.change], sent.now_us, touched)
            verdict = _accepted(pushed.outcomes[0]).verdict
            after = pushed.records[CONTACTS.name, planned.record_id]
        assert after is not None  # a card that changes nothing is of a contact that is there, or was
        self._cards.of(book).name(sent.segment, planned.record_id)
        before = planned.record
        has_seen_all = before is None or (planned.base is not None and planned.base >= before.seq)
        is_as_sent = verdict is Verdict.APPLIED and has_seen_all and not after.deleted
        is_told = planned.change is not None or self._is_same(sent, after, self._shown_photo)
        held = planned.held.after_write(planned.base, after.seq, is_as_sent, planned.sent, is_told)
        self._devices.of(book, sent.login).keep(planned.record_id, held)
        return verdict, after

    def _is_same(self, sent: SentCard, after: Record, fetch_photo: Callable[[int, str], bytes | None]) -> bool:
        """Whether a contact is served as the very bytes that came."""
        fetch = partial(fetch_photo, sent.login.book_id)
        return is_served_as_sent(sent.body, contact_of(after, after.cells), sent.form, fetch)

    def _shown_photo(self, book_id: int, sha256: str) -> bytes | None:
        """What is served of a photo, where it was before: nothing is decoded while others wait."""
        return self._blobs.shown_if_made(book_id, sha256, PAGE_WIDTH)

    # --- a deletion --------------------------------------------------------------------------------------------------

    def delete(self, login: DeviceLogin, segment: str, if_match: str | None, now_us: int) -> Verdict:
        """Move a contact to the trash. Raises as CardBook.delete."""
        origin = ChangeOrigin(login.device.id, login.user_id)
        self._devices.catch_up(login)
        with Turns(self._store, login.book_id) as turns:
            held, deletion = self._deletion(turns.book, login, segment, if_match, now_us)
            if clear_ahead(turns, origin, [deletion], now_us):
                held, deletion = self._deletion(turns.book, login, segment, if_match, now_us)
            pushed = apply_and_clear(turns.book, origin, [deletion], now_us)
            outcome = _accepted(pushed.outcomes[0])
            after = pushed.records[deletion.key]
            held = held.after_write(deletion.base, after.seq, after.deleted, held.sent)
            self._cards.of(turns.book).name(segment, after.id)
            self._devices.of(turns.book, login).keep(after.id, held)
        return outcome.verdict

    def _deletion(
        self, book: ReadTransaction, login: DeviceLogin, segment: str, if_match: str | None, now_us: int
    ) -> tuple[HeldCard, Change]:
        row = self._cards.of(book).named([segment]).get(segment)
        if row is None or row.deleted:
            raise NotFound.of(messages.NO_CARD)
        named = Preconditions(if_match).state(row, refuses_stale=True)
        held = self._devices.of(book, login).held([row.record_id]).get(row.record_id, NOTHING_HELD)
        base = row.seq if named is not None or held.base is None else min(held.base, row.seq)
        replica = login.device.uuid
        id_ = str(uuid5(UUID(replica), f"{now_us} {segment}"))
        change = build_change(id_, CONTACTS, row.record_id, Operation.DELETE, replica, now_us // 1000, base)
        if isinstance(change, Rejection):
            raise Invalid(change.fault)
        return held, change


def _accepted(outcome: Outcome) -> Outcome:
    """An outcome that is no rejection. Raises Invalid."""
    if outcome.fault is not None:
        raise Invalid(outcome.fault)
    return outcome


def _base(record: Record, seqs: tuple[int, ...], held: HeldCard) -> int | None:
    """The state that a card was made from. A later one than there is was lost with a restore."""
    base = seqs[0] if seqs else None
    if base is not None and base > record.seq:
        base = held.base
    return None if base is None or base > record.seq else base


def _has_uid(row: CardRow, card: IncomingCard) -> bool:
    return not card.uid or member_key(row.uid or row.record_id) == member_key(card.uid)


def _check_uid(cards: BookCards, card: IncomingCard, row: CardRow | None) -> frozenset[str]:
    """Raises UidTaken where another contact has the card's UID; else the ids that a new contact can't have."""
    if not card.uid:
        return frozenset()
    uids = {card.uid, card.uid.lower(), f"urn:uuid:{card.uid}", str(card.contact["uid"] or card.uid)}
    others = cards.with_uid(uids, {id_of_uid(card.uid)})
    for other in others:
        if not other.deleted and _has_uid(other, card) and (row is None or other.record_id != row.record_id):
            raise UidTaken(other.segment or segments_for(other.record_id, other.uid)[0])
    return frozenset(other.record_id for other in others)
