"""The devices of a book, and the tokens that they come in with.

A token names its device and carries 256 random bits. It is shown once; only its hash is kept, so that a copy of the
database lets nobody in. A revoked device stays, as what its changes came from.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from hmac import compare_digest
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update

from models import Device, Membership, User
from offbook.core.accounts.users import Rights, require_access
from offbook.core.errors import NotFound
from storage import messages
from storage.engines.database import Database
from storage.repositories.accounts.user_names import validate_name
from storage.sql.array_params import in_array
from storage.sql.prepared import Prepared
from storage.values.accounts import DeviceInfo, DeviceLogin

TOKEN = re.compile(r"ob_([0-9a-f]{32})_[A-Za-z0-9_-]{43}")

SEEN_EVERY_US = 60 * 1_000_000
"""A device that asks all the time is not worth a write each time."""

OFFSET_STEP_MS = 5_000
"""A clock offset that moved by less is the network's jitter."""

CURSOR_EVERY_US = 5 * 1_000_000
"""While a device sends one change after the other, its cursor may be stored this late: it is no commit's worth."""

DEVICE: tuple[Any, ...] = (
    Device.id,
    Device.uuid,
    Device.book_id,
    Device.user_id,
    Device.name,
    Device.created_at,
    Device.last_seen_at,
    Device.clock_offset_ms,
    Device.parked,
    Device.cursor_seq,
    Device.revoked_at,
)
"""The columns of a DeviceInfo, in its order."""

RIGHTS: tuple[Any, ...] = (User.admin, User.disabled_at, User.removed_at, User.is_purging)
"""The columns of Rights, in its order."""

LET_IN = (User.disabled_at.is_(None), User.removed_at.is_(None))
"""What is so of users who may come in."""

NAMES = tuple(column.key for column in DEVICE)

LOGIN = Prepared(
    select(*DEVICE, Device.token_hash, User.name.label("user_name"), *RIGHTS)
    .join(User, User.id == Device.user_id)
    .join(Membership, (Membership.user_id == User.id) & (Membership.book_id == Device.book_id))
    .where(Device.uuid == bindparam("uuid"), Device.revoked_at.is_(None))
)
"""Asked by every request of every device."""

WELCOME = (
    select(Device.id)
    .join(User, User.id == Device.user_id)
    .where(in_array(Device.__table__.c.id, "ids"), Device.revoked_at.is_(None), *LET_IN)
)
"""Those of these devices that may come in."""

RECORD_CURSOR = (
    update(Device)
    .where(Device.id == bindparam("device"))
    .values(last_seen_at=bindparam("now"), cursor_seq=func.coalesce(bindparam("place"), Device.cursor_seq))
)


