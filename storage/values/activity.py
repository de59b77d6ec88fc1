"""What the activity page shows, as values: changes by day, totals, and how far devices are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from offbook.core.schema import Table


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
