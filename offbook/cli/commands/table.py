"""tables, table: the tables of this book, and the records of any of them. No code of an app is needed for it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from offbook.cli import messages
from offbook.cli.commands.history import entry_lines
from offbook.cli.commands.sync import require_server
from offbook.cli.deletion import delete_records
from offbook.cli.errors import UsageError
from offbook.cli.lookup import find_record, find_record_or_deleted
from offbook.cli.options.table_options import add_options, values_in
from offbook.cli.output import flatten, format_table, heading, short_ids, terminal_columns
from offbook.cli.parser import Parser
from offbook.cli.record_text import record_lines, value_text
from offbook.cli.result import CommandResult
from offbook.core.cells.validation import UUID_TEXT, Json
from offbook.core.declaration.codec import table_to_json
from offbook.core.history.codec import entry_to_json
from offbook.core.listing import name_field, name_of
from offbook.core.schema import Table, Type
from offbook.records import Record
from offbook.replica import Replica

COLUMNS_MAX = 4
"""How many columns a list has where the table does not say what it shows."""


def tables(book: Replica, args: argparse.Namespace) -> CommandResult:
    """The tables of this book, each with its declaration and how many records it has."""
    counts = {name: book.table(name).count() for name in book.tables}
    rows = [(name, f"{counts[name]:,}", ", ".join(_columns(table))) for name, table in book.tables.items()]
    data = [{**table_to_json(table), "records": counts[name]} for name, table in book.tables.items()]
    return CommandResult(data, format_table(("TABLE", "RECORDS", "COLUMNS"), rows, terminal_columns()))


def _columns(table: Table) -> list[str]:
    return [*table.by_name, *table.maps_by_name]


def table(book: Replica, args: argparse.Namespace) -> CommandResult:
    """What was asked of a table; its options follow from its declaration."""
    declared, action = book.table(args.table).declaration, SUBCOMMANDS[args.action]
    parser = Parser(f"offbook table {declared.name} {args.action}", description=f"{action.help.capitalize()}.")
    action.add_options(parser, declared)
    return action.run(book, declared, parser.parse_args(args.rest))


# --- what can be asked -----------------------------------------------------------------------------------------------


class Subcommand(NamedTuple):
    """Something that can be asked of a table: what it is for, its options, and what does it."""

    help: str
    add_options: Callable[[argparse.ArgumentParser, Table], None]
    run: Callable[[Replica, Table, argparse.Namespace], CommandResult]


def _options_of_list(parser: argparse.ArgumentParser, table: Table) -> None:
    parser.add_argument("words", metavar="WORD", nargs="*", help="without regard to case and accents")
    parser.add_argument("--search", metavar="TEXT", default="", help="the words as one text")
    parser.add_argument("--limit", metavar="N", type=int, help="only the first of them")
    add_options(parser, table, maps=False)


def _list(book: Replica, table: Table, args: argparse.Namespace) -> CommandResult:
    words = " ".join([*args.words, args.search]).strip()
    values = _with_ids(book, table, values_in(table, args, {}))
    records = book.table(table.name).list(words, args.limit, **values)
    if not records:
        return CommandResult([], [f"Nothing in {table.name} is like that." if words or values else _nothing_yet(table)])
    return CommandResult(records, _table_of(book, table, records))


def _nothing_yet(table: Table) -> str:
    return f"Nothing in {table.name} yet: `offbook table {table.name} add` adds something."


def _table_of(book: Replica, table: Table, records: list[Record]) -> list[str]:
    names = table.shows or [field.name for field in table.fields if not field.retired][:COLUMNS_MAX]
    ids = short_ids([record["id"] for record in records])
    rows = [
        (ids[record["id"]], *(flatten(value_text(book, table.by_name[name], record[name])) for name in names))
        for record in records
    ]
    return format_table(["ID", *(heading(table, name).upper() for name in names)], rows, terminal_columns())


def _options_of_add(parser: argparse.ArgumentParser, table: Table) -> None:
    if name := name_field(table):
        parser.add_argument("name", metavar=heading(table, name.name).upper(), nargs="?")
    add_options(parser, table)


def _add(book: Replica, table: Table, args: argparse.Namespace) -> CommandResult:
    values = values_in(table, args, {})
    if (field := name_field(table)) and args.name is not None:
        values[field.name] = args.name
    record_id = book.table(table.name).add(**_with_ids(book, table, values))
    record = book.table(table.name).get(record_id)
    return CommandResult(record, [f"Added {_name(table, record)}."])


def _options_of_one(parser: argparse.ArgumentParser, table: Table) -> None:
    parser.add_argument("id", metavar="ID")


def _show(book: Replica, table: Table, args: argparse.Namespace) -> CommandResult:
    record = book.table(table.name).get(find_record(book, table, args.id))
    return CommandResult(record, list(record_lines(book, table, record)))


def _options_of_edit(parser: argparse.ArgumentParser, table: Table) -> None:
    _options_of_one(parser, table)
    add_options(parser, table, removal=True)


def _edit(book: Replica, table: Table, args: argparse.Namespace) -> CommandResult:
    records = book.table(table.name)
    before = records.get(find_record(book, table, args.id))
    values = _with_ids(book, table, values_in(table, args, before))
    if not values:
        raise UsageError.of(messages.NO_EDIT_OF_TABLE, table=table.name)
    records.update(before["id"], **values)
    record = records.get(before["id"])
    return CommandResult(record, [f"Changed {_name(table, record)}."])


def _options_of_rm(parser: argparse.ArgumentParser, table: Table) -> None:
    parser.add_argument("id", metavar="ID", nargs="+")


def _rm(book: Replica, table: Table, args: argparse.Namespace) -> CommandResult:
    """All of them, or none where one of them can't be found."""
    records = delete_records(book, book.table(table.name), args.id, partial(find_record, book, table))
    deleted = [{"id": record["id"], "name": name_of(table, record)} for record in records]
    return CommandResult({"deleted": deleted}, [f"Deleted {_name(table, record)}." for record in records])


def _history(book: Replica, table: Table, args: argparse.Namespace) -> CommandResult:
    require_server(book)
    entries = book.table(table.name).history(find_record_or_deleted(book, table, args.id))
    ids = short_ids([entry.id for entry in entries])
    lines = [line for entry in entries for line in entry_lines(table, entry, ids[entry.id])]
    return CommandResult([entry_to_json(table, entry) for entry in entries], lines)


SUBCOMMANDS: Mapping[str, Subcommand] = {
    "list": Subcommand("list the records, or those that have each WORD somewhere", _options_of_list, _list),
    "add": Subcommand("add a record", _options_of_add, _add),
    "show": Subcommand("show all of a record", _options_of_one, _show),
    "edit": Subcommand("change a record; an empty text empties a field", _options_of_edit, _edit),
    "rm": Subcommand("delete records", _options_of_rm, _rm),
    "history": Subcommand("tell what happened to a record, the newest first", _options_of_one, _history),
}


def _with_ids(book: Replica, table: Table, values: Mapping[str, Json]) -> dict[str, Json]:
    """The values, with the id of the record that is meant where a reference names it otherwise."""
    return {
        name: find_record(book, book.tables[field.target], value)
        if (field := table.by_name.get(name)) and field.type is Type.REF and value and not UUID_TEXT.fullmatch(value)
        else value
        for name, value in values.items()
    }


def _name(table: Table, record: Record) -> str:
    return f"{flatten(name_of(table, record))} ({record['id'][:8]})".strip()
