"""Devices on the live channel, when all is well: what is committed on one is on the other by itself."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from app import App
from offbook import Replica
from offbook.database import sync_state
from tests.support.browser import parts_of
from tests.support.callback_recorder import Witness, equal, names

WRITER = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as connection:
    connection.execute("INSERT INTO contacts(name) VALUES ('Ada')")
"""


def test_a_commit_on_one_device_is_a_commit_on_the_other(laptop: Replica, phone: Replica, witness: Witness) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    ada = laptop.contacts.add(name="Ada")
    witness.until(lambda: witness.changed(phone) == [ada] and equal(laptop, phone))
    phone.contacts.update(ada, phone="555-1234")
    witness.until(lambda: witness.changed(laptop) == [ada] and equal(laptop, phone))
    laptop.contacts.delete(ada)
    witness.until(lambda: witness.changed(phone) == [ada, ada] and equal(laptop, phone))
    assert witness.errors(laptop) == witness.errors(phone) == []


def test_no_token_is_logged(laptop: Replica, witness: Witness, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    witness.start(laptop)
    witness.until_link("live", laptop)
    laptop.contacts.add(name="Ada")
    witness.until(lambda: laptop.status().pending == 0)
    laptop.stop()
    token = sync_state.read(laptop.connection).token
    assert caplog.text
    assert token
    assert token not in caplog.text


def test_a_commit_of_any_process_is_sent(laptop: Replica, phone: Replica, witness: Witness) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    subprocess.run([sys.executable, "-c", WRITER, str(laptop.path)], check=True)
    witness.until(lambda: names(phone) == ["Ada"])
    laptop.connection.execute("UPDATE contacts SET name = 'Bob'")
    witness.until(lambda: names(phone) == ["Bob"] and equal(laptop, phone))


def test_what_was_missed_is_there_before_what_is_new(laptop: Replica, phone: Replica, witness: Witness) -> None:
    first = laptop.contacts.add(name="Ada")
    laptop.sync()
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    second = laptop.contacts.add(name="Bob")
    witness.until(lambda: witness.changed(phone) == [first, second])


def test_many_commits_in_a_row_all_arrive(laptop: Replica, phone: Replica, witness: Witness) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    for number in range(100):
        laptop.contacts.add(name=str(number))
        phone.contacts.add(name=str(number))
    witness.until(lambda: laptop.contacts.count() == 200 and equal(laptop, phone))
    assert witness.errors(laptop) == witness.errors(phone) == []


def test_a_long_queue_goes_by_http_and_the_channel_comes_back(
    laptop: Replica, phone: Replica, witness: Witness
) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    with laptop.transaction():
        for number in range(201):
            laptop.contacts.add(name=str(number))
    witness.until(lambda: phone.contacts.count() == 201 and equal(laptop, phone))
    ada = phone.contacts.add(name="Ada")
    witness.until(lambda: ada in witness.changed(laptop))
    witness.until_link("live", laptop)


def test_another_process_may_sync_meanwhile(laptop: Replica, phone: Replica, witness: Witness) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    for number in range(10):
        phone.contacts.add(name=str(number))
        with Replica(laptop.path) as other:
            other.contacts.add(name=f"other {number}")
            other.sync()
    witness.until(lambda: laptop.contacts.count() == 20 and equal(laptop, phone))
    witness.until_link("live", laptop)


def test_what_the_server_rejects_is_parked_and_the_rest_goes_on(
    laptop: Replica, phone: Replica, witness: Witness
) -> None:
    ada = laptop.contacts.add(name="Ada")
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    with laptop.transaction():
        laptop.contacts.update(ada, phone="1")
        laptop.connection.execute("UPDATE change_log SET base = 1 << 60 WHERE synced = 0")
        laptop.connection.execute("INSERT INTO contacts(name, starred) VALUES ('no flag', 9e999)")
        laptop.contacts.add(name="Bob")
    witness.until(lambda: names(phone) == ["Ada", "Bob"])
    witness.until(lambda: laptop.status().parked == 2)
    assert laptop.status().pending == 0
    assert (laptop.contacts.get(ada)["phone"], witness.changed(laptop)) == (None, [ada])
    assert witness.links(laptop) == ["connecting", "live"]


def test_a_conflict_is_told_on_both_devices(
    app: App, person: str, laptop: Replica, phone: Replica, witness: Witness
) -> None:
    accounts = parts_of(app).accounts
    accounts.set_policy(accounts.user_named(person).book_id, "ask")
    ada = laptop.contacts.add(name="Ada")
    laptop.sync()
    phone.sync()
    laptop.contacts.update(ada, phone="1")
    phone.contacts.update(ada, phone="2")
    witness.start(laptop, phone)
    witness.until(lambda: laptop.status().conflicts == phone.status().conflicts == 1)
    laptop.resolve(laptop.conflicts()[0]["id"], "theirs")
    witness.until(lambda: phone.status().conflicts == 0 and equal(laptop, phone))
    assert {1, 0} <= {status.conflicts for status in witness.statuses(phone)}
