"""The tables of CardDAV, which models.py gathers: paths of cards, and what each device has of them."""

from __future__ import annotations

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from columns import NUMBER, Base, BookId, Long, Uuid

WAS_OFFERED = text("offered_seq IS NOT NULL")
IS_TO_LIST = text("listed IS NOT NULL")


class Card(Base):
    """What a contact is called in the paths of CardDAV: by the client that made it, or by us once it is listed.

    It stays while the contact does, in the trash too, so that devices hear which card was deleted.
    """

    __tablename__ = "cards"
    __table_args__ = (
        UniqueConstraint("book_id", "record_id"),
        ForeignKeyConstraint(["book_id", "record_id"], ["contacts.book_id", "contacts.id"], ondelete="CASCADE"),
    )

    book_id: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=False)
    segment: Mapped[str] = mapped_column(String(255), primary_key=True)
    record_id: Mapped[Uuid]


class DeviceCard(Base):
    """Which states of a contact a device of CardDAV has (offbook.contacts.cards.held), and what it sent: JSON."""

    __tablename__ = "device_cards"
    __table_args__ = (
        Index(None, "device_id", "offered_seq", sqlite_where=WAS_OFFERED, postgresql_where=WAS_OFFERED),
        Index(None, "device_id", "listed", sqlite_where=IS_TO_LIST, postgresql_where=IS_TO_LIST),
    )

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), primary_key=True, autoincrement=False)
    record_id: Mapped[Uuid] = mapped_column(primary_key=True)
    confirmed_seq: Mapped[int | None]
    offered_seq: Mapped[int | None]
    listed: Mapped[int | None]
    sent: Mapped[Long | None]


class CardProgram(Base):
    """What a device of CardDAV is: its program, as it calls itself; how many of the cards that it sent were not taken
    (``refused``); and of the last of these the path segment, the code, the sentence and the time."""

    __tablename__ = "card_programs"

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), primary_key=True, autoincrement=False)
    book_id: Mapped[BookId] = mapped_column(primary_key=True, autoincrement=False, index=True)
    program: Mapped[str | None] = mapped_column(String(200))
    refused: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    segment: Mapped[str | None] = mapped_column(String(255))
    code: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[Long | None]
    refused_at: Mapped[int | None]
