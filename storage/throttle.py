"""How often a password may be guessed. In the database, so that every process and every restart counts on.

An attempt is written down before the password is looked at, and taken back when it was right; and attempts are written
down one after the other. So guesses that run side by side are all counted, in one process or in several.
"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from sqlalchemy import ColumnElement, Connection, delete, insert, select

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


def take_turn(connection: Connection, database: Database) -> None:
    """Wait for those who came before. Writing the row locks it, in every database; what it holds is nothing."""
    connection.execute(database.upsert(Base.metadata.tables["settings"], list(TURN)), [TURN])


def reserve(connection: Connection, name: str, address: str, now: int) -> None:
    """Write an attempt down, or raise Throttled without doing so (or nobody would ever get in again)."""
    name, address = name[:100], network_of(address)
    connection.execute(delete(Attempt).where(Attempt.at <= now - WINDOW_US))
    wait_us = max(
        _wait_us(connection, Attempt.name == name, PER_NAME, now),
        _wait_us(connection, Attempt.address == address, PER_ADDRESS, now),
    )
    if wait_us > 0:
        raise Throttled(-(-wait_us // 1_000_000))
    connection.execute(insert(Attempt).values(name=name, address=address, at=now))


def forgive(connection: Connection, name: str, address: str) -> None:
    """The password was right: forget the attempts of this name from there. Those at other names still count."""
    connection.execute(delete(Attempt).where(Attempt.name == name[:100], Attempt.address == network_of(address)))


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


def _wait_us(connection: Connection, same: ColumnElement[bool], most: int, now: int) -> int:
    """How long until fewer than ``most`` attempts lie in the window; 0 when that is so already."""
    newest = select(Attempt.at).where(same).order_by(Attempt.at.desc()).limit(most)
    times = connection.execute(newest).scalars().all()
    return times[-1] + WINDOW_US - now if len(times) == most else 0
