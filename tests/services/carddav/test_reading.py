"""What a phone is served: lists, cards, and what has changed since a sync-token; and what is noted of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from models import Book, Card, DeviceCard
from offbook.contacts.cards.tokens import InvalidToken
from offbook.core.merge.retention import RetentionLimits
from offbook.core.model import Verdict
from offbook.formats.carddav.serving import CardForm, etag
from services.retention import prune
from storage.engines.database import Database
from storage.engines.read_only_mode import CLOSE_RESTORED, ReadOnlyMode
from tests.support.phone import CardHouse, card
from tests.support.sql_spy import hearing


@pytest.fixture
def house(database: Database, tmp_path: Path, now: int) -> Iterator[CardHouse]:
    made = CardHouse(database, tmp_path, now)
    yield made
    made.close()


def test_a_phone_that_begins_has_every_card_and_nothing_that_was_deleted(house: CardHouse) -> None:
    laptop = house.other()
    ada, bob, eve = laptop.add("Ada", phone="1"), laptop.add("Bob", uid="bob@example.org"), laptop.add("Eve")
    laptop.delete(eve)
    phone = house.phone()
    page = phone.changes()
    assert ({entry.segment for entry in page.changed}, page.removed) == ({f"{ada}.vcf", "bob@example.org.vcf"}, [])
    phone.sync()
    assert "TEL:1" in phone.cards[f"{ada}.vcf"]
    rows = house.rows()
    assert phone.etags == {
        f"{ada}.vcf": etag(rows[ada]["seq"], phone.form),
        "bob@example.org.vcf": etag(rows[bob]["seq"], phone.form),
    }


def test_a_list_is_the_same_as_what_is_told_of_changes(house: CardHouse) -> None:
    laptop = house.other()
    laptop.add("Ada"), laptop.add("Bob")
    phone = house.phone()
    entries = {entry.segment: entry.etag for entry in phone.book.entries(phone.login, phone.form)}
    phone.sync()
    assert entries == phone.etags
    lengths = {entry.segment: entry.length for entry in phone.book.entries(phone.login, phone.form, with_length=True)}
    assert lengths == {name: len(card.encode()) for name, card in phone.cards.items()}
    (named,) = phone.book.entries(phone.login, phone.form, [phone.find("Ada"), "nobody.vcf"])
    assert named.segment == phone.find("Ada")


def test_only_what_changed_is_told_and_a_deletion_by_its_name(house: CardHouse) -> None:
    laptop, phone = house.other(), house.phone()
    ada, bob = laptop.add("Ada"), laptop.add("Bob")
    phone.sync()
    assert phone.sync() == []
    laptop.edit(bob, phone="2")
    laptop.delete(ada)
    assert phone.sync() == [f"{bob}.vcf", f"{ada}.vcf"]
    assert list(phone.cards) == [f"{bob}.vcf"]


@pytest.mark.engines("sqlite")
def test_a_token_is_in_the_order_of_commits_and_outlives_a_restart(house: CardHouse, tmp_path: Path) -> None:
    laptop, phone = house.other(), house.phone()
    laptop.add("Ada")
    phone.sync()
    state = phone.book.state(phone.login)
    assert (state.name, state.sync_token(phone.form)) == ("ada", phone.token) or state.sync_token(
        phone.form
    ) == phone.token
    house.database.close()
    assert phone.sync() == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
@pytest.mark.engines("sqlite")
def test_a_limit_is_kept_and_its_token_goes_on(house: CardHouse, limit: int) -> None:
    laptop, phone = house.other(), house.phone(limit=limit)
    ids = [laptop.add(f"Person {number}") for number in range(6)]
    page = phone.changes()
    assert len(page.changed) == min(limit, 6)
    assert page.has_more == (limit < 6)
    told = phone.sync()
    assert sorted(told) == sorted(f"{id_}.vcf" for id_ in ids)
    for id_ in ids[:4]:
        laptop.edit(id_, phone="1")
    laptop.delete(ids[5])
    assert len(phone.changes().changed) == min(limit, 4)
    assert sorted(phone.sync()) == sorted(f"{id_}.vcf" for id_ in [*ids[:4], ids[5]])
    assert len(phone.cards) == 5


@pytest.mark.engines("sqlite")
def test_what_changes_while_a_first_list_is_paged_is_told_after_it(house: CardHouse) -> None:
    laptop, phone = house.other(), house.phone(limit=2)
    ids = [laptop.add(f"Person {number}") for number in range(5)]
    phone._take(phone.changes())
    laptop.edit(ids[0], phone="1")
    laptop.delete(ids[4])
    phone.sync()
    phone.sync()
    assert set(phone.cards) == {f"{id_}.vcf" for id_ in ids[:4]}
    assert "TEL:1" in phone.cards[f"{ids[0]}.vcf"]


@pytest.mark.engines("sqlite")
def test_a_token_of_another_form_or_of_nobody_can_not_be_served(house: CardHouse) -> None:
    phone = house.phone()
    phone.sync()
    for token, reason in ((phone.token, "form"), ("urn:offbook:nonsense", "unreadable"), ("http://x/1", "unreadable")):
        form = CardForm(version="4.0") if reason == "form" else phone.form
        with pytest.raises(InvalidToken) as caught:
            phone.book.changes(phone.login, token, None, form)
        assert caught.value.reason == reason


@pytest.mark.engines("sqlite")
def test_a_token_of_before_a_restore_can_not_be_served_nor_one_that_was_pruned(house: CardHouse) -> None:
    laptop, phone, old = house.other(), house.phone(), house.phone("old")
    ada = laptop.add("Ada")
    bob = laptop.add("Bob")
    phone.sync(), old.sync()
    laptop.delete(bob)
    phone.sync()
    prune(house.store, house.book_id, RetentionLimits(house.now + 10**9, house.now + 10**9))
    with house.database.read() as connection:
        assert connection.execute(select(Card.record_id)).scalars().all() == [ada]
        assert set(connection.execute(select(DeviceCard.record_id)).scalars()) == {ada}
    assert phone.sync() == []
    with pytest.raises(InvalidToken) as caught:
        old.changes()
    assert caught.value.reason == "pruned"
    assert old.sync() == [f"{ada}.vcf"]
    assert list(old.cards) == [f"{ada}.vcf"]
    with house.database.write() as connection:
        connection.execute(update(Book).values(epoch="another"))
    with pytest.raises(InvalidToken) as caught:
        phone.changes()
    assert caught.value.reason == "epoch"
    assert phone.sync() == [f"{ada}.vcf"]


@pytest.mark.engines("sqlite")
def test_a_token_of_a_file_that_was_put_back_can_not_be_served(house: CardHouse) -> None:
    laptop, phone = house.other(), house.phone()
    laptop.add("Ada")
    phone.sync()
    later = phone.token.replace(str(phone.book.state(phone.login).head), str(house.now + 10**12))
    with pytest.raises(InvalidToken) as caught:
        phone.book.changes(phone.login, later, None, phone.form)
    assert caught.value.reason == "unknown"


def test_a_card_that_is_not_there_is_told_as_such_and_each_is_read_once(house: CardHouse) -> None:
    ada = house.other().add("Ada")
    phone = house.phone()
    odd = ["..", "", "a/b", "a\0b", "x" * 300, "caf\N{LATIN SMALL LETTER E WITH ACUTE}.vcf"]
    names = [f"{ada}.vcf", *odd, f"{ada}.vcf"]
    cards = list(phone.book.read(phone.login, names, phone.form))
    assert [card.segment for card in cards] == [f"{ada}.vcf", *odd]
    assert [card.content is not None for card in cards] == [True, *[False] * len(odd)]


def test_names_differ_by_case_and_by_spaces(house: CardHouse) -> None:
    laptop, phone = house.other(), house.phone()
    laptop.add("Ada", uid="a"), laptop.add("Bob", uid="A")
    phone.sync()
    assert sorted(phone.cards) == ["A.vcf", "a.vcf"]
    assert [card.content for card in phone.book.read(phone.login, ["a.vcf "], phone.form)] == [None]


def test_two_contacts_of_one_uid_are_two_cards_and_keep_their_names(house: CardHouse) -> None:
    laptop, phone, other = house.other(), house.phone(), house.phone("other")
    first = laptop.add("Ada", uid="same")
    phone.sync()
    second = laptop.add("Bob", uid="same")
    slash = laptop.add("Eve", uid="a/b")
    assert phone.sync() == [f"{second}.vcf", f"{slash}.vcf"]
    other.sync()
    assert set(other.cards) == {"same.vcf", f"{second}.vcf", f"{slash}.vcf"}
    assert "Ada" in other.cards["same.vcf"]
    assert first in house.rows()


@pytest.mark.engines("sqlite")
def test_a_contact_that_was_never_listed_is_read_by_the_name_that_it_will_have(house: CardHouse) -> None:
    laptop, phone = house.other(), house.phone()
    ada = laptop.add("Ada")
    laptop.add("Bob", uid="bob")
    names = [f"{ada}.vcf", "bob.vcf"]
    assert all(card.content for card in phone.book.read(phone.login, names, phone.form))
    phone.sync()
    assert set(phone.cards) == set(names)


@pytest.mark.engines("sqlite")
def test_another_book_has_none_of_these_cards(house: CardHouse, tmp_path: Path, now: int, database: Database) -> None:
    ada = house.other().add("Ada")
    house.phone().sync()
    stranger = CardHouse(database, tmp_path, now, "eve").phone()
    assert [card.content for card in stranger.book.read(stranger.login, [f"{ada}.vcf"], stranger.form)] == [None]
    assert stranger.sync() == []


def confirmed(house: CardHouse) -> int:
    with house.database.read() as connection:
        return connection.execute(select(func.count()).where(DeviceCard.offered_seq.is_(None))).scalar_one()


def test_what_was_served_is_noted_and_confirmed_by_a_later_token(
    house: CardHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.carddav.device_cards.ROWS_AT_ONCE", 2)
    laptop, phone = house.other(), house.phone()
    for number in range(5):
        laptop.add(f"Person {number}")
    phone.sync()
    assert confirmed(house) == 0
    phone.sync()
    assert confirmed(house) == 5


@pytest.mark.engines("sqlite")
def test_a_token_outlives_a_restart(house: CardHouse) -> None:
    laptop, phone = house.other(), house.phone()
    ada = laptop.add("Ada")
    phone.sync()
    phone.book = house.card_book()  # which knows nothing but what is in the database
    assert phone.sync() == []
    laptop.edit(ada, notes="new")
    assert phone.sync() == [f"{ada}.vcf"]


@pytest.mark.engines("sqlite")
def test_nothing_is_written_where_nothing_is_new(house: CardHouse) -> None:
    laptop, phone = house.other(), house.phone()
    laptop.add("Ada")
    phone.sync()
    phone.sync()
    statements: list[str] = []
    with hearing(statements.append, house.database.engine, house.database.reader):
        assert phone.sync() == []
        list(phone.book.entries(phone.login, phone.form))
        list(phone.book.read(phone.login, list(phone.cards), phone.form))
    assert statements
    assert not [text for text in statements if text.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))]


def close(house: CardHouse) -> None:
    with house.database.exclusive() as connection:
        connection.exec_driver_sql(CLOSE_RESTORED)


def open_again(house: CardHouse) -> None:
    with house.database.exclusive() as connection:
        connection.exec_driver_sql("DELETE FROM settings")


@pytest.mark.engines("sqlite")
def test_a_server_that_takes_no_changes_is_read_and_notes_later_what_it_served(house: CardHouse) -> None:
    """A phone that is listed cards for the first time, one that has them, and one whose card waits to be listed."""
    laptop, phone, new = house.other(), house.phone(), house.phone("new", names_states=False)
    ada, _ = laptop.add("Ada", phone="1"), laptop.add("Bob", uid="bob")
    phone.sync()
    laptop.edit(ada, notes="of the laptop")
    phone.edit(f"{ada}.vcf", "TEL:1", "TEL:2")
    laptop.add("Late")
    close(house)
    assert len(phone.sync()) == 2
    assert "NOTE:of the laptop" in phone.cards[f"{ada}.vcf"]
    assert phone.sync() == [f"{ada}.vcf"]  # it can't be noted that this was listed
    assert len(new.sync()) == 3
    assert new.sync() == []
    assert {entry.segment for entry in new.book.entries(new.login, new.form)} == set(new.cards)
    with pytest.raises(ReadOnlyMode):
        phone.put("eve.vcf", card("Eve"))
    open_again(house)
    laptop.edit(ada, phone="3", title="Engineer")
    new.edit(f"{ada}.vcf", "NOTE:of the laptop", "NOTE:of the phone")
    row = house.rows()[ada]
    assert (row["phone"], row["notes"], row["title"]) == ("3", "of the phone", "Engineer")
    assert phone.sync()
    assert phone.sync() == []


@pytest.mark.engines("sqlite")
def test_what_is_kept_in_mind_while_nothing_can_be_noted_is_bounded(
    house: CardHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.carddav.device_cards.UNWRITTEN_MAX", 1)
    laptop, phone = house.other(), house.phone()
    laptop.add("Ada"), laptop.add("Bob")
    close(house)
    names = [entry.segment for entry in phone.changes().changed]
    phone.fetch(names[0])
    with pytest.raises(ReadOnlyMode):
        phone.fetch(names[1])


@pytest.mark.engines("sqlite")
def test_a_name_that_is_another_card_s_is_not_told_before_it_is_given(house: CardHouse) -> None:
    """Left out of a list, the card would be deleted to a program."""
    laptop, phone = house.other(), house.phone()
    phone.put("bob.vcf", card("Eve"))
    laptop.add("Bob", uid="bob")
    close(house)
    with pytest.raises(ReadOnlyMode):
        phone.changes()


def test_a_look_at_the_book_confirms_what_was_served(house: CardHouse) -> None:
    """Of a program without sync-tokens and If-Match: a number that it has read is removed by its absence then."""
    laptop, phone = house.other(), house.phone(names_states=False)
    ada = laptop.add("Ada")
    phone.fetch(f"{ada}.vcf")
    phone.book.confirm_served(phone.login)
    laptop.edit(ada, phone="1")
    phone.fetch(f"{ada}.vcf")
    phone.book.confirm_served(phone.login)
    assert phone.edit(f"{ada}.vcf", "TEL:1\r\n", "").verdict is Verdict.APPLIED
    assert house.rows()[ada]["phone"] is None
    laptop.edit(ada, title="Engineer")
    phone.fetch(f"{ada}.vcf")
    phone.book.confirm_served(phone.login)
    assert phone.delete(f"{ada}.vcf") is Verdict.APPLIED
    assert house.rows() == {}


@pytest.mark.engines("sqlite")
def test_a_token_that_can_not_be_served_confirms_nothing(house: CardHouse) -> None:
    laptop, phone = house.other(), house.phone()
    laptop.add("Ada")
    phone.sync()
    with house.database.write() as connection:
        connection.execute(update(Book).values(epoch="another"))
    with pytest.raises(InvalidToken):
        phone.changes()
    assert confirmed(house) == 0
