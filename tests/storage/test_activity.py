"""The figures of the activity page, on books made by hand in a real database."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, insert

from models import ConflictRow
from offbook.contacts.table import BUILT_IN
from offbook.core.merge.retention import DAY_US, RetentionLimits
from offbook.core.protocol.requests import parse_change
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from services.retention import prune
from storage.base import ChangeOrigin
from storage.engines.database import Database
from storage.repositories.activity import COMPANIES_MAX, Activity
from storage.sql.store import SqlStore
from storage.values.accounts import Account, DeviceInfo
from storage.values.activity import Company, DayCount, Overview, Totals
from tests.storage.library import change, uuid
from tests.support.pushes import push

NewId = Callable[[], str]
NUMBERS = itertools.count(1)


class Shelf:
    """A user's book, a device, and a clock that a test sets."""

    def __init__(self, database: Database, name: str, now: int, new_id: NewId) -> None:
        self.database = database
        self.accounts = Accounts(database, Effort(1, 8, 1))
        self.now, self.new_id = now, new_id
        self.user: Account = self.accounts.add_user(name, "correct horse battery", False, now, new_id)
        self.laptop = self.device("Laptop")

    def device(self, name: str) -> DeviceInfo:
        return self.accounts.add_device(self.user.book_id, self.user.id, name, self.now, self.new_id)[0]

    def push(self, *items: Any, device: DeviceInfo | None = None, at: int | None = None) -> list[int | None]:
        batch = [parse_change(BUILT_IN, item, self.laptop.uuid) for item in items]
        origin = ChangeOrigin(None if device is None else device.id, self.user.id)
        pushed = push(SqlStore(self.database), self.user.book_id, origin, batch, at or self.now)
        return [outcome.seq for outcome in pushed.outcomes]

    def add(self, device: DeviceInfo | None = None, at: int | None = None, **data: Any) -> int:
        """A new contact; gives the number of its id."""
        number = next(NUMBERS)
        self.push(change(number, "INSERT", number, **{"name": "Ada"} | data), device=device, at=at)
        return number

    def edit(self, number: int, operation: str = "UPDATE", **data: Any) -> None:
        """What somebody does who has seen all."""
        with SqlStore(self.database).reading(self.user.book_id) as book:
            base = book.book.seq
        self.push(change(next(NUMBERS), operation, number, base=base, **data))

    def overview(self) -> Overview:
        today = self.now // DAY_US
        return Activity(self.database).overview(self.user.book_id, today - 29, today)


@pytest.fixture
def ada(database: Database, now: int, new_id: NewId) -> Shelf:
    return Shelf(database, "ada", now, new_id)


@pytest.fixture
def today(now: int) -> int:
    return now // DAY_US


# --- changes by day and device ---------------------------------------------------------------------------------------


def test_changes_are_counted_by_day_and_device(ada: Shelf, today: int) -> None:
    phone = ada.device("Phone")
    for at, device in ((ada.now - DAY_US, ada.laptop), (ada.now, ada.laptop), (ada.now, ada.laptop), (ada.now, phone)):
        ada.add(device, at)
    ada.add()
    assert sorted(ada.overview().days, key=repr) == sorted(
        [
            DayCount(today - 1, ada.laptop.id, "Laptop", 1),
            DayCount(today, ada.laptop.id, "Laptop", 2),
            DayCount(today, phone.id, "Phone", 1),
            DayCount(today, None, None, 1),
        ],
        key=repr,
    )


def test_a_day_begins_at_midnight_utc_to_the_microsecond(ada: Shelf, today: int) -> None:
    ada.add(ada.laptop, today * DAY_US - 1)
    ada.add(ada.laptop, today * DAY_US)
    assert [(one.day, one.changes) for one in ada.overview().days] == [(today - 1, 1), (today, 1)]


def test_days_before_the_first_are_not_counted(ada: Shelf, today: int) -> None:
    ada.add(ada.laptop, (today - 29) * DAY_US - 1)
    ada.add(ada.laptop, (today - 29) * DAY_US)
    assert [one.day for one in ada.overview().days] == [today - 29]


def test_what_was_pruned_is_of_nobody_and_not_counted(ada: Shelf, today: int) -> None:
    ada.add(ada.laptop, ada.now - DAY_US)
    ada.add(ada.laptop)
    prune(SqlStore(ada.database), ada.user.book_id, RetentionLimits(ada.now - 1, ada.now - 1))
    found = ada.overview()
    assert found.days == [DayCount(today, ada.laptop.id, "Laptop", 1)]
    assert found.totals.contacts == 2


def test_a_revoked_device_is_no_longer_listed_but_its_changes_are_its_own(ada: Shelf) -> None:
    ada.add(ada.laptop)
    ada.accounts.revoke_device(ada.user.id, ada.laptop.uuid, ada.now)
    found = ada.overview()
    assert found.devices == []
    assert found.days[0].device == "Laptop"


# --- totals ----------------------------------------------------------------------------------------------------------


def entry(kind: str, **more: Any) -> dict[str, Any]:
    return {"details": {"k1": {"kind": kind} | more}}


