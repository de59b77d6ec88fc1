"""Which states of contacts a device has by CardDAV (offbook.contacts.cards.held), and what it is: its program, and what
of the cards that it sent was not taken."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from types import MappingProxyType
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, Insert, and_, bindparam, func, literal, select, update

from models import Base
from offbook.contacts.cards.held import TO_LIST, HeldCard
from storage.base import ReadTransaction
from storage.carddav.book_cards import CARDS, CONTACTS, CardRow
from storage.engines.database import Database
from storage.errors import Unwritable
from storage.sql.array_params import in_array
from storage.sql.mapping.records import dump
from storage.sql.store import SqlReadTransaction
from storage.values.accounts import DeviceLogin

HELD = Base.metadata.tables["device_cards"]
H = HELD.c

IDS_AT_ONCE = 1_000
ROWS_AT_ONCE = 5_000
"""So many are confirmed in one transaction: a tenth of a second."""

UNWRITTEN_MAX = 200_000
"""So many cards at the most are kept in memory as served: 50 MB."""


class Offers(NamedTuple):
    """What a device was served: the states of contacts by their ids, and those that are to be listed again."""

    seqs: Mapping[str, int] = MappingProxyType({})
    unfinished: Collection[str] = ()

    def and_then(self, later: Offers) -> Offers:
        """These, and what was served after them."""
        return Offers({**self.seqs, **later.seqs}, {*self.unfinished, *later.unfinished})


NOTHING = Offers()


class UnwrittenOffers:
    """What devices were served while the database took no writes: what they send afterwards is compared with it.

    It is in the memory of this process. Safe to share between threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_device: dict[int, Offers] = {}

    def of(self, device_id: int) -> Offers:
        """What is kept of a device."""
        return self._by_device.get(device_id, NOTHING)

    def keep(self, device_id: int, offers: Offers) -> bool:
        """Keep these as well; whether there is room for them."""
        with self._lock:
            if sum(len(kept.seqs) for kept in self._by_device.values()) + len(offers.seqs) > UNWRITTEN_MAX:
                return False
            self._by_device[device_id] = self.of(device_id).and_then(offers)
        return True

    def forget(self, device_id: int, written: Offers) -> None:
        """What was kept is written, unless more was kept meanwhile."""
        with self._lock:
            if self.of(device_id) is written:
                self._by_device.pop(device_id, None)


