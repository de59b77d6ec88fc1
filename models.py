"""The server's tables, columns written out. Numbers are keys inside, UUIDs are ids outside.

Times are integers: microseconds since 1970 in ``*_at`` and in ``seq``, milliseconds where the name ends in ``_ms`` and
in ``timestamp``, which devices send. No column holds a date, so no database's idea of time zones matters.

Lengths are those of offbook.core.schema, and suit MariaDB's and PostgreSQL's limits. What is here says what the schema
should be; only the migrations make it so, and a test compares the two. Nothing here reads or writes a row. The tables
of photos, imports, signing in and CardDAV stand beside what stores them, and can be imported from here like the others.
"""

from __future__ import annotations

from sqlalchemy import (
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from columns import ENTRY_TEXT, NUMBER, Base, BookId, Long, Number, UserId, Uuid
from storage.blobs.models import Blob, BlobChunk
from storage.carddav.models import Card, CardProgram, DeviceCard
from storage.imports.models import CsvMapping, ImportJobRow
from storage.repositories.accounts.models import Attempt, SessionRow

__all__ = [
    "NO_PASSWORD",
    "ONLY_ON",
    "Attempt",
    "Base",
    "Blob",
    "BlobChunk",
    "Book",
    "Card",
    "CardProgram",
    "ChangeRow",
    "ConflictRow",
    "Contact",
    "ContactDetail",
    "CsvMapping",
    "Device",
    "DeviceCard",
    "ImportJobRow",
    "Label",
    "Membership",
    "SessionRow",
    "Setting",
    "TutorialNumber",
    "TutorialRow",
    "User",
]

HAS_BATCH = text("batch IS NOT NULL")
NAMES_LABEL = text("kind = 'group' AND removed IS 0")
HAS_UID = text("uid IS NOT NULL")

ONLY_ON = "only_on"
"""The note of an index that one engine alone has: of which."""

NO_PASSWORD = "!"
"""What no password hashes to."""


class Book(Base):
    """What syncs as a whole. ``seq`` is its clock, ``pruned`` the line below which history is thinned."""

    __tablename__ = "books"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[Number]
    uuid: Mapped[Uuid] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(200))
    policy: Mapped[str] = mapped_column(String(20), default="merge", server_default="merge")
    epoch: Mapped[Uuid]
    seq: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    pruned: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    region: Mapped[str | None] = mapped_column(String(2))
    """Where phone numbers without a country's code are from: DE, US."""
    created_at: Mapped[int]


class User(Base):
    """A person who signs in. Nobody signs in with the password hash that a user has by default.

    ``folded`` is the name as names are compared (storage.repositories.accounts.user_names); empty where others had the
    same before names were compared so.
    Whoever is disabled or removed is not let in, and keeps everything. ``is_purging``: what a removed user had is being
    deleted, some at a time.
    """

    __tablename__ = "users"
    __table_args__ = (Index(None, "folded", unique=True), {"sqlite_autoincrement": True})

    id: Mapped[Number]
    name: Mapped[str] = mapped_column(String(100), unique=True)
    folded: Mapped[str | None] = mapped_column(String(300))
    password_hash: Mapped[str] = mapped_column(String(255), default=NO_PASSWORD)
    admin: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[int]
    disabled_at: Mapped[int | None]
    removed_at: Mapped[int | None]
    is_purging: Mapped[bool] = mapped_column(default=False, server_default=false())
    signed_out_at: Mapped[int | None]
    """When all sessions of this user were ended together, last: also those of which nothing is stored."""


class Membership(Base):
    """Who may use which book."""

    __tablename__ = "memberships"

    user_id: Mapped[UserId] = mapped_column(primary_key=True, autoincrement=False)
    book_id: Mapped[BookId] = mapped_column(primary_key=True, autoincrement=False, index=True)
    role: Mapped[str] = mapped_column(String(20), default="owner", server_default="owner")


class Device(Base):
    """What syncs one book. Of its token only the hash is kept. ``parked`` is JSON: codes and counts, as it reported.

    ``cursor_seq`` is how far it is: the seq of the cursor that it was given last.
    """

    __tablename__ = "devices"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[Number]
    uuid: Mapped[Uuid] = mapped_column(unique=True)
    book_id: Mapped[BookId] = mapped_column(index=True)
    user_id: Mapped[UserId] = mapped_column(index=True)
    name: Mapped[str] = mapped_column(String(100))
    token_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[int]
    last_seen_at: Mapped[int | None]
    clock_offset_ms: Mapped[int | None]
    parked: Mapped[Long | None]
    cursor_seq: Mapped[int | None]
    revoked_at: Mapped[int | None]


