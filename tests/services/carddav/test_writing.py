"""What a card that a phone sends changes: one cell by one edit, merged with what others wrote, and nothing by absence
that the phone was never served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offbook.core.errors import Conflicting, Malformed, NotFound
from offbook.core.merge.retention import RetentionLimits
from offbook.core.model import Verdict
from offbook.core.pictures import sha256_of
from services.carddav.book import CardBook
from services.carddav.errors import PreconditionFailed, UidTaken
from services.carddav.writing import CARD_BYTES_MAX
from services.retention import prune
from storage.carddav.book_cards import CardRows
from storage.carddav.device_cards import DeviceCardRows
from storage.carddav.programs import CardPrograms
from storage.engines.database import Database
from tests.support.phone import CardHouse, Phone, card
from tests.support.pictures import picture
from tests.support.tutorial_setup import Other

BOTH_KINDS = pytest.mark.parametrize("names_states", [True, False], ids=["if-match", "no if-match"])


@pytest.fixture
def house(database: Database, tmp_path: Path, now: int) -> Iterator[CardHouse]:
    made = CardHouse(database, tmp_path, now)
    yield made
    made.close()


def known(house: CardHouse, names_states: bool = True, **cells: Any) -> tuple[Other, Phone, str, str]:
    """A laptop, a phone, and a contact that both have: its id, and its name on the phone."""
    laptop, phone = house.other(), house.phone(names_states=names_states)
    ada = laptop.add("Ada Lovelace", phone="1", email="a@example.org", notes="old", **cells)
    phone.sync()
    phone.sync()
    return laptop, phone, ada, f"{ada}.vcf"


def detail(kind: str, value: str, label: str | None = None) -> dict[str, Any]:
    """The cells of a new detail."""
    cells = {"@exists": True, "kind": kind, "value": value, "label": label}
    return {f"details/k1/{name}": part for name, part in cells.items() if part is not None}


def changes_of(house: CardHouse, record_id: str) -> list[Any]:
    return [entry for entry in house.history(record_id) if entry.verdict != "rejected"]


# --- new cards -------------------------------------------------------------------------------------------------------


def test_a_new_card_is_a_contact_under_the_name_that_its_client_gave_it(house: CardHouse) -> None:
    phone, other = house.phone(), house.phone("other")
    uid = "8E0A4E4C-8CB1-4A37-B0E2-7B5B7C1C2D3E"
    result = phone.put("Client's own.vcf", card("Ada", "TEL:1", uid=uid), if_none_match="*")
    assert (result.is_created, result.verdict) == (True, Verdict.APPLIED)
    ada = house.record_id("Ada")
    assert (ada, house.rows()[ada]["phone"]) == (uid.lower(), "1")
    (entry,) = changes_of(house, ada)
    assert entry.device == "phone"
    assert other.sync() == ["Client's own.vcf"]
    assert phone.sync() == ["Client's own.vcf"]


@pytest.mark.engines("sqlite")
def test_a_card_that_is_served_as_it_came_has_its_etag_at_once(house: CardHouse) -> None:
    laptop, phone, ada, name = known(house)
    result = phone.edit(name, "NOTE:old", "NOTE:new")
    assert result.etag == next(phone.book.entries(phone.login, phone.form, [name])).etag
    odd = phone.put("b.vcf", card("Bob", "tel:1").replace("TEL", "tel"))
    assert odd.etag is None
    assert laptop is not None
    assert ada in house.rows()


@pytest.mark.engines("sqlite")
def test_what_exists_is_not_created_and_what_never_was_is_not_matched(house: CardHouse) -> None:
    _, phone, ada, name = known(house)
    with pytest.raises(PreconditionFailed):
        phone.put(name, phone.cards[name], if_none_match="*")
    for if_match in ('"1-00000000"', "*", "nonsense"):
        with pytest.raises(PreconditionFailed):
            phone.put("never.vcf", card("Eve"), if_match=if_match)
    with pytest.raises(PreconditionFailed):
        phone.put(name, phone.cards[name], if_match='"of another server"')
    assert list(house.rows()) == [ada]


@pytest.mark.engines("sqlite")
def test_a_uid_is_of_one_card(house: CardHouse) -> None:
    laptop, phone, ada, name = known(house)
    with pytest.raises(UidTaken) as taken:
        phone.put("other.vcf", card("Ada", uid=f"urn:uuid:{ada}".upper().replace("URN:UUID", "urn:uuid")))
    assert taken.value.segment == name
    laptop.add("Bob", uid="bob")
    with pytest.raises(UidTaken) as taken:
        phone.put("other.vcf", card("Bob", uid="bob"))
    assert taken.value.segment == "bob.vcf"
    with pytest.raises(Conflicting) as changed:
        phone.put(name, card("Eve", uid="eve"))
    assert changed.value.code == "uid_changed"
    assert len(house.rows()) == 2


# --- an edit ---------------------------------------------------------------------------------------------------------


@BOTH_KINDS
def test_one_edit_is_one_change_of_one_cell_with_the_device_s_name(house: CardHouse, names_states: bool) -> None:
    _, phone, ada, name = known(house, names_states)
    result = phone.edit(name, "NOTE:old", "NOTE:new")
    assert (result.is_created, result.verdict) == (False, Verdict.APPLIED)
    *_, last = changes_of(house, ada)
    assert (dict(last.data), last.device) == ({"notes": "new"}, "phone")


@BOTH_KINDS
@pytest.mark.engines("sqlite")
def test_a_card_that_says_nothing_new_changes_nothing(house: CardHouse, names_states: bool) -> None:
    _, phone, ada, name = known(house, names_states)
    assert phone.edit(name, "NOTE:old", "NOTE:old").verdict is Verdict.APPLIED
    assert len(changes_of(house, ada)) == 1


@BOTH_KINDS
def test_edits_of_both_sides_survive(house: CardHouse, names_states: bool) -> None:
    laptop, phone, ada, name = known(house, names_states)
    laptop.edit(ada, email="b@example.org")
    assert phone.edit(name, "TEL:1", "TEL:2").etag is None
    row = house.rows()[ada]
    assert (row["phone"], row["email"]) == ("2", "b@example.org")
    assert phone.sync() == [name]
    assert "EMAIL:b@example.org" in phone.cards[name]
    assert "TEL:2" in phone.cards[name]
    assert phone.sync() == []


@BOTH_KINDS
@pytest.mark.engines("sqlite")
def test_of_one_field_the_policy_decides_and_the_loser_is_in_the_history(house: CardHouse, names_states: bool) -> None:
    laptop, phone, ada, name = known(house, names_states)
    laptop.edit(ada, phone="3")
    assert phone.edit(name, "TEL:1", "TEL:2").verdict is Verdict.MERGED
    assert house.rows()[ada]["phone"] == "2"
    *_, last = changes_of(house, ada)
    assert last.before["phone"] == "3"


@BOTH_KINDS
def test_a_book_that_asks_serves_its_value_and_keeps_the_other_for_the_inbox(
    house: CardHouse, names_states: bool
) -> None:
    house.policy("ask")
    laptop, phone, ada, name = known(house, names_states)
    laptop.edit(ada, phone="3")
    assert phone.edit(name, "TEL:1", "TEL:2").verdict is Verdict.CONFLICT
    with house.store.reading(house.book_id) as book:
        (conflict,) = book.conflicts()
    assert (conflict.ours, conflict.theirs) == ("3", "2")
    assert phone.sync() == [name]
    assert "TEL:3" in phone.cards[name]
    assert phone.sync() == []


@BOTH_KINDS
def test_an_answer_is_lost_and_the_card_sent_again_overwrites_nothing(house: CardHouse, names_states: bool) -> None:
    laptop, phone, ada, name = known(house, names_states)
    stale = phone.etags[name]
    phone.edit(name, "TEL:1", "TEL:2")
    sent = phone.cards[name]
    laptop.see()
    laptop.edit(ada, phone="3")
    phone.put(name, sent, stale if names_states else None)
    assert house.rows()[ada]["phone"] == "3"
    phone.put(name, sent.replace("NOTE:old", "NOTE:new"), stale if names_states else None)
    assert (house.rows()[ada]["phone"], house.rows()[ada]["notes"]) == ("3", "new")


@BOTH_KINDS
@pytest.mark.engines("sqlite")
def test_a_phone_that_never_reads_again_removes_nothing_of_what_was_merged(
    house: CardHouse, names_states: bool
) -> None:
    laptop, phone, ada, name = known(house, names_states)
    stale = phone.etags[name] if names_states else None
    laptop.edit(ada, **detail("phone", "7"))
    phone.edit(name, "TEL:1", "TEL:2")
    phone.put(name, phone.cards[name].replace("NOTE:old", "NOTE:new"), stale)
    assert house.values(ada, "phone") == ["2", "7"]
    assert house.rows()[ada]["notes"] == "new"


@pytest.mark.engines("sqlite")
def test_what_was_offered_and_may_not_have_arrived_is_not_removed(house: CardHouse) -> None:
    laptop, phone, ada, name = known(house, names_states=False)
    before = phone.cards[name]
    laptop.edit(ada, **detail("phone", "7"))
    phone.fetch(name)  # the answer is lost
    phone.put(name, before.replace("NOTE:old", "NOTE:new"))
    assert house.values(ada, "phone") == ["1", "7"]


@pytest.mark.engines("sqlite")
def test_what_was_served_and_confirmed_is_removed_by_absence(house: CardHouse) -> None:
    laptop, phone, ada, name = known(house, names_states=False)
    laptop.edit(ada, **detail("phone", "7"))
    phone.sync()
    phone.sync()
    phone.edit(name, "TEL:7\r\n", "")
    assert house.values(ada, "phone") == ["1"]


@pytest.mark.engines("sqlite")
def test_a_property_goes_by_absence_only_where_this_device_sent_it(house: CardHouse) -> None:
    laptop, phone, ada, name = known(house, names_states=False)
    laptop.edit(ada, **detail("property", "43", "X-SHOE-SIZE"))
    phone.sync()
    phone.sync()
    phone.put(name, phone.cards[name].replace("X-SHOE-SIZE:43\r\n", ""))
    assert house.values(ada, "property") == ["43"]
    phone.fetch(name)
    phone.edit(name, "X-SHOE-SIZE:43", "X-SHOE-SIZE:44")
    assert house.values(ada, "property") == ["44"]
    phone.edit(name, "X-SHOE-SIZE:44\r\n", "")
    assert house.values(ada, "property") == []


@BOTH_KINDS
@pytest.mark.engines("sqlite")
def test_where_a_version_was_pruned_nothing_is_removed_by_absence(house: CardHouse, names_states: bool) -> None:
    laptop, phone, ada, name = known(house, names_states)
    laptop.edit(ada, email="b@example.org")
    prune(house.store, house.book_id, RetentionLimits(house.now + 10**9, house.now + 10**9))
    phone.edit(name, "TEL:1\r\n", "")
    assert house.values(ada, "phone") == ["1"]


@pytest.mark.engines("sqlite")
def test_a_state_that_a_restore_lost_is_none_that_is_known(house: CardHouse) -> None:
    _, phone, ada, name = known(house)
    later = phone.etags[name].replace(str(house.rows()[ada]["seq"]), str(house.now + 10**12))
    phone.put(name, phone.cards[name].replace("TEL:1\r\n", "").replace("NOTE:old", "NOTE:new"), later)
    assert (house.rows()[ada]["phone"], house.rows()[ada]["notes"]) == ("1", "new")


@pytest.mark.engines("sqlite")
def test_a_server_may_refuse_what_is_stale(house: CardHouse) -> None:
    laptop, phone, ada, name = known(house)
    phone.book = CardBook(
        house.store,
        house.blobs,
        CardRows(house.database),
        DeviceCardRows(house.database),
        CardPrograms(house.database),
        refuses_stale=True,
    )
    assert phone.edit(name, "NOTE:old", "NOTE:new").etag is not None
    laptop.see()
    laptop.edit(ada, phone="3")
    with pytest.raises(PreconditionFailed):
        phone.edit(name, "NOTE:new", "NOTE:newer")
    assert house.rows()[ada]["notes"] == "new"


# --- deletions -------------------------------------------------------------------------------------------------------


@BOTH_KINDS
def test_a_deletion_goes_to_the_trash_and_reaches_others(house: CardHouse, names_states: bool) -> None:
    _, phone, ada, name = known(house, names_states)
    other = house.phone("other")
    other.sync()
    assert phone.delete(name) is Verdict.APPLIED
    assert ada not in house.rows()
    assert other.sync() == [name]
    with pytest.raises(NotFound):
        phone.book.delete(phone.login, name, None, house.clock())
    with pytest.raises(NotFound):
        phone.book.delete(phone.login, "never.vcf", None, house.clock())


@pytest.mark.engines("sqlite")
def test_a_stale_deletion_is_refused_where_it_names_a_state(house: CardHouse) -> None:
    laptop, phone, ada, name = known(house)
    laptop.edit(ada, phone="3")
    with pytest.raises(PreconditionFailed):
        phone.delete(name)
    assert ada in house.rows()


def test_a_deletion_that_did_not_see_an_edit_is_taken_back_and_told(house: CardHouse) -> None:
    laptop, phone, ada, name = known(house, names_states=False)
    laptop.edit(ada, phone="3")
    assert phone.delete(name) is Verdict.SUPERSEDED
    assert ada in house.rows()
    assert phone.sync() == [name]
    assert "TEL:3" in phone.cards[name]
    assert phone.sync() == []


@BOTH_KINDS
@pytest.mark.engines("sqlite")
def test_a_card_that_is_sent_after_its_deletion_brings_the_contact_back(house: CardHouse, names_states: bool) -> None:
    _, phone, ada, name = known(house, names_states)
    text = phone.cards[name]
    phone.delete(name)
    result = phone.put(name, text.replace("TEL:1\r\n", "").replace("NOTE:old", "NOTE:new"), if_none_match="*")
    assert result.is_created
    row = house.rows()[ada]
    assert (row["name"], row["phone"], row["notes"]) == ("Ada Lovelace", None, "new")
    assert phone.sync() == [name]


@pytest.mark.engines("sqlite")
def test_a_uid_of_the_trash_under_another_name_is_a_new_contact(house: CardHouse) -> None:
    _, phone, ada, name = known(house)
    other = house.phone("other")
    other.sync()
    text = phone.cards[name]
    phone.delete(name)
    phone.put("new.vcf", text, if_none_match="*")
    assert house.record_id("Ada Lovelace") != ada
    assert set(other.sync()) == {"new.vcf", name}
    assert list(other.cards) == ["new.vcf"]
    assert f"UID:{ada}" in other.cards["new.vcf"]


@pytest.mark.engines("sqlite")
def test_another_uid_under_the_name_of_a_deleted_card_is_another_contact(house: CardHouse) -> None:
    _, phone, ada, name = known(house)
    phone.delete(name)
    assert phone.put(name, card("Eve", uid="eve")).is_created
    assert house.record_id("Eve") != ada
    other = house.phone("other")
    other.sync()
    assert list(other.cards) == [name]


@pytest.mark.engines("sqlite")
def test_an_edit_of_what_another_device_deleted_brings_it_back(house: CardHouse) -> None:
    laptop, phone, ada, name = known(house)
    laptop.delete(ada)
    phone.edit(name, "NOTE:old", "NOTE:new")
    assert house.rows()[ada]["notes"] == "new"


@BOTH_KINDS
@pytest.mark.engines("sqlite")
def test_an_unchanged_card_of_what_another_device_deleted_stays_deleted_and_is_told_so(
    house: CardHouse, names_states: bool
) -> None:
    laptop, phone, ada, name = known(house, names_states)
    laptop.delete(ada)
    phone.edit(name, "NOTE:old", "NOTE:old")
    assert ada not in house.rows()
    assert phone.sync() == [name]
    assert phone.cards == {}
    assert phone.sync() == []


@BOTH_KINDS
@pytest.mark.engines("sqlite")
def test_a_card_that_is_sent_by_who_knows_of_its_deletion_brings_the_contact_back(
    house: CardHouse, names_states: bool
) -> None:
    laptop, phone, ada, name = known(house, names_states)
    text = phone.cards[name]
    laptop.delete(ada)
    phone.sync()
    phone.sync()
    assert phone.put(name, text).is_created
    assert house.rows()[ada]["notes"] == "old"


@BOTH_KINDS
@pytest.mark.engines("sqlite")
def test_what_is_listed_once_more_is_listed_until_the_answer_arrived(house: CardHouse, names_states: bool) -> None:
    house.policy("ask")
    laptop, phone, ada, name = known(house, names_states)
    laptop.edit(ada, phone="3")
    phone.edit(name, "TEL:1", "TEL:2")
    phone.sync()
    phone.edit(name, "TEL:3", "TEL:4")
    laptop.see()
    phone.sync()
    token = phone.token
    phone.put(name, phone.cards[name].replace("NOTE:old", "NOTE:x").replace("TEL:4", "TEL:1"), '"1-00000000"')
    lost = [phone.changes(), phone.changes()]
    assert [[entry.segment for entry in page.changed] for page in lost] == [[name], [name]]
    assert phone.sync() == [name]
    assert phone.sync() == []
    assert phone.token != token


# --- what is not taken -----------------------------------------------------------------------------------------------


def test_a_card_that_can_not_be_read_is_refused_and_remembered(house: CardHouse) -> None:
    _, phone, ada, name = known(house)
    phone.book.note_program(phone.login, "DAVx5/4.5")
    faults: list[tuple[str, bytes, type[Exception]]] = [
        (name, b"", Malformed),
        (name, b"nonsense \xff\x00", Malformed),
        (name, card("Ada").encode()[:-15], Malformed),
        ("a.vcf", card("Group", "X-ADDRESSBOOKSERVER-KIND:group").encode(), Malformed),
        ("a.vcf", b"x" * (CARD_BYTES_MAX + 1), Malformed),
        ("..", card("Ada").encode(), Malformed),
        ("a\0b", card("Ada").encode(), Malformed),
    ]
    for count, (segment, body, error) in enumerate(faults, 1):
        with pytest.raises(error) as caught:
            phone.book.put(phone.login, segment, body, None, None, phone.form, house.clock())
        noted = phone.book.programs([phone.login.device.id])[phone.login.device.id]
        assert (noted.refused, noted.code) == (count, caught.value.code)  # type: ignore[attr-defined]
    assert noted.program == "DAVx5/4.5"
    assert noted.detail
    assert list(house.rows()) == [ada]


# --- photos ----------------------------------------------------------------------------------------------------------


def photo_line(content: bytes) -> str:
    from base64 import b64encode

    return f"PHOTO;ENCODING=b;TYPE=JPEG:{b64encode(content).decode()}"


@pytest.mark.engines("sqlite")
def test_a_photo_is_kept_and_served_smaller_and_comes_back_as_no_edit(house: CardHouse) -> None:
    phone = house.phone()
    original = picture("JPEG", 1000, 800)
    assert phone.put("a.vcf", card("Ada", photo_line(original), uid="ada")).etag is None
    ada = house.record_id("Ada")
    photo = house.rows()[ada]["photo"]
    assert house.blobs.bytes_of(house.book_id, photo) == original
    phone.sync()
    assert "PHOTO" in phone.cards["a.vcf"]
    result = phone.edit("a.vcf", "END:VCARD", "NOTE:new\r\nEND:VCARD")
    assert (house.rows()[ada]["photo"], house.rows()[ada]["notes"]) == (photo, "new")
    assert result.verdict is Verdict.APPLIED


@pytest.mark.engines("sqlite")
def test_a_photo_that_comes_back_encoded_anew_is_no_edit_and_another_one_is(house: CardHouse) -> None:
    phone = house.phone()
    phone.put("a.vcf", card("Ada", photo_line(picture("PNG", 400, 300)), uid="ada"))
    ada = house.record_id("Ada")
    photo = house.rows()[ada]["photo"]
    phone.sync()
    smaller, other = picture("JPEG", 200, 150, quality=60), picture("JPEG", 200, 150, "blue")
    phone.put("a.vcf", card("Ada", photo_line(smaller), "NOTE:new", uid="ada"), phone.etags["a.vcf"])
    assert (house.rows()[ada]["photo"], house.rows()[ada]["notes"]) == (photo, "new")
    phone.sync()
    phone.put("a.vcf", card("Ada", photo_line(other), "NOTE:new", uid="ada"), phone.etags["a.vcf"])
    assert house.blobs.bytes_of(house.book_id, house.rows()[ada]["photo"]) == other
    phone.sync()
    phone.put("a.vcf", card("Ada", "NOTE:new", uid="ada"), phone.etags["a.vcf"])
    assert house.rows()[ada]["photo"] is None


@pytest.mark.engines("sqlite")
def test_a_photo_that_can_not_be_kept_leaves_the_card_to_be_taken(house: CardHouse) -> None:
    phone = house.phone()
    phone.put("a.vcf", card("Ada", "TEL:1", photo_line(b"no picture at all"), uid="ada"))
    row = house.rows()[house.record_id("Ada")]
    assert (row["phone"], row["photo"]) == ("1", None)


@BOTH_KINDS
def test_a_photo_that_comes_after_its_contact_reaches_a_phone_and_is_not_removed_by_a_card_without_it(
    house: CardHouse, names_states: bool
) -> None:
    laptop, phone, ada, name = known(house, names_states)
    content = picture("JPEG", 200, 100)
    laptop.see()
    laptop.edit(ada, photo=sha256_of(content))
    phone.sync()
    phone.sync()
    assert "PHOTO" not in phone.cards[name]
    house.blobs.put(house.book_id, sha256_of(content), content, house.now)
    other = house.phone("other")
    other.sync()
    assert "PHOTO" in other.cards[name]
    phone.edit(name, "NOTE:old", "NOTE:new")
    assert (house.rows()[ada]["photo"], house.rows()[ada]["notes"]) == (sha256_of(content), "new")
    phone.sync()
    assert "PHOTO" in phone.cards[name]
    phone.sync()
    assert phone.sync() == []
