"""add, list, show, edit, rm: contacts on this device."""

from __future__ import annotations

import argparse
from functools import partial

from offbook.cli import messages
from offbook.cli.deletion import delete_records
from offbook.cli.errors import UsageError
from offbook.cli.lookup import find_contact
from offbook.cli.options.field_options import details_in, fields_in
from offbook.cli.output import flatten, format_table, label, short_ids, terminal_columns
from offbook.cli.record_text import STAR, contact_lines
from offbook.cli.result import CommandResult
from offbook.core.cells.validation import Json
from offbook.replica import Replica

COLUMNS = ("name", "email", "phone", "company")


def add(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Add a contact, and answer with it."""
    fields = {**fields_in(args), "name": args.name}
    contact = book.contacts.get(book.contacts.add(details=details_in(args, {}), **fields))
    return CommandResult(contact, [f"Added {contact['name']} ({contact['id'][:8]})."])


def list_(book: Replica, args: argparse.Namespace) -> CommandResult:
    """All contacts, or those that have each word somewhere."""
    words = " ".join([*args.words, args.search]).strip()
    contacts = book.contacts.list(words)
    if args.label is not None:
        labelled = book.labels.named_by(args.label)
        contacts = [contact for contact in contacts if contact["id"] in labelled]
    if contacts:
        return CommandResult(contacts, _table(contacts))
    sought = " and ".join([f"“{words}”"] * bool(words) + [f"the label “{args.label}”"] * (args.label is not None))
    missing = f"No contact has {sought}." if sought else "No contacts yet: `offbook add NAME` adds one."
    return CommandResult([], [missing])


def _table(contacts: list[dict[str, Json]]) -> list[str]:
    ids = short_ids([contact["id"] for contact in contacts])
    rows = []
    for contact in contacts:
        name, *others = (flatten(contact[column]) for column in COLUMNS)
        rows.append((ids[contact["id"]], name + STAR * contact["starred"], *others))
    return format_table(["ID", *(label(column).upper() for column in COLUMNS)], rows, terminal_columns())


def show(book: Replica, args: argparse.Namespace) -> CommandResult:
    """All that a contact holds."""
    contact = book.contacts.get(find_contact(book, args.id))
    return CommandResult(contact, list(contact_lines(contact)))


def edit(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Change what is named, and answer with the contact as it is then."""
    contact = book.contacts.get(find_contact(book, args.id))
    fields, details = fields_in(args), details_in(args, contact["details"])
    if not fields and not details:
        raise UsageError.of(messages.NO_EDIT)
    book.contacts.update(contact["id"], details=details or None, **fields)
    changed = book.contacts.get(contact["id"])
    return CommandResult(changed, [f"Changed {changed['name']} ({contact['id'][:8]})."])


def rm(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Delete all of them, or none where one of them can't be found."""
    contacts = delete_records(book, book.contacts, args.id, partial(find_contact, book))
    deleted = [{"id": contact["id"], "name": contact["name"]} for contact in contacts]
    return CommandResult(
        {"deleted": deleted}, [f"Deleted {contact['name']} ({contact['id'][:8]})." for contact in deleted]
    )
