"""add, list, show, edit, rm: contacts on this device."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

from offbook.cli import Ambiguous, CommandResult, UsageError
from offbook.cli.field_options import DETAILS, PARTS, details_in, fields_in
from offbook.cli.output import count, flat, label, moment, pairs, short_ids, table
from offbook.core.errors import NotFound
from offbook.core.schema import CONTACTS
from offbook.core.validation import Json
from offbook.database.batched_writes import RECORD_SIZE, write_in_batches
from offbook.database.connection import bindable, reading
from offbook.replica import Replica

COLUMNS = ("name", "email", "phone", "company")
STAR = " ★"

PREFIX_LENGTH_MIN = 6
"""Of an id's beginning: `rm ada` or `rm dead` must not find an id that happens to begin so."""

NAMED_MAX = 5

Contact = Mapping[str, Json]


def add(book: Replica, args: argparse.Namespace) -> CommandResult:
    fields = {**fields_in(args), "name": args.name}
    contact = book.contacts.get(book.contacts.add(details=details_in(args, {}), **fields))
    return CommandResult(contact, [f"Added {contact['name']} ({contact['id'][:8]})."])


def list_(book: Replica, args: argparse.Namespace) -> CommandResult:
    words = " ".join([*args.words, args.search]).strip()
    contacts = book.contacts.list(words)
    if contacts:
        return CommandResult(contacts, _table(contacts))
    return CommandResult(
        [], [f"No contact has “{words}”." if words else "No contacts yet: `offbook add NAME` adds one."]
    )


def _table(contacts: list[dict[str, Json]]) -> list[str]:
    ids = short_ids([contact["id"] for contact in contacts])
    rows = []
    for contact in contacts:
        name, *others = (flat(contact[column]) for column in COLUMNS)
        rows.append((ids[contact["id"]], name + STAR * contact["starred"], *others))
    return table(["ID", *(label(column).upper() for column in COLUMNS)], rows, room())


def room() -> int | None:
    """The width of the terminal; None where a program or a file is at the other end, for which nothing is cut."""
    import shutil  # here, since it brings four ways of compressing along

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def show(book: Replica, args: argparse.Namespace) -> CommandResult:
    contact = book.contacts.get(find(book, args.id))
    return CommandResult(contact, list(described(contact)))


def edit(book: Replica, args: argparse.Namespace) -> CommandResult:
    contact = book.contacts.get(find(book, args.id))
    fields, details = fields_in(args), details_in(args, contact["details"])
    if not fields and not details:
        raise UsageError("Say what to change, like --phone 555-1234. `offbook edit --help` tells what there is.")
    book.contacts.update(contact["id"], details=details or None, **fields)
    changed = book.contacts.get(contact["id"])
    return CommandResult(changed, [f"Changed {changed['name']} ({contact['id'][:8]})."])


def rm(book: Replica, args: argparse.Namespace) -> CommandResult:
    """All of them, or none where one of them can't be found."""
    with reading(book.connection):
        meant = [book.contacts.get(one) for one in dict.fromkeys(find(book, text) for text in args.id)]

    def delete(some: list[dict[str, Json]]) -> list[dict[str, Json]]:
        return [contact for contact in some if _delete(book, contact)]

    turns = write_in_batches(book.connection, meant, delete, size_of=lambda _: RECORD_SIZE)
    gone = [contact for some in turns for contact in some]
    deleted = [{"id": contact["id"], "name": contact["name"]} for contact in gone]
    return CommandResult(
        {"deleted": deleted}, [f"Deleted {contact['name']} ({contact['id'][:8]})." for contact in gone]
    )


def _delete(book: Replica, contact: Contact) -> bool:
    """False where another process was faster."""
    with suppress(NotFound):
        book.contacts.delete(contact["id"])
        return True
    return False


def find(book: Replica, text: str) -> str:
    """The id of the contact that is meant: by its id, by how that begins, or by its whole name."""
    wanted = bindable(text)
    begins = wanted.lower() if len(wanted) >= PREFIX_LENGTH_MIN else ""
    sql = "SELECT id, name FROM contacts WHERE id = ? OR name = ? OR (? <> '' AND substr(id, 1, ?) = ?) ORDER BY id"
    found = book.connection.execute(sql, (wanted, wanted, begins, len(begins), begins)).fetchall()
    if len(found) > 1:
        found = [row for row in found if row[0] == wanted] or found
    if not found:
        raise NotFound(f"There is no contact with the id or name “{text}”. `offbook list` shows those that are there.")
    if len(found) > 1:
        raise Ambiguous(f"Several contacts are “{text}”: {_named(found)}. Say which by its id.")
    return str(found[0][0])


def _named(found: list[tuple[str, str]]) -> str:
    ids = short_ids([row[0] for row in found])
    names = [f"{ids[id]} ({flat(name)})" for id, name in found[:NAMED_MAX]]
    if len(found) > NAMED_MAX:
        names.append(f"and {count(len(found) - NAMED_MAX, 'other')}")
    return ", ".join(names)


# --- one contact -----------------------------------------------------------------------------------------------------


def described(contact: Contact) -> Iterator[str]:
    """Everything that is known of a contact, for people."""
    yield contact["name"] + STAR * bool(contact["starred"])
    yield ""
    rows = [*_field_rows(contact), *_detail_rows(contact["details"])]
    times = f"added {moment(contact['created_at'])}, changed {moment(contact['updated_at'])}"
    yield from pairs([*rows, ("Id", contact["id"]), ("", times)])


def _field_rows(contact: Contact) -> Iterator[tuple[str, str]]:
    """A label stands behind what it labels."""
    labels = {f"{field.name}_label" for field in CONTACTS.fields}
    for field in CONTACTS.fields:
        value = contact[field.name]
        if value and field.name not in ("name", "starred", *labels):
            yield label(field.name), _labelled(str(value), contact.get(f"{field.name}_label"))


def _detail_rows(details: Mapping[str, Contact]) -> Iterator[tuple[str, str]]:
    for key, entry in sorted(details.items(), key=lambda one: (_order(one[1]["kind"]), _place(one[1]), one[0])):
        yield label(entry["kind"]), f"{value_of(entry)} [{key}]"


def _order(kind: str) -> tuple[int, str]:
    """Kinds that a newer version has come last."""
    kinds = DETAILS.by_name["kind"].choices
    return (kinds.index(kind), "") if kind in kinds else (len(kinds), kind)


def _place(entry: Contact) -> int:
    return entry.get("position") or 0


def value_of(entry: Contact) -> str:
    """A detail in one line."""
    texts: Iterable[Json] = (entry.get(part) for part in ("value", *PARTS))
    return _labelled(", ".join(flat(text) for text in texts if text), entry.get("label"))


def _labelled(text: str, given: Json) -> str:
    return f"{text} ({given})" if given else text
