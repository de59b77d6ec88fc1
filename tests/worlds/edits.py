"""What users type in a simulated world: plain SQL from any tool, and calls of the replica.

Every text that is typed is unlike any other, ``t17;`` and the like, so that it can be looked for in the end. An edit is
a function of an Editor that returns what is to be said about it in the world's log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from random import Random
from typing import Any

from offbook import Replica

TEXTS = ("name", "email", "phone", "notes", "company")
KEYS = ("k1", "k2", "k3")
SHARED_IDS = tuple(f"5a5a5a5a-0000-4000-8000-{number:012x}" for number in range(3))
"""Two devices that import the same file make records of the same ids."""

TYPED = re.compile(r"t\d+;")


class Undone(Exception):
    """A transaction that its writer gives up."""


class Editor:
    """One user at one device, whose version has this ``table``. ``new_text`` gives a text that nobody typed before."""

    def __init__(self, replica: Replica, table: Any, random: Random, new_text: Callable[[], str]) -> None:
        self.replica = replica
        self.details = table.maps_by_name["details"].by_name
        self.texts = [name for name in TEXTS if name in table.by_name]
        self.random = random
        self.text = new_text

    def edit(self) -> str:
        """Type something, whatever can be typed here and now."""
        names = list(EDITS)
        return EDITS[self.random.choices(names, [EDITS[name][0] for name in names])[0]][1](self)

    # --- looking ---

    def ids(self) -> list[str]:
        return [record_id for (record_id,) in self.sql("SELECT id FROM contacts ORDER BY id")]

    def entries(self) -> list[tuple[str, str]]:
        return self.sql("SELECT contact_id, entry_id FROM contact_details ORDER BY 1, 2")

    def sql(self, statement: str, *parameters: Any) -> list[Any]:
        return self.replica.connection.execute(statement, parameters).fetchall()

    # --- pieces ---

    def some_texts(self, among: Iterable[str] | None = None, most: int = 3) -> dict[str, str]:
        names = self.texts if among is None else [name for name in among if name in self.details]
        chosen = self.random.sample(names, self.random.randint(1, min(most, len(names))))
        return {name: self.text() for name in sorted(chosen)}

    def entry(self) -> dict[str, Any]:
        kind = self.random.choice(self.details["kind"].choices)
        among = ("label", "value", "street", "city") if kind == "address" else ("label", "value")
        return {"kind": kind, **self.some_texts(among), "position": self.random.randrange(3)}

    # --- new records ---

    def add(self) -> str:
        details = {key: self.entry() for key in self.random.sample(KEYS, self.random.randrange(3))}
        record_id = self.replica.contacts.add(**{"name": self.text(), **self.some_texts()}, details=details)
        return f"add {record_id}"

    def insert(self) -> str:
        """With default id and times, as the simplest tool would."""
        given = {"name": self.text(), **self.some_texts()}
        self.sql(f"INSERT INTO contacts ({', '.join(given)}) VALUES ({marks(given)})", *given.values())
        return "INSERT"

    def insert_shared(self) -> str:
        record_id = self.random.choice(SHARED_IDS)
        given = {"id": record_id, "name": self.text(), **self.some_texts()}
        columns, values = ", ".join(given), list(given.values())
        verb = self.random.choice(["INSERT OR IGNORE", "INSERT OR REPLACE"])
        self.sql(f"{verb} INTO contacts ({columns}) VALUES ({marks(given)})", *values)
        return f"{verb} {record_id}"

    def insert_bad(self) -> str:
        """A record that no server takes."""
        name, phone = self.random.choice(
            [(self.text() + "x" * 300, self.text()), ("  ", self.text()), (self.text(), self.text() + "5" * 100)]
        )
        record_id = self.random.choice([*SHARED_IDS, None])
        if record_id is None or record_id in self.ids():
            self.sql("INSERT INTO contacts (name, phone) VALUES (?, ?)", name, phone)
        else:
            self.sql("INSERT INTO contacts (id, name, phone) VALUES (?, ?, ?)", record_id, name, phone)
        return f"INSERT of what can't be sent {record_id or ''}"

    # --- a record ---

    def update(self) -> str:
        if not (ids := self.ids()):
            return self.insert()
        record_id, given = self.random.choice(ids), self.some_texts()
        assignments = ", ".join(f"{name} = ?" for name in given)
        self.sql(f"UPDATE contacts SET {assignments} WHERE id = ?", *given.values(), record_id)
        return f"UPDATE {record_id}"

    def update_by_call(self) -> str:
        if not (ids := self.ids()):
            return self.add()
        record_id = self.random.choice(ids)
        details: dict[str, Any] = {key: self.entry() for key in self.random.sample(KEYS, 1)}
        for key in self.replica.contacts.get(record_id)["details"]:
            if self.random.random() < 0.3:
                details[key] = None
        self.replica.contacts.update(record_id, **self.some_texts(), details=details)
        return f"update {record_id} {sorted(details)}"

    def star_or_empty(self) -> str:
        if not (ids := self.ids()):
            return self.insert()
        record_id = self.random.choice(ids)
        column = self.random.choice(["starred = 1 - starred", "phone = NULL", "email = ''", "birthday = '--12-10'"])
        self.sql(f"UPDATE contacts SET {column} WHERE id = ?", record_id)
        return f"UPDATE {record_id}: {column}"

    def update_all(self) -> str:
        column = self.texts[-1]
        self.sql(f"UPDATE contacts SET {column} = ? WHERE id < '8'", self.text())
        return f"UPDATE of many: {column}"

    def write_at_length(self) -> str:
        """More than some version takes: there it is shown, and can't be typed."""
        if not (ids := self.ids()):
            return self.insert()
        record_id = self.random.choice(ids)
        self.sql("UPDATE contacts SET notes = ? WHERE id = ?", self.text() + "x" * 50, record_id)
        return f"UPDATE {record_id} with long notes"

    def update_badly(self) -> str:
        """Something that no server takes."""
        if not (ids := self.ids()):
            return self.insert_bad()
        record_id = self.random.choice(ids)
        column, value = self.random.choice(
            [("phone", self.text() + "5" * 100), ("name", ""), ("birthday", "t"), ("notes", self.text() + "\0")]
        )
        self.sql(f"UPDATE contacts SET {column} = ?, email = ? WHERE id = ?", value, self.text(), record_id)
        return f"UPDATE {record_id} with what can't be sent: {column}"

    def replace(self) -> str:
        if not (ids := self.ids()):
            return self.insert()
        record_id = self.random.choice(ids)
        self.sql("REPLACE INTO contacts (id, name, phone) VALUES (?, ?, ?)", record_id, self.text(), self.text())
        return f"REPLACE {record_id}"

    def delete(self) -> str:
        if not (ids := self.ids()):
            return self.insert()
        record_id = self.random.choice(ids)
        if self.random.random() < 0.5:
            self.replica.contacts.delete(record_id)
        else:
            self.sql("DELETE FROM contacts WHERE id = ?", record_id)
        return f"DELETE {record_id}"

    def update_and_delete(self) -> str:
        """What was edited here hides what others may have written there meanwhile."""
        if not (ids := self.ids()):
            return self.insert()
        record_id = self.random.choice(ids)
        self.sql("UPDATE contacts SET phone = ?, email = ? WHERE id = ?", self.text(), self.text(), record_id)
        self.sql("DELETE FROM contacts WHERE id = ?", record_id)
        return f"UPDATE and DELETE {record_id}"

    def update_and_delete_entry(self) -> str:
        if not (entries := self.entries()):
            return self.put_entry()
        record_id, key = self.random.choice(entries)
        this = "WHERE contact_id = ? AND entry_id = ?"
        self.sql(f"UPDATE contact_details SET value = ? {this}", self.text(), record_id, key)
        self.sql(f"DELETE FROM contact_details {this}", record_id, key)
        return f"UPDATE and DELETE entry {record_id} {key}"

    def delete_and_insert_again(self) -> str:
        if not (ids := self.ids()):
            return self.insert()
        record_id = self.random.choice(ids)
        self.sql("DELETE FROM contacts WHERE id = ?", record_id)
        self.sql("INSERT INTO contacts (id, name) VALUES (?, ?)", record_id, self.text())
        return f"DELETE and INSERT {record_id}"

    # --- entries ---

    def put_entry(self) -> str:
        if not (ids := self.ids()):
            return self.insert()
        record_id, key, given = self.random.choice(ids), self.random.choice(KEYS), self.entry()
        row = {"contact_id": record_id, "entry_id": key, **given}
        sql = f"INSERT OR REPLACE INTO contact_details ({', '.join(row)}) VALUES ({marks(row)})"
        self.sql(sql, *row.values())
        return f"INSERT entry {record_id} {key}"

    def update_entry(self) -> str:
        if not (entries := self.entries()):
            return self.put_entry()
        record_id, key = self.random.choice(entries)
        given = self.some_texts(("label", "value", "city"), most=2)
        assignments = ", ".join(f"{name} = ?" for name in given)
        sql = f"UPDATE contact_details SET {assignments} WHERE contact_id = ? AND entry_id = ?"
        self.sql(sql, *given.values(), record_id, key)
        return f"UPDATE entry {record_id} {key}"

    def delete_entry(self) -> str:
        if not (entries := self.entries()):
            return self.put_entry()
        record_id, key = self.random.choice(entries)
        self.sql("DELETE FROM contact_details WHERE contact_id = ? AND entry_id = ?", record_id, key)
        return f"DELETE entry {record_id} {key}"

    # --- several at once ---

    def several(self) -> str:
        """Edits in one transaction, which their writer may give up."""
        said: list[str] = []
        try:
            with self.replica.transaction():
                said = [self.update(), self.update_entry(), self.update_by_call()]
                if self.random.random() < 0.3:
                    raise Undone
        except Undone:
            return f"undone: {said}"
        return str(said)


def marks(given: Mapping[str, Any]) -> str:
    return ", ".join("?" * len(given))


EDITS: Mapping[str, tuple[int, Callable[[Editor], str]]] = {
    "add": (6, Editor.add),
    "insert": (4, Editor.insert),
    "insert_shared": (6, Editor.insert_shared),
    "insert_bad": (3, Editor.insert_bad),
    "update": (14, Editor.update),
    "update_by_call": (12, Editor.update_by_call),
    "star_or_empty": (4, Editor.star_or_empty),
    "update_all": (2, Editor.update_all),
    "write_at_length": (3, Editor.write_at_length),
    "update_badly": (3, Editor.update_badly),
    "replace": (4, Editor.replace),
    "delete": (8, Editor.delete),
    "update_and_delete": (4, Editor.update_and_delete),
    "update_and_delete_entry": (3, Editor.update_and_delete_entry),
    "delete_and_insert_again": (3, Editor.delete_and_insert_again),
    "put_entry": (10, Editor.put_entry),
    "update_entry": (10, Editor.update_entry),
    "delete_entry": (6, Editor.delete_entry),
    "several": (5, Editor.several),
}
"""What can be typed, and how often each is."""
