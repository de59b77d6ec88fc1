"""What storage gives to whoever reads it, as values: users, devices, sessions, lists, figures, streams, sizes.

Times are microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from offbook.core.accounts.users import Rights
from offbook.core.schema import Table
from offbook.core.stream_format import StreamState

# --- who asks ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """A user with the book that is theirs. ``session_version`` changes with the password."""

    id: int
    name: str
    admin: bool
    created_at: int
    book_id: int
    session_version: str
    disabled_at: int | None = None
    removed_at: int | None = None
    is_purging: bool = False

    @property
    def rights(self) -> Rights:
        """What the user may do."""
        return Rights(self.admin, self.disabled_at, self.removed_at, self.is_purging)


BY_NAME = "name"
"""How a list of contacts is sorted where nothing else is asked for."""

SORTS = (BY_NAME, "first", "last", "changed")


@dataclass(frozen=True, slots=True)
class BookSettings:
    """A book by its row id and its UUID, with its name, its policy, and where its phone numbers are from."""

    id: int
    uuid: str
    name: str
    policy: str
    region: str | None


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One device. ``clock_offset_ms`` is how far its clock is ahead of the server's, ``parked`` what it can't send.

    ``cursor_seq`` is the seq of the last cursor that it was given, None where that was never noted.
    """

    id: int
    uuid: str
    book_id: int
    user_id: int
    name: str
    created_at: int
    last_seen_at: int | None
    clock_offset_ms: int | None
    parked: Mapping[str, int]
    cursor_seq: int | None
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class DeviceLogin:
    """A device that showed its token, with all that a request needs to know about it and its user."""

    device: DeviceInfo
    book_id: int
    user_id: int
    admin: bool
    user_name: str


@dataclass(frozen=True, slots=True)
class CardProgramInfo:
    """What is known of a device that syncs by CardDAV: its ``program`` as it calls itself; how many of the cards that
    it sent were not taken; and of the last of these its name in the path, the code and the sentence of why, and when.
    """

    program: str | None
    refused: int
    segment: str | None
    code: str | None
    detail: str | None
    refused_at: int | None


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a request comes from: the browser in words, and the address."""

    browser: str
    address: str


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in. ``way`` is how: by ``password``, by the link of the ``setup``, or ``earlier``, which is all
    that is known of a cookie that an earlier version made.

    ``session_version`` is of the password that it was opened with, where nothing is stored of it yet; else it is None.
    """

    id: str
    user_id: int
    way: str
    opened_at: int
    last_used_at: int
    browser: str
    address: str
    ended_at: int | None = None
    session_version: str | None = None

    @property
    def is_stored(self) -> bool:
        """Whether there is a row of it."""
        return self.session_version is None


@dataclass(frozen=True, slots=True)
class CarriedSession:
    """A session that a signed cookie vouches for, since nothing was stored of it when the cookie was made."""

    token: str
    user_id: int
    session_version: str
    way: str
    opened_at: int


# --- what pages show --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ContactRow:
    """A line of the list."""

    id: str
    name: str
    email: str | None
    phone: str | None
    company: str | None
    starred: bool
    seq: int
    photo: str | None = None
    """The hash of its photo."""


@dataclass(frozen=True, slots=True)
class ContactPage:
    """Some lines in order. ``next`` is where the following ones begin, None where there are none.

    ``total`` counts the whole list; of a search's later pages, only what is left of it.
    """

    rows: list[ContactRow]
    next: str | None
    total: int


class LabelCount(NamedTuple):
    """A label, and how many contacts have it that are not deleted."""

    id: str
    name: str
    contacts: int


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many changes one device made on one day. ``day`` counts from 1970; no ``device_id``: made on the pages.

    ``device`` is its name, None where the device is not known any more.
    """

    day: int
    device_id: int | None
    device: str | None
    changes: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The contacts there are, and how many of them have what, in the field itself or in a detail."""

    contacts: int = 0
    starred: int = 0
    with_email: int = 0
    with_phone: int = 0
    with_address: int = 0
    with_company: int = 0

    @property
    def without_phone(self) -> int:
        """How many contacts have no phone number."""
        return self.contacts - self.with_phone


@dataclass(frozen=True, slots=True)
class Company:
    """A company with the number of its contacts."""

    name: str
    contacts: int