class Contact(Base):
    """One row of the synced table ``contacts``. Deleted ones stay, with what they held, until they are pruned.

    ``clocks`` is JSON, as is the wire.
    ``search``, ``search_name`` (null: not made yet), ``sort_name``, ``sort_first`` and ``sort_last`` are derived from
    the other columns and the details, folded; ``digest`` is what devices compare theirs with
    (offbook.core.verify.digests). The list's index holds it too, so that the sum over a book reads no row.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("book_id", "seq"),
        Index("ix_contacts_list", "book_id", "deleted", "starred", "sort_name", "id", "digest"),
        Index("ix_contacts_sort_first", "book_id", "deleted", "starred", "sort_first", "id"),
        Index("ix_contacts_sort_last", "book_id", "deleted", "starred", "sort_last", "id"),
        Index(None, "book_id", "uid", sqlite_where=HAS_UID, postgresql_where=HAS_UID),
    )

    book_id: Mapped[BookId] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[Uuid] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(String(300))
    email: Mapped[str | None] = mapped_column(String(320))
    email_label: Mapped[str | None] = mapped_column(String(100))
    phone: Mapped[str | None] = mapped_column(String(100))
    phone_label: Mapped[str | None] = mapped_column(String(100))
    given_name: Mapped[str | None] = mapped_column(String(200))
    middle_name: Mapped[str | None] = mapped_column(String(200))
    family_name: Mapped[str | None] = mapped_column(String(200))
    prefix: Mapped[str | None] = mapped_column(String(100))
    suffix: Mapped[str | None] = mapped_column(String(100))
    nickname: Mapped[str | None] = mapped_column(String(200))
    file_as: Mapped[str | None] = mapped_column(String(300))
    company: Mapped[str | None] = mapped_column(String(300))
    department: Mapped[str | None] = mapped_column(String(300))
    title: Mapped[str | None] = mapped_column(String(300))
    birthday: Mapped[str | None] = mapped_column(String(10))
    website: Mapped[str | None] = mapped_column(String(2000))
    website_label: Mapped[str | None] = mapped_column(String(100))
    notes: Mapped[Long | None]
    starred: Mapped[bool] = mapped_column(default=False, server_default=false())
    uid: Mapped[str | None] = mapped_column(String(500))
    kind: Mapped[str | None] = mapped_column(String(20))
    role: Mapped[str | None] = mapped_column(String(300))
    phonetic_given: Mapped[str | None] = mapped_column(String(200))
    phonetic_middle: Mapped[str | None] = mapped_column(String(200))
    phonetic_family: Mapped[str | None] = mapped_column(String(200))
    phone_params: Mapped[Long | None]
    email_params: Mapped[Long | None]
    website_params: Mapped[Long | None]
    photo: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[int]
    updated_at: Mapped[int]
    seq: Mapped[int]
    deleted: Mapped[bool] = mapped_column(default=False, server_default=false())
    clocks: Mapped[Long]
    search: Mapped[Long | None]
    sort_name: Mapped[str] = mapped_column(String(100), default="", server_default=text("''"))
    search_name: Mapped[Long | None]
    sort_first: Mapped[str] = mapped_column(String(100), default="", server_default=text("''"))
    sort_last: Mapped[str] = mapped_column(String(100), default="", server_default=text("''"))
    digest: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class ContactDetail(Base):
    """One entry of a contact's map ``details``. Removed entries stay, with what they held, until they are pruned.

    Labels are counted by an index of theirs on SQLite, which finds and reads the other details slowly. The other
    engines don't, and could not index texts of any length.
    """

    __tablename__ = "contact_details"
    __table_args__ = (
        ForeignKeyConstraint(["book_id", "contact_id"], ["contacts.book_id", "contacts.id"], ondelete="CASCADE"),
        Index(
            "ix_contact_details_named",
            *("book_id", "value", "contact_id"),
            sqlite_where=NAMES_LABEL,
            info={ONLY_ON: "sqlite"},
        ).ddl_if(dialect="sqlite"),
    )

    book_id: Mapped[int] = mapped_column(NUMBER, primary_key=True, autoincrement=False)
    contact_id: Mapped[Uuid] = mapped_column(primary_key=True)
    entry_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str | None] = mapped_column(String(20))
    label: Mapped[str | None] = mapped_column(String(100))
    value: Mapped[str | None] = mapped_column(ENTRY_TEXT)
    position: Mapped[int | None]
    street: Mapped[str | None] = mapped_column(String(500))
    city: Mapped[str | None] = mapped_column(String(200))
    region: Mapped[str | None] = mapped_column(String(200))
    postcode: Mapped[str | None] = mapped_column(String(50))
    country: Mapped[str | None] = mapped_column(String(200))
    po_box: Mapped[str | None] = mapped_column(String(200))
    extended: Mapped[str | None] = mapped_column(String(500))
    pref: Mapped[bool | None]
    params: Mapped[Long | None]
    removed: Mapped[bool] = mapped_column(default=False, server_default=false())


class Label(Base):
    """One row of the synced table ``labels``, with the columns that every synced table has (see Contact)."""

    __tablename__ = "labels"
    __table_args__ = (
        UniqueConstraint("book_id", "seq"),
        Index("ix_labels_list", "book_id", "deleted", "sort_key", "id", "digest"),
    )

    book_id: Mapped[BookId] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[Uuid] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(String(2000))
    created_at: Mapped[int]
    updated_at: Mapped[int]
    seq: Mapped[int]
    deleted: Mapped[bool] = mapped_column(default=False, server_default=false())
    clocks: Mapped[Long]
    search: Mapped[Long | None]
    sort_key: Mapped[str] = mapped_column(String(100), default="", server_default=text("''"))
    digest: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class ChangeRow(Base):
    """One change with its verdict: the history. Pruning empties all columns but change_id, verdict, seq and batch, and
    the reason of a rejection: all that the same change is answered with once more.

    Most changes belong to no batch: where an engine can, its index leaves them out.

    Device and user are numbers without a foreign key: history outlives what it names.
    """

    __tablename__ = "changes"
    __table_args__ = (
        UniqueConstraint("book_id", "change_id"),
        Index(None, "book_id", "seq"),
        Index(None, "book_id", "record_id"),
        Index(None, "book_id", "batch", "seq", sqlite_where=HAS_BATCH, postgresql_where=HAS_BATCH),
    )

    id: Mapped[Number]
    book_id: Mapped[BookId]
    change_id: Mapped[Uuid]
    seq: Mapped[int | None]
    table_name: Mapped[str | None] = mapped_column(String(64))
    record_id: Mapped[Uuid | None]
    operation: Mapped[str | None] = mapped_column(String(10))
    device_id: Mapped[int | None]
    user_id: Mapped[int | None]
    replica: Mapped[Uuid | None]
    timestamp: Mapped[int | None]
    received_at: Mapped[int | None]
    base: Mapped[int | None]
    bases: Mapped[Long | None]
    data: Mapped[Long | None]
    before: Mapped[Long | None]
    beaten: Mapped[Long | None]
    verdict: Mapped[str] = mapped_column(String(12))
    code: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[Long | None]
    batch: Mapped[Uuid | None]


class ConflictRow(Base):
    """Two versions of one cell that wait for a person, or waited (``resolved_at``). ``seq`` is of what it did last."""

    __tablename__ = "conflicts"
    __table_args__ = (
        Index(None, "book_id", "seq"),
        Index(None, "book_id", "resolved_at"),
        Index(None, "book_id", "record_id"),
    )

    book_id: Mapped[BookId] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[Uuid] = mapped_column(primary_key=True)
    table_name: Mapped[str] = mapped_column(String(64))
    record_id: Mapped[Uuid]
    cell: Mapped[str] = mapped_column(String(120))
    ours: Mapped[Long | None]
    theirs: Mapped[Long | None]
    common: Mapped[Long | None]
    base: Mapped[int]
    winner: Mapped[Long | None]
    change_id: Mapped[Uuid]
    replica: Mapped[Uuid]
    device_id: Mapped[int | None]
    seq: Mapped[int]
    created_at: Mapped[int]
    resolved_at: Mapped[int | None]
    resolved_by: Mapped[Uuid | None]


class Setting(Base):
    """One value of the whole server, such as the hash of the set-up link."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    value: Mapped[Long]


class TutorialNumber(Base):
    """Which integer a tutorial device calls a record by."""

    __tablename__ = "tutorial_numbers"
    __table_args__ = (UniqueConstraint("device_id", "table_name", "record_id"),)

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), primary_key=True, autoincrement=False)
    table_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    record_id: Mapped[Uuid]


class TutorialRow(Base):
    """The row that a tutorial device surely has (``held``) and the one it was served but has not confirmed.

    ``was_served``: whether a row was served since the device last confirmed that the record is gone.
    """

    __tablename__ = "tutorial_rows"

    device_id: Mapped[int] = mapped_column(ForeignKey("devices.id"), primary_key=True, autoincrement=False)
    table_name: Mapped[str] = mapped_column(String(64), primary_key=True)
    record_id: Mapped[Uuid] = mapped_column(primary_key=True)
    held: Mapped[Long | None]
    held_seq: Mapped[int | None]
    offered: Mapped[Long | None]
    offered_seq: Mapped[int | None]
    was_served: Mapped[bool] = mapped_column(default=True, server_default=true())
