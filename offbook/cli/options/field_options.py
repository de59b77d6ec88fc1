"""An option for each field of a contact, made from CONTACTS, and details as they are typed."""

from __future__ import annotations

import argparse
import re
import uuid
from collections.abc import Mapping
from typing import Any

from offbook.cli import messages
from offbook.cli.errors import Ambiguous
from offbook.contacts.table import CONTACTS
from offbook.core.cells.validation import Json
from offbook.core.errors import NotFound
from offbook.core.schema import Type

DETAILS = CONTACTS.maps_by_name["details"]
KINDS = DETAILS.by_name["kind"].choices
PARTS = tuple(part.name for part in DETAILS.cells["value"] if part.name != "value")
PART = re.compile(rf"\s*({'|'.join(PARTS)})\s*=(.*)", re.DOTALL)

PREFIX = "field_"
"""Fields live under names of their own among the arguments: a field may well be called like an option."""

HELP: Mapping[str, str] = {
    "name": "the name that is shown",
    "email": "the first e-mail address",
    "email_label": "what the address is for, like Work",
    "phone": "the first phone number",
    "phone_label": "what the number is for, like Mobile",
    "given_name": "first name",
    "family_name": "last name",
    "prefix": "what stands before the name, like Dr.",
    "suffix": "what stands after it, like Jr.",
    "file_as": "the name to sort by",
    "title": "job title",
    "birthday": "1815-12-10, or --12-10 without a year",
    "website_label": "what the website is, like Blog",
    "starred": "keep it at the top of lists",
    "uid": "what other programs know the contact by",
    "role": "what the person does there",
    "phone_params": "what a card says of the first phone, as JSON",
    "email_params": "what a card says of the first e-mail address, as JSON",
    "website_params": "what a card says of the website, as JSON",
    "photo": "the SHA-256 of the photo",
}

DETAIL_HELP = (
    f"one more of something, as often as you like. KIND is one of {', '.join(KINDS)}; the label may be left out. "
    f"An address may name its parts: 'address:Home=street=12 Park Lane; city=London' ({', '.join(PARTS)})"
)


def add_options(parser: argparse._ActionsContainer, *, without: str = "") -> None:
    """An option per field of a contact, and --detail."""
    for field in CONTACTS.fields:
        if field.name == without:
            continue
        option, dest = f"--{field.name.replace('_', '-')}", PREFIX + field.name
        text = HELP.get(field.name, field.name.replace("_", " "))
        if field.type is Type.FLAG:
            flag = argparse.BooleanOptionalAction
            parser.add_argument(option, dest=dest, action=flag, default=argparse.SUPPRESS, help=text)
        else:
            reader = int if field.type is Type.INTEGER else str
            metavar = field.type.upper()
            choices = field.choices or None
            parser.add_argument(
                option,
                dest=dest,
                type=reader,
                metavar=None if choices else metavar,
                choices=choices,
                default=argparse.SUPPRESS,
                help=text,
            )
    parser.add_argument(
        "--detail", metavar="KIND:LABEL=VALUE", type=detail, action="append", default=[], help=DETAIL_HELP
    )


def add_removal(parser: argparse._ActionsContainer) -> None:
    """The option --remove-detail, for commands that change a contact."""
    parser.add_argument(
        "--remove-detail",
        metavar="KEY",
        action="append",
        default=[],
        help="take a detail away: `offbook show` tells its key in square brackets",
    )


def fields_in(args: argparse.Namespace) -> dict[str, Json]:
    """The fields that were typed, and no others."""
    return {name.removeprefix(PREFIX): value for name, value in vars(args).items() if name.startswith(PREFIX)}


def detail(text: str) -> dict[str, Json]:
    """``KIND:LABEL=VALUE`` as an entry. Raises ArgumentTypeError."""
    name, equals, value = text.partition("=")
    kind, _, label = name.partition(":")
    kind = kind.strip().lower()
    if not equals or kind not in KINDS:
        raise argparse.ArgumentTypeError(f"{text!a} is not KIND:LABEL=VALUE with a kind of {', '.join(KINDS)}")
    entry: dict[str, Json] = {"kind": kind, **(_parts(value) if kind == "address" else {"value": value})}
    return entry | ({"label": label.strip()} if label.strip() else {})


def _parts(value: str) -> dict[str, str]:
    """The parts of an address where each is named; else the address as it was typed."""
    matches = [PART.fullmatch(piece) for piece in value.split(";")]
    parts = {match[1]: match[2].strip() for match in matches if match is not None}
    return parts if len(parts) == len(matches) else {"value": value}


def details_in(args: argparse.Namespace, before: Mapping[str, Mapping[str, Any]]) -> dict[str, Json]:
    """The entries that were typed, placed behind those of their kind, and None for each that is to go, by key."""
    entries: dict[str, Json] = {key_of(text, before): None for text in getattr(args, "remove_detail", [])}
    positions = dict.fromkeys(KINDS, 1)
    for entry in before.values():
        positions[entry["kind"]] = max(positions[entry["kind"]], entry.get("position") or 0)
    for entry in args.detail:
        positions[entry["kind"]] += 1
        entries[uuid.uuid4().hex[:16]] = {**entry, "position": positions[entry["kind"]]}
    return entries


def key_of(text: str, details: Mapping[str, object], noun: str = "detail") -> str:
    """The key that is meant: whole, or as much of it as tells it from the others. Raises NotFound and Ambiguous."""
    keys = [text] if text in details else [key for key in details if text and key.startswith(text)]
    if not keys:
        raise NotFound.of(messages.NO_ENTRY, noun=noun, key=text, keys=", ".join(details) or "none")
    if len(keys) > 1:
        raise Ambiguous.of(messages.SEVERAL_ENTRIES, key=text, keys=", ".join(keys))
    return keys[0]
