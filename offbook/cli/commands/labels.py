"""label list|rename|rm|add|remove: labels of contacts on this device, for all who have them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from offbook.cli.lookup import find_contact
from offbook.cli.output import flatten, format_table, terminal_columns
from offbook.cli.result import CommandResult
from offbook.core.formatting import format_count
from offbook.replica import Replica


def list_(book: Replica, args: argparse.Namespace) -> CommandResult:
    """All labels, each with how many contacts have it."""
    counts = book.labels.counts()
    data = [{"name": name, "contacts": count} for name, count in counts.items()]
    if not counts:
        return CommandResult(data, ["No labels yet: `offbook label add NAME ID...` gives one to contacts."])
    rows = [(flatten(name), f"{count:,}") for name, count in counts.items()]
    return CommandResult(data, format_table(["LABEL", "CONTACTS"], rows, terminal_columns()))


def rename(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Rename a label in all contacts that have it."""
    count = book.labels.rename(args.old, args.new)
    return _result(args.new, count, f"“{args.old}” is “{args.new}” now, in {format_count(count, 'contact')}.")


def rm(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Delete a label, and take it from all contacts that have it."""
    count = book.labels.remove(args.name)
    return _result(args.name, count, f"Deleted “{args.name}”, which {format_count(count, 'contact')} had.")


def add(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Give contacts a label."""
    count = book.labels.add_to(args.name, _ids(book, args.ids))
    return _result(args.name, count, f"Gave “{args.name}” to {format_count(count, 'contact')}.")


def remove(book: Replica, args: argparse.Namespace) -> CommandResult:
    """Take a label from contacts."""
    count = book.labels.remove_from(args.name, _ids(book, args.ids))
    return _result(args.name, count, f"Took “{args.name}” from {format_count(count, 'contact')}.")


def _result(name: str, count: int, sentence: str) -> CommandResult:
    return CommandResult({"name": name, "contacts": count}, [sentence])


def _ids(book: Replica, texts: Iterable[str]) -> list[str]:
    return [find_contact(book, text) for text in texts]