class DeviceCardRows:
    """What devices have, in a database. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._put = database.upsert(HELD, [*H.keys()])
        self._offer = database.upsert(HELD, ["device_id", "record_id", "offered_seq"])
        self._list = database.upsert(HELD, ["device_id", "record_id", "listed"])
        self._unwritten = UnwrittenOffers()

    def of(self, book: ReadTransaction, login: DeviceLogin) -> DeviceCards:
        """What one device has, inside a transaction that the caller has begun."""
        assert isinstance(book, SqlReadTransaction)
        return DeviceCards(book.connection, self._put, login)

    def offer(self, login: DeviceLogin, seqs: Mapping[str, int], unfinished: Collection[str] = ()) -> None:
        """Note that these contacts are served in these states, and that the ``unfinished`` are to be listed again.

        Where the database takes no writes that is kept in memory until it does; Unwritable is raised where that would
        be too much.
        """
        offers, earlier = Offers(seqs, unfinished), self._unwritten.of(login.device.id)
        try:
            self._write(login, earlier.and_then(offers))
        except Unwritable:
            if not self._unwritten.keep(login.device.id, offers):
                raise
        else:
            self._unwritten.forget(login.device.id, earlier)

    def catch_up(self, login: DeviceLogin) -> None:
        """Note what the device was served while the database took no writes. Raises Unwritable."""
        earlier = self._unwritten.of(login.device.id)
        if earlier is not NOTHING:
            self._write(login, earlier)
            self._unwritten.forget(login.device.id, earlier)

    def _write(self, login: DeviceLogin, offers: Offers) -> None:
        device_id = login.device.id
        rows = [
            {"device_id": device_id, "record_id": id_, "offered_seq": seq} for id_, seq in sorted(offers.seqs.items())
        ]
        listed = [{"device_id": device_id, "record_id": id_, "listed": TO_LIST} for id_ in sorted(offers.unfinished)]
        with self._database.write() as connection:
            if rows:
                connection.execute(self._offer, rows)
            if listed:
                connection.execute(self._list, listed)

    def confirm(self, login: DeviceLogin, seq: int) -> None:
        """The device has what it was served up to this seq. In parts, so that others who write needn't wait.

        Where the database takes no writes that is left for the next time.
        """
        with suppress(Unwritable):
            self._confirm({"device": login.device.id, "seq": seq})

    def _confirm(self, values: dict[str, int]) -> None:
        with self._database.read() as connection:
            pending = connection.execute(FIRST_OFFERED, values).first()
        while pending is not None:
            with self._database.write() as connection:
                last = connection.execute(OFFERED.offset(ROWS_AT_ONCE).limit(1), values).scalar()
                connection.execute(CONFIRM, {**values, "seq": values["seq"] if last is None else last - 1})
            pending = last


class DeviceCards:
    """What one device has, inside a transaction."""

    def __init__(self, connection: Connection, put: Insert, login: DeviceLogin) -> None:
        self._connection = connection
        self._put = put
        self._values = {"device": login.device.id, "book": login.book_id}

    def held(self, record_ids: Sequence[str]) -> dict[str, HeldCard]:
        """What the device has of these contacts, by their ids; those of which it has nothing are left out."""
        held: dict[str, HeldCard] = {}
        for start in range(0, len(record_ids), IDS_AT_ONCE):
            part = self._connection.execute(OF_IDS, {**self._values, "ids": record_ids[start : start + IDS_AT_ONCE]})
            held |= {record_id: _held(*state) for record_id, *state in part}
        return held

    def keep(self, record_id: str, held: HeldCard) -> None:
        """Note what the device has of a contact."""
        row = {
            "device_id": self._values["device"],
            "record_id": record_id,
            "confirmed_seq": held.confirmed,
            "offered_seq": held.offered,
            "listed": held.listed,
            "sent": dump(sorted(held.sent)) if held.sent else None,
        }
        self._connection.execute(self._put, row)

    def to_list(self, arrived: int) -> list[CardRow]:
        """Cards that are to be listed once more: all but those that an answer up to this number has listed."""
        rows = sorted(self._connection.execute(LISTED, self._values).all())
        return [
            CardRow(id_, uid, seq or 0, seq is None or bool(gone), name)
            for id_, listed, uid, seq, gone, name in rows
            if not TO_LIST < listed <= arrived
        ]

    def has_offered(self, seq: int) -> bool:
        """Whether there is something to confirm up to this seq."""
        return self._connection.execute(FIRST_OFFERED, {**self._values, "seq": seq}).first() is not None

    def has_listed(self, arrived: int) -> bool:
        """Whether an answer up to this number has listed a card once more, and is not forgotten yet."""
        return self._connection.execute(ARRIVED, {**self._values, "arrived": arrived}).first() is not None

    def list_once_more(self, record_ids: Iterable[str], arrived: int) -> int:
        """Note that these cards are listed once more, and that the answer of the number ``arrived`` did arrive; the
        number of the new answer, 0 where it lists none."""
        self._connection.execute(FORGET, {**self._values, "arrived": arrived})
        ids = sorted(record_ids)
        if not ids:
            return 0
        last = self._connection.execute(LAST_LISTING, self._values).scalar() or 0
        number = max(last, arrived) + 1
        for start in range(0, len(ids), IDS_AT_ONCE):
            part = ids[start : start + IDS_AT_ONCE]
            self._connection.execute(LIST, {**self._values, "number": number, "ids": part})
        return number


def _held(confirmed: int | None, offered: int | None, listed: int | None, sent: str | None) -> HeldCard:
    return HeldCard(confirmed, offered, listed, frozenset(orjson.loads(sent)) if sent else frozenset())


# --- statements, built once ----------------------------------------------------------------------------------------

MINE = H.device_id == bindparam("device")

OF_IDS = select(H.record_id, H.confirmed_seq, H.offered_seq, H.listed, H.sent).where(MINE, in_array(H.record_id, "ids"))

OFFERED = (
    select(H.offered_seq)
    .where(MINE, H.offered_seq.is_not(None), H.offered_seq <= bindparam("seq"))
    .order_by(H.offered_seq)
)
FIRST_OFFERED = OFFERED.limit(1)
CONFIRM = (
    update(HELD)
    .where(MINE, H.offered_seq.is_not(None), H.offered_seq <= bindparam("seq"))
    .ordered_values((H.confirmed_seq, H.offered_seq), (H.offered_seq, None))
)
"""In this order, since MariaDB reads a column that the same statement has set as it is by then."""

LISTED = (
    select(H.record_id, H.listed, CONTACTS.c.uid, CONTACTS.c.seq, CONTACTS.c.deleted, CARDS.c.segment)
    .select_from(
        HELD.outerjoin(CONTACTS, and_(CONTACTS.c.book_id == bindparam("book"), CONTACTS.c.id == H.record_id)).outerjoin(
            CARDS, and_(CARDS.c.book_id == bindparam("book"), CARDS.c.record_id == H.record_id)
        )
    )
    .where(MINE, H.listed.is_not(None), H.listed >= TO_LIST)
)
"""They are sorted, and looked at for their number, elsewhere: for that SQLite would read all of the device's rows."""

ARRIVED = select(literal(1)).where(MINE, H.listed.between(TO_LIST + 1, bindparam("arrived"))).limit(1)
FORGET = update(HELD).where(MINE, H.listed.between(TO_LIST + 1, bindparam("arrived"))).values(listed=None)
LAST_LISTING = select(func.max(H.listed)).where(MINE, H.listed.is_not(None))
LIST = update(HELD).where(MINE, in_array(H.record_id, "ids")).values(listed=bindparam("number"))
