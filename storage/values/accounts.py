"""Who may come in, as values: users with their books, devices, and sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from offbook.core.accounts.users import Rights


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
