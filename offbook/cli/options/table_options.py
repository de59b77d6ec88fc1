"""An option for each field of any table, made from its declaration, and values as they are typed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import uuid4

from offbook.cli import messages
from offbook.cli.errors import UsageError
from offbook.cli.options.field_options import PREFIX, fields_in, key_of
from offbook.cli.output import heading
from offbook.core.cells.validation import Json
from offbook.core.schema import Field, Map, Table, Type

ENTRIES, REMOVED = "entries_", "removed_"
"""Entries live under names of their own among the arguments, as fields do."""


def add_options(parser: argparse.ArgumentParser, table: Table, *, maps: bool = True, removal: bool = False) -> None:
    """An option per field of a table, and per map; and --set, for names that options of the command have taken."""
    for field in table.fields:
        option = _option(field.name)
        if field.retired or option in parser._option_string_actions:
            continue
        if field.type is Type.FLAG:
            more: dict[str, Any] = {"action": argparse.BooleanOptionalAction}
        else:
            more = {"type": lambda text, field=field: value_of_text(field, text), "metavar": field.type.upper()}
        _add(parser, option, PREFIX + field.name, _help(table, field), **more)
    for map_ in table.maps if maps else ():
        if not map_.retired:
            _add_map(parser, table, map_, removal)
    _add(parser, "--set", "set", "a field by its name, as FIELD=VALUE", metavar="FIELD=VALUE", action="append")


def _add(parser: argparse.ArgumentParser, option: str, dest: str, help: str, **more: Any) -> None:
    parser.add_argument(option, dest=dest, default=argparse.SUPPRESS, help=help, **more)


def _add_map(parser: argparse.ArgumentParser, table: Table, map_: Map, removal: bool) -> None:
    names = "; ".join(f"{attribute.name}=…" for attribute in map_.attributes)
    of_map = f"one more of {heading(table, map_.name)}, as often as you like: '{names}', or {_first_text(map_)} alone"
    reader: Callable[[str], Json] = lambda text: entry_of_text(map_, text)  # noqa: E731
    _add(parser, _option(map_.name), ENTRIES + map_.name, of_map, metavar="ENTRY", type=reader, action="append")
    if removal:
        text = "take one away: `show` tells its key in square brackets"
        _add(parser, f"--remove-{_option(map_.name)[2:]}", REMOVED + map_.name, text, metavar="KEY", action="append")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _help(table: Table, field: Field) -> str:
    choices = f" ({', '.join(field.choices)})" if field.choices else f" (of {field.target})" if field.target else ""
    return f"{heading(table, field.name)}{choices}".replace("%", "%%")


# --- values ----------------------------------------------------------------------------------------------------------


def value_of_text(field: Field, text: str) -> Json:
    """What a text stands for in a field of this type; empty text for nothing. Raises ArgumentTypeError."""
    if text == "" and field.type is not Type.TEXT:
        return None
    try:
        match field.type:
            case Type.INTEGER:
                return int(text)
            case Type.NUMBER:
                return float(text)
            case Type.JSON:
                return json.loads(text)
            case Type.FLAG:
                return {"true": True, "false": False}[text]
            case _:
                return text
    except (ValueError, KeyError, RecursionError):
        forms = {Type.INTEGER: "a whole number", Type.NUMBER: "a number", Type.FLAG: "true or false"}
        raise argparse.ArgumentTypeError(f"{text!a} is not {forms.get(field.type, 'JSON')}") from None


def entry_of_text(map_: Map, text: str) -> dict[str, Json]:
    """An entry as it is typed: its attributes by name, or the first text alone. Raises ArgumentTypeError."""
    pairs = [pair.partition("=") for pair in text.split(";")]
    names = [name.strip() for name, equals, _ in pairs if equals]
    if len(names) == len(pairs) and all(name in map_.by_name for name in names):
        values = (value.strip() for _, _, value in pairs)
        return {name: value_of_text(map_.by_name[name], value) for name, value in zip(names, values, strict=True)}
    return {_first_text(map_): value_of_text(map_.by_name[_first_text(map_)], text)}


def _first_text(map_: Map) -> str:
    """The attribute that a text without a name is: the first text, else the first of all."""
    texts = [attribute.name for attribute in map_.attributes if attribute.type is Type.TEXT]
    return (texts or list(map_.by_name))[0]


def values_in(table: Table, args: argparse.Namespace, before: Mapping[str, Json]) -> dict[str, Json]:
    """The values that were typed, and no others: entries under new keys, None for each that is to go.

    ``before`` is the record as it is. Raises UsageError, and NotFound for a key that there is not.
    """
    values = {**fields_in(args), **set_values(table, getattr(args, "set", ()))}
    for map_ in table.maps:
        known = before.get(map_.name) or {}
        entries: dict[str, Json] = {
            key_of(text, known, f"entry of {map_.name}"): None for text in getattr(args, REMOVED + map_.name, ())
        }
        entries |= {uuid4().hex[:16]: entry for entry in getattr(args, ENTRIES + map_.name, ())}
        if entries:
            values[map_.name] = entries
    return values


def set_values(table: Table, texts: Iterable[str]) -> dict[str, Json]:
    """What was typed behind --set, as values of a table's fields. Raises UsageError."""
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        field = table.by_name.get(name.strip())
        if not equals or field is None:
            raise UsageError.of(messages.BAD_SET, text=text, table=table.name, fields=", ".join(table.by_name))
        try:
            values[field.name] = value_of_text(field, value)
        except argparse.ArgumentTypeError as error:
            raise UsageError.of(messages.BAD_VALUE_OF_SET, name=field.name, reason=str(error)) from None
    return values
