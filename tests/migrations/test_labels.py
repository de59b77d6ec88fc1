"""A database of before has contacts with groups: with the upgrade, labels follow from these."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from models import Book, ChangeRow, ContactDetail, Label
from offbook.contacts.table import LABELS
from offbook.core.schema import record_id_of_key
from storage.engines.database import Database
from storage.engines.migrations import downgrade, upgrade

GROUPS = ("Friends", " friends", "* myContacts", "Work")
IDS = {record_id_of_key(LABELS, name): name for name in ("Friends", "Work")}


@pytest.fixture
def of_before(filled: Database) -> Database:
    """A contact that has groups, in the schema of before labels."""
    downgrade(filled, "0012")
    rows = [
        {"book_id": 1, "contact_id": contact, "entry_id": f"g{number}", "kind": "group", "value": group}
        for number, group in enumerate(GROUPS)
        for contact in ("ada", "gone")
    ]
    rows.append({"book_id": 1, "contact_id": "ada", "entry_id": "g9", "kind": "group", "value": "Old", "removed": True})
    with filled.write() as connection:
        for row in rows:
            connection.execute(insert(ContactDetail).values(**row))
    return filled


def labels(database: Database) -> dict[str, str | None]:
    with database.read() as connection:
        return {row.id: row.name for row in connection.execute(select(Label.id, Label.name).where(~Label.deleted))}


def test_what_contacts_name_is_there_after_an_upgrade(of_before: Database) -> None:
    upgrade(of_before)
    assert labels(of_before) == IDS
    with of_before.read() as connection:
        logged = connection.execute(select(ChangeRow.seq).where(ChangeRow.table_name == "labels")).scalars().all()
        (seq,) = connection.execute(select(Book.seq)).scalars()
    assert len(set(logged)) == 2
    assert seq in logged


def test_an_upgrade_that_was_cut_off_is_completed_by_the_next(
    of_before: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("services.naming.renaming.add_all_named", killed)
        with pytest.raises(KeyboardInterrupt):
            upgrade(of_before)
    assert labels(of_before) == {}
    upgrade(of_before)
    assert labels(of_before) == IDS
    with of_before.read() as connection:
        (before,) = connection.execute(select(Book.seq)).scalars()
    upgrade(of_before)
    with of_before.read() as connection:
        assert connection.execute(select(Book.seq)).scalars().all() == [before]


def test_going_back_forgets_labels_and_leaves_groups(of_before: Database) -> None:
    upgrade(of_before)
    downgrade(of_before, "0012")
    with of_before.read() as connection:
        assert connection.execute(select(ChangeRow.id).where(ChangeRow.table_name == "labels")).all() == []
        groups = select(ContactDetail.value).where(ContactDetail.kind == "group", ContactDetail.contact_id == "ada")
        assert set(connection.execute(groups).scalars()) == {*GROUPS, "Old"}
    upgrade(of_before)
    assert labels(of_before) == IDS
