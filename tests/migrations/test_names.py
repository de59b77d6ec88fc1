"""A database of before has names without parts: with the upgrade, contacts get them."""

from __future__ import annotations

from sqlalchemy import select, update

from models import Book, ChangeRow, Contact
from offbook.contacts.names import PARTS
from storage.engines.database import Database
from storage.engines.migrations import downgrade, upgrade


def test_contacts_get_the_parts_of_their_names_with_an_upgrade_and_only_once(filled: Database) -> None:
    downgrade(filled, "-1")
    with filled.write() as connection:
        connection.execute(update(Book).values(seq=5))
        connection.execute(update(Contact).values(dict.fromkeys(PARTS)).where(Contact.id == "ada"))
    upgrade(filled)
    upgrade(filled)
    with filled.read() as connection:
        parts = connection.execute(select(Contact.given_name, Contact.middle_name, Contact.family_name)).all()
        seqs = connection.execute(select(ChangeRow.seq)).scalars().all()
        (seq,) = connection.execute(select(Book.seq)).scalars()
    assert ("Ada", "Löwe", "x" * 120) in [tuple(row) for row in parts]
    assert seqs == [seq]
