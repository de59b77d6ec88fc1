"""How often a password may be guessed. In the database, so that every process and every restart counts on.

An attempt is written down before the password is looked at, and taken back when it was right; and attempts are written
down one after the other. So guesses that run side by side are all counted, in one process or in several.

A database that takes no writes (its disk is full) keeps nobody out, and lets nobody guess more: what it does not take
is counted by the process (``Spare``), on top of what it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Delete, delete, insert, select

from models import Attempt, Base
from offbook.core.errors import OffbookError
from storage.engines import Database

WINDOW_US = 15 * 60 * 1_000_000
PER_NAME = 10
PER_ADDRESS = 30
"""More than one person may sit behind an address."""


TURN = {"name": "sign-in", "value": ""}
"""The row of settings that whoever writes an attempt down holds until the commit."""


class Throttled(OffbookError):
    """Too many attempts: nothing was looked at. The next one counts again in ``wait_seconds``."""

    code = "too_many_attempts"

    def __init__(self, wait_seconds: int) -> None:
        minutes = -(-wait_seconds // 60)
        unit = "minute" if minutes == 1 else "minutes"
        super().__init__(f"Too many attempts to sign in. Wait {minutes} {unit}, then try again.")
        self.wait_seconds = wait_seconds


class Tried(NamedTuple):
    """One attempt to sign in."""

    name: str
    address: str
    at: int


class Spare:
    """The attempts that the database did not take."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._attempts: list[Tried] = []

    def since(self, line: int) -> list[Tried]:
        """Those that are newer."""
        with self._lock:
            return self._since(line)

    def reserve(self, connection: Connection, name: str, address: str, now: int) -> None:
        """As ``reserve`` below, for a database that only reads."""
        tried = Tried(name[:100], network_of(address), now)
        with self._lock:
            _require_few(connection, tried, self._since(now - WINDOW_US))
            self._attempts.append(tried)

    def forgive(self, name: str, address: str) -> None:
        with self._lock:
            mine = (name[:100], network_of(address))
            self._attempts = [one for one in self._attempts if one[:2] != mine]

    def _since(self, line: int) -> list[Tried]:
        self._attempts = [one for one in self._attempts if one.at > line]
        return list(self._attempts)


def take_turn(connection: Connection, database: Database) -> None:
    """Wait for those who came before. Writing the row locks it, in every database; what it holds is nothing."""
    connection.execute(database.upsert(Base.metadata.tables["settings"], list(TURN)), [TURN])


def reserve(connection: Connection, name: str, address: str, now: int, spare: Spare) -> None:
    """Write an attempt down, or raise Throttled without doing so (or nobody would ever get in again)."""
    tried = Tried(name[:100], network_of(address), now)
    connection.execute(delete(Attempt).where(Attempt.at <= now - WINDOW_US))
    _require_few(connection, tried, spare.since(now - WINDOW_US))
    connection.execute(insert(Attempt).values(**tried._asdict()))


def forgiven(name: str, address: str) -> Delete:
    """The password was right: forget the attempts of this name from there. Those at other names still count."""
    return delete(Attempt).where(Attempt.name == name[:100], Attempt.address == network_of(address))


def network_of(address: str) -> str:
    """What one person controls: an IPv4 address, or the /64 that an IPv6 address lies in."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:45]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64))


def _require_few(connection: Connection, tried: Tried, others: Sequence[Tried]) -> None:
    """Raise Throttled where there are too many attempts in the database and among ``others`` already."""
    by_name = _newest(connection, Attempt.name == tried.name, PER_NAME)
    by_name += [one.at for one in others if one.name == tried.name]
    by_address = _newest(connection, Attempt.address == tried.address, PER_ADDRESS)
    by_address += [one.at for one in others if one.address == tried.address]
    wait_us = max(wait_us_of(by_name, PER_NAME, tried.at), wait_us_of(by_address, PER_ADDRESS, tried.at))
    if wait_us > 0:
        raise Throttled(-(-wait_us // 1_000_000))


def _newest(connection: Connection, same: ColumnElement[bool], most: int) -> list[int]:
    query = select(Attempt.at).where(same).order_by(Attempt.at.desc()).limit(most)
    return list(connection.execute(query).scalars())


def wait_us_of(times: Sequence[int], most: int, now: int) -> int:
    """How long until fewer than ``most`` of these times lie in the window; 0 when that is so already."""
    newest = sorted(times, reverse=True)[:most]
    return max(newest[-1] + WINDOW_US - now, 0) if len(newest) == most else 0