class Devices:
    """Devices and their tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_device(
        self, book_id: int, user_id: int, name: str, now_us: int, new_id: Callable[[], str]
    ) -> tuple[DeviceInfo, str]:
        """A new device and its token, which can't be had a second time."""
        uuid, name = new_id(), validate_name(name)
        token = f"ob_{UUID(uuid).hex}_{secrets.token_urlsafe(32)}"
        values = {"uuid": uuid, "book_id": book_id, "user_id": user_id, "name": name, "created_at": now_us}
        with self._database.write() as connection:
            key = connection.execute(insert(Device).values(token_hash=digest(token), **values)).inserted_primary_key
        assert key is not None
        return DeviceInfo(key[0], uuid, book_id, user_id, name, now_us, None, None, {}, None, None), token

    def device_by_token(self, token: str) -> DeviceLogin | None:
        """Who shows this token; None where it is not one, is revoked, or its user left the book.

        Raises NotLetIn where the user is disabled or removed.
        """
        parts = TOKEN.fullmatch(token)
        if parts is None:
            return None
        rows = self._database.fetch_one_shot(LOGIN, {"uuid": str(UUID(parts[1]))})
        if not rows or not compare_digest(rows[0][len(DEVICE)], digest(token)):
            return None
        device = _device(rows[0])
        admin, disabled_at, removed_at, is_purging = rows[0][-len(RIGHTS) :]
        if disabled_at is not None or removed_at is not None:
            require_access(Rights(bool(admin), disabled_at, removed_at, bool(is_purging)))
        return DeviceLogin(device, device.book_id, device.user_id, bool(admin), rows[0][len(DEVICE) + 1])

    def devices(self, user_id: int) -> list[DeviceInfo]:
        """A user's devices that may still come in, oldest first."""
        query = select(*DEVICE).where(Device.user_id == user_id, Device.revoked_at.is_(None)).order_by(Device.id)
        with self._database.read() as connection:
            return [_device(row) for row in connection.execute(query)]

    def has_device(self, uuid: str) -> bool:
        """Whether there is or was a device with this id, anybody's."""
        with self._database.read() as connection:
            return connection.execute(select(Device.id).where(Device.uuid == uuid)).first() is not None

    def rename_device(self, user_id: int, uuid: str, name: str) -> None:
        """Give a user's device another name. Raises Invalid, and NotFound where it is revoked."""
        self._change(user_id, uuid, name=validate_name(name))

    def revoke_device(self, user_id: int, uuid: str, now_us: int) -> None:
        """Its token opens nothing from now on. What it sent stays."""
        self._change(user_id, uuid, revoked_at=now_us)

    def revoke_devices(self, user_id: int, now_us: int) -> int:
        """The same of all of a user's devices; how many there were."""
        mine = (Device.user_id == user_id) & Device.revoked_at.is_(None)
        with self._database.write() as connection:
            return connection.execute(update(Device).where(mine).values(revoked_at=now_us)).rowcount

    def record_seen(
        self,
        device: DeviceInfo,
        now_us: int,
        clock_offset_ms: int | None = None,
        parked: Mapping[str, int] | None = None,
        cursor_seq: int | None = None,
        at_once: bool = False,
    ) -> DeviceInfo:
        """Note that the device was here: once a minute, or when its report changed. Returns it as it is then.

        Nothing is where the database takes no changes: whoever only asks is answered all the same. A cursor that moved
        is noted with the rest; alone it waits for CURSOR_EVERY_US, or not, where ``at_once``.
        """
        report = {"clock_offset_ms": clock_offset_ms, "parked": parked, "cursor_seq": cursor_seq}
        reported = {name: value for name, value in report.items() if value is not None}
        noted = replace(device, last_seen_at=now_us, **reported)  # type: ignore[arg-type]
        passed_us = now_us - (device.last_seen_at or 0)
        has_changed = noted.parked != device.parked or _moved(device.clock_offset_ms, noted.clock_offset_ms)
        has_moved_on = noted.cursor_seq != device.cursor_seq and (at_once or passed_us >= CURSOR_EVERY_US)
        if not (has_changed or has_moved_on or passed_us >= SEEN_EVERY_US):
            return device
        values = {
            "last_seen_at": now_us,
            "clock_offset_ms": noted.clock_offset_ms,
            "parked": json.dumps(dict(noted.parked)) if noted.parked else None,
            "cursor_seq": noted.cursor_seq,
        }
        statement = update(Device).where(Device.id == device.id).values(**values)
        return noted if self._database.note(statement) else device

    def record_cursors(self, places: Mapping[int, int | None], now_us: int) -> bool:
        """Note of many devices that they are here, and how far: the seq of each by its number, None if unknown.

        Whether that could be done.
        """
        # In the order of their numbers: two processes that note the same devices wait for each other, and not both.
        values = [{"device": number, "now": now_us, "place": places[number]} for number in sorted(places)]
        return self._database.note(RECORD_CURSOR, values)

    def find_revoked(self, numbers: Iterable[int]) -> set[int]:
        """Those of these devices that may not come in any more: they were revoked, or their users may not."""
        device_ids = set(numbers)
        with self._database.read() as connection:
            return device_ids.difference(connection.execute(WELCOME, {"ids": list(device_ids)}).scalars())

    def revoke_any_device(self, uuid: str, now_us: int) -> DeviceInfo:
        """What an admin does: whoever the device belongs to."""
        with self._database.read() as connection:
            row = connection.execute(select(*DEVICE).where(Device.uuid == uuid)).first()
        if row is None:
            raise NotFound.of(messages.NO_DEVICE)
        device = _device(row)
        self.revoke_device(device.user_id, uuid, now_us)
        return device

    def _change(self, user_id: int, uuid: str, **values: Any) -> None:
        mine = (Device.user_id == user_id) & (Device.uuid == uuid) & Device.revoked_at.is_(None)
        with self._database.write() as connection:
            if connection.execute(update(Device).where(mine).values(**values)).rowcount != 1:
                raise NotFound.of(messages.DEVICE_REVOKED)


def _device(row: Sequence[Any]) -> DeviceInfo:
    values = dict(zip(NAMES, row, strict=False))
    return DeviceInfo(**values | {"parked": json.loads(values["parked"] or "{}")})


def _moved(before: int | None, after: int | None) -> bool:
    if before is None or after is None:
        return before != after
    return abs(after - before) >= OFFSET_STEP_MS


def digest(secret: str) -> str:
    """What is kept of a random secret: 256 bits can't be guessed, so that a fast hash is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