@dataclass(frozen=True, slots=True)
class DeviceState:
    """A device that may come in. ``behind`` records changed since its cursor, the first of them at ``since``.

    ``behind`` is None where it is not known how far the device is.
    """

    name: str
    owner: str
    last_seen_at: int | None
    clock_offset_ms: int | None
    parked: Mapping[str, int]
    behind: int | None
    since: int | None


@dataclass(frozen=True, slots=True)
class Overview:
    """``companies`` are those with the most contacts, ``deleted`` counts what is in the trash.

    ``own_tables`` counts the live records of each table that an app brought.
    """

    days: Sequence[DayCount]
    totals: Totals
    companies: Sequence[Company]
    deleted: int
    devices: Sequence[DeviceState]
    conflicts: int
    own_tables: Sequence[tuple[Table, int]]


# --- streams ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StreamSource:
    """A file that may be read. It is called by its name without folder and ending."""

    id: str
    path: Path

    @property
    def name(self) -> str:
        """What the stream is called: its file's name without the ending."""
        return self.path.stem


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """Times are microseconds since 1970. ``rate`` is messages a second now, ``size`` bytes on the disk."""

    url: str
    messages: int
    size: int
    last_at: int | None
    alive_at: int | None
    state: StreamState
    rate: float
    gaps: int


@dataclass(frozen=True, slots=True)
class StreamGap:
    """``ended_at`` is None as long as the stream is away."""

    began_at: int
    ended_at: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class StreamMessage:
    """``head`` is how it begins, None where it is too large to look into. ``timestamp`` is as the file has it."""

    id: int
    timestamp: str
    size: int
    head: str | bytes | None

    @property
    def is_cut(self) -> bool:
        """Whether more of the message is stored than is shown."""
        return self.head is not None and self.size > len(
            self.head if isinstance(self.head, bytes) else self.head.encode()
        )


# --- what an admin looks after ----------------------------------------------------------------------------------------


Facts = Mapping[str, str | int | bool]
"""What an administrator wants to know about the engine: its version, and the settings that connections really have."""


@dataclass(frozen=True, slots=True)
class DatabaseSize:
    """``data`` is what the database takes, its log included; ``free`` what of that a vacuum would give back, if known.

    ``folder`` is where it lies, None where that is not for this machine to see.
    """

    data: int
    free: int | None = None
    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class LogSize:
    """The log that commits go to first: its length, the part that can't be copied yet, and how long it ought to be."""

    bytes: int
    held_bytes: int
    usual_bytes: int


@dataclass(frozen=True, slots=True)
class DeviceLag:
    """Of the devices that may come in: how many there are, and how many lack something that their book has.

    ``seconds`` ago, the one of them that is furthest behind had all that there was; 0 where none lacks anything. A
    device that never said how far it is lacks nothing that is known.
    """

    devices: int
    behind: int
    seconds: float


class BlobHead(NamedTuple):
    """A blob without its bytes: the hash of these, what they are to HTTP, and how many they are."""

    sha256: str
    type: str
    size: int


class KeptBlob(NamedTuple):
    """A blob with what was asked for of it; None where that was not made yet."""

    head: BlobHead
    content: bytes | None


IMPORT_LEASE_US = 10_000_000
"""How long nothing may be heard of who carries out an import until another one goes on."""


UNDOES = "undoes"
"""Among what was chosen for a job: the batch that it undoes."""


class JobState(StrEnum):
    """Whether an import goes on, was carried out, or ended before that."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ImportJob:
    """An import: which file it is of and what was chosen for it, and how far it is; or the undo of one.

    ``batch`` is the one that its changes share, and the job's id. ``done`` of ``total`` contacts of the file are
    carried out; ``total`` is 0 while the file is read. ``report`` is of these alone; ``problem`` says why it stopped.
    """

    user_id: int
    book_id: int
    batch: str
    digest: str
    file_name: str
    choices: Mapping[str, Any]
    started_at: int
    runner: str
    seen_at: int
    state: JobState = JobState.RUNNING
    done: int = 0
    total: int = 0
    report: Mapping[str, Any] | None = None
    problem: str = ""

    @property
    def undoes(self) -> str:
        """The batch that it undoes; empty where it is an import."""
        return str(self.choices.get(UNDOES, ""))

    def is_abandoned(self, now_us: int) -> bool:
        """Whether it would go on, and nobody carries it out any more."""
        return self.state is JobState.RUNNING and self.seen_at <= now_us - IMPORT_LEASE_US
