"""Labels as an example of records that entries name by text: what is named, what changes did to it, what follows."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from offbook.contacts.table import BUILT_IN, CONTACTS, LABELS
from offbook.core.errors import Invalid
from offbook.core.merge import naming
from offbook.core.model import Cells, Change, Clock, Operation, Record
from offbook.core.schema import Field, Map, Naming, Table, record_id_of_key

DETAILS = CONTACTS.maps_by_name["details"]
GROUPS = DETAILS.naming
assert GROUPS is not None
CREATED = Clock(1, 1, str(UUID(int=9)), "")
CONTACT, LABEL = str(UUID(int=1)), str(UUID(int=2))


def contact(*names: str, deleted: bool = False, **more: bool) -> Record:
    """A contact whose entries name these."""
    cells: dict[str, object] = {"name": "Ada", "details/p/@exists": True, "details/p/kind": "phone"}
    for number, name in enumerate(names):
        entry = f"details/k{number}/"
        exists = more.get(f"k{number}", True)
        cells |= {f"{entry}@exists": exists, f"{entry}kind": "group", f"{entry}value": (name, *[None] * 5)}
    return Record(CONTACTS, CONTACT, 5, deleted, cells, CREATED, {}, {})  # type: ignore[arg-type]


def label(name: str, number: int = 2, created: int = 1, deleted: bool = False) -> Record:
    record_id = str(UUID(int=number))
    return Record(LABELS, record_id, 5, deleted, {"name": name}, CREATED._replace(seq=created), {}, {})


def change(record: Record, number: int = 50, **cells: str) -> Change:
    id_ = str(UUID(int=number))
    return Change(id_, record.table, record.id, Operation.UPDATE, "r", 7, 5, cells, batch="b")


# --- what is named --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "names"),
    [
        (contact("Friends", "friends ", "Chess club"), {"friends": "Friends", "chess club": "Chess club"}),
        (contact(" "), {}),
        (contact("Friends", k0=False), {}),
        (contact("Friends", deleted=True), {}),
        (contact(), {}),
        (None, {}),
    ],
)
def test_the_standing_entries_of_a_live_record_name_texts(record: Record | None, names: dict[str, str]) -> None:
    assert naming.names_in(record, DETAILS) == names


def test_what_is_no_name_names_nothing() -> None:
    assert GROUPS is not None
    assert GROUPS.not_names
    assert naming.names_in(contact(*GROUPS.not_names), DETAILS) == {}
    assert naming.name_key(GROUPS, None) == ""


def test_by_a_text_that_names_nothing_no_record_is_called() -> None:
    (place,) = BUILT_IN.naming_maps
    naming.check_name(place, "Friends")
    for text in (" ", *place.naming.not_names):
        with pytest.raises(Invalid) as refused:
            naming.check_name(place, text)
        assert (refused.value.code, refused.value.field) == ("bad_choice", "name")


def test_a_map_without_naming_and_an_entry_without_text_name_nothing() -> None:
    assert naming.names_in(contact("Friends"), replace(DETAILS, naming=None)) == {}
    record = contact("Friends")
    cells: Cells = {**record.cells, "details/k0/value": None}
    assert naming.names_in(record._replace(cells=cells), DETAILS) == {}


def test_a_name_may_be_a_cell_by_itself_and_another_map_names_nothing() -> None:
    rule = Naming("tags", "kind", "tag", "text", 4)
    words = Map("words", "words", "owner", (Field("kind"), Field("text")), naming=rule)
    table = Table("notes", (Field("title"),), (words,))
    cells: Cells = {
        "title": "tag",
        "other/k/kind": "tag",
        "words/k/@exists": True,
        "words/k/kind": "tag",
        "words/k/text": "Milk",
    }
    record = Record(table, CONTACT, 5, False, cells, CREATED, {}, {})
    assert naming.names_in(record, words) == {"milk": "Milk"}
    longer = record._replace(cells={**cells, "words/k/text": "Flour"})
    assert naming.names_in(longer, words) == {}


@pytest.mark.parametrize(
    ("record", "key"), [(label("Friends "), "friends"), (label("x", deleted=True), ""), (None, "")]
)
def test_the_key_of_a_record(record: Record | None, key: str) -> None:
    assert naming.key_of(record).strip() == key


# --- entries as a device has them ---------------------------------------------------------------------------------

ENTRIES: dict[str, dict[str, object]] = {
    "a": {"kind": "group", "value": " Friends"},
    "b": {"kind": "group", "value": "FRIENDS"},
    "c": {"kind": "group", "value": "Club"},
    "d": {"kind": "phone", "value": "Friends"},
    "e": {"kind": "group", "value": None},
    "f": {"kind": "group", "value": " "},
}


def test_entries_of_a_device_name_texts() -> None:
    assert GROUPS is not None
    assert naming.names_in_entries(GROUPS, ENTRIES).keys() == {"friends", "club"}
    assert naming.entries_naming(GROUPS, ENTRIES, "friends") == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        (None, {"a": None, "b": None}),
        ("Pals", {"a": {"kind": "group", "value": "Pals"}, "b": None}),
        ("club", {"a": None, "b": None}),
        (" Friends", {"b": None}),
    ],
)
def test_a_name_is_replaced_and_stands_once_at_most(text: str | None, changed: dict[str, object]) -> None:
    assert GROUPS is not None
    assert naming.renamed_entries(GROUPS, ENTRIES, "friends", text) == changed


# --- what follows from changes --------------------------------------------------------------------------------------


def test_what_changes_did_to_names() -> None:
    (place,) = BUILT_IN.naming_maps
    old, new = contact("Friends", "Club"), contact("Friends", "Chess")
    before = {old.key: old, label("Gone").key: label("Gone")}
    after = {new.key: new, label("Came").key: label("Came")}
    edits = [change(new), change(label("Came"), 51)]
    done = naming.naming_changes(place, before, after, edits)
    assert done.begun == {"chess": naming.NamedText("Chess", edits[0])}
    assert done.lost == {"gone": naming.NamedText("Gone", edits[1])}
    assert done.taken == {"came": edits[1]}


def test_what_is_added_deleted_or_kept_alike() -> None:
    (place,) = BUILT_IN.naming_maps
    made, gone = label("New", 3), label("Old", 4)
    edits = [change(made), change(gone, 51), change(contact(), 52)]
    after = {made.key: made, gone.key: gone._replace(deleted=True), contact().key: contact()}
    done = naming.naming_changes(place, {gone.key: gone}, after, edits)
    assert (done.begun, set(done.lost), set(done.taken)) == ({}, {"old"}, {"new"})
    same = naming.naming_changes(place, {made.key: made}, {made.key: made}, [change(made)])
    assert same == naming.NamingChanges({}, {}, {})
    other = Record(Table("notes", ()), CONTACT, 5, False, {}, CREATED, {}, {})
    assert naming.naming_changes(place, {}, {other.key: other}, [change(other)]) == naming.NamingChanges({}, {}, {})


def test_what_is_named_gets_the_record_that_every_device_would_make() -> None:
    named = naming.NamedText("Friends", change(contact()))
    added = naming.adding_change(LABELS, named, {})
    assert (added.record_id, added.base, added.cells) == (record_id_of_key(LABELS, "Friends"), 0, {"name": "Friends"})
    assert (added.operation, added.replica, added.batch) == (Operation.INSERT, "r", "b")
    key = (LABELS.name, added.record_id)
    deleted = label("Friends", deleted=True)._replace(id=added.record_id)
    assert naming.adding_change(LABELS, named, {key: deleted}).base == 5
    renamed = naming.adding_change(LABELS, named, {key: deleted._replace(deleted=False)})
    assert (renamed.record_id, renamed.base) == (renamed.id, 0)


def test_of_records_of_one_key_the_oldest_stays() -> None:
    older, newer = label("x", 7, created=3), label("x", 6, created=4)
    assert naming.surplus([newer, older]) == [newer]
    removal = naming.removing_change(newer, change(older))
    assert (removal.operation, removal.record_id, removal.base, removal.batch) == (Operation.DELETE, newer.id, 5, "b")


def test_a_rename_that_was_begun_is_known_by_what_it_was_to_make() -> None:
    first = naming.begun_id(str(UUID(int=1)), "Friends")
    assert first == naming.begun_id(str(UUID(int=1)), " friends ")
    assert first != naming.begun_id(str(UUID(int=2)), "Friends") != naming.begun_id(str(UUID(int=2)), "Family")