@pytest.mark.parametrize(
    ("data", "counted"),
    [
        ({}, {}),
        ({"email": "a@example.org"}, {"with_email": 1}),
        (entry("email", value="a@example.org"), {"with_email": 1}),
        ({"phone": "1"}, {"with_phone": 1}),
        (entry("phone", value="1"), {"with_phone": 1}),
        ({"phone": "1"} | entry("phone", value="2"), {"with_phone": 1}),
        (entry("phone", label="Home"), {}),
        (entry("address", city="Łódź"), {"with_address": 1}),
        (entry("address", value="1 Long Street"), {"with_address": 1}),
        (entry("url", value="example.org"), {}),
        ({"company": "Engines"}, {"with_company": 1}),
        ({"starred": True}, {"starred": 1}),
    ],
)
def test_what_a_contact_has_is_counted_in_fields_and_details(
    ada: Shelf, data: dict[str, Any], counted: dict[str, int]
) -> None:
    ada.add(**data)
    assert ada.overview().totals == replace(Totals(contacts=1), **counted)


def test_a_detail_that_was_removed_is_not_counted(ada: Shelf) -> None:
    number = ada.add(**entry("phone", value="1"))
    ada.edit(number, details={"k1": None})
    assert ada.overview().totals.without_phone == 1


def test_what_is_in_the_trash_is_counted_there_alone(ada: Shelf) -> None:
    ada.edit(ada.add(phone="1", company="Engines"), "DELETE")
    ada.add(phone="1")
    found = ada.overview()
    assert (found.totals, found.deleted) == (Totals(contacts=1, with_phone=1), 1)
    assert found.companies == []


def test_the_companies_with_the_most_contacts_come_first(ada: Shelf) -> None:
    for _ in range(3):
        ada.add()
    for number in range(COMPANIES_MAX + 1):
        for _ in range(2 if number == 5 else 1):
            ada.add(company=f"Company {number}")
    found = ada.overview()
    assert found.companies[:2] == [Company("Company 5", 2), Company("Company 0", 1)]
    assert len(found.companies) == COMPANIES_MAX
    assert found.totals.with_company == COMPANIES_MAX + 2


def test_a_new_book_is_empty(ada: Shelf) -> None:
    found = ada.overview()
    assert (found.days, found.totals, found.companies, found.deleted, found.conflicts) == ([], Totals(), [], 0, 0)


# --- devices ---------------------------------------------------------------------------------------------------------


def told(ada: Shelf, seq: int | None) -> tuple[int | None, int | None]:
    """How far the laptop is behind, and since when, after it was told up to a seq."""
    ada.accounts.record_seen(ada.laptop, ada.now, cursor_seq=seq)
    (device,) = ada.overview().devices
    return device.behind, device.since


def test_a_device_is_behind_by_the_records_that_changed_since_it_was_told(ada: Shelf) -> None:
    first, second, third = ada.push(*(change(number, "INSERT", number, name="Ada") for number in (901, 902, 903)))
    assert told(ada, first) == (2, second)
    assert told(ada, third) == (0, None)


def test_a_record_that_changed_twice_counts_once(ada: Shelf) -> None:
    (first,) = ada.push(change(901, "INSERT", 901, name="Ada"))
    ada.push(change(902, "UPDATE", 901, base=first, name="B"), change(903, "UPDATE", 901, base=first, name="C"))
    assert told(ada, first)[0] == 1


def test_it_is_not_known_how_far_a_device_is_that_never_pulled(ada: Shelf) -> None:
    ada.add()
    assert told(ada, None) == (None, None)


def test_devices_show_what_they_told(ada: Shelf) -> None:
    ada.accounts.record_seen(ada.laptop, ada.now, -4_000, {"too_long": 2})
    (device,) = ada.overview().devices
    assert (device.name, device.owner, device.last_seen_at) == ("Laptop", "ada", ada.now)
    assert (device.clock_offset_ms, device.parked) == (-4_000, {"too_long": 2})


def add_conflict(ada: Shelf, number: int, resolved_at: int | None) -> None:
    row = {"id": uuid(number), "table_name": "contacts", "record_id": uuid(1), "cell": "name", "base": 0, "seq": number}
    row |= {"change_id": uuid(1), "replica": uuid(1), "created_at": ada.now, "resolved_at": resolved_at}
    with ada.database.write() as connection:
        connection.execute(insert(ConflictRow).values(book_id=ada.user.book_id, **row))


def test_only_open_conflicts_are_counted(ada: Shelf) -> None:
    add_conflict(ada, 1, None)
    add_conflict(ada, 2, ada.now)
    assert ada.overview().conflicts == 1


# --- all of it -------------------------------------------------------------------------------------------------------


def test_a_book_sees_nothing_of_another(ada: Shelf, now: int) -> None:
    numbers = itertools.count(5_000)
    eve = Shelf(ada.database, "eve", now, lambda: uuid(next(numbers)))
    before = eve.overview()
    ada.add(ada.laptop, company="Engines", phone="1", **entry("address", city="Rome"))
    ada.edit(ada.add(), "DELETE")
    add_conflict(ada, 1, None)
    eve.accounts.record_seen(eve.laptop, now, cursor_seq=1)
    found = eve.overview()
    assert replace(found, devices=[]) == replace(before, devices=[])
    assert [(device.name, device.behind) for device in found.devices] == [("Laptop", 0)]


def test_it_takes_as_many_statements_however_much_there_is(ada: Shelf) -> None:
    def statements() -> int:
        sent: list[str] = []

        def note(*arguments: Any) -> None:
            sent.append(arguments[2])

        event.listen(ada.database.reader, "before_cursor_execute", note)
        ada.overview()
        event.remove(ada.database.reader, "before_cursor_execute", note)
        return len(sent)

    before = statements()
    for number in range(12):
        ada.add(ada.device(f"DeviceInfo {number}"), ada.now - number * DAY_US, company=f"Company {number}")
    assert statements() == before
