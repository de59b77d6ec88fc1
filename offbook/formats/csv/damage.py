"""What spreadsheets make of cells: undone where it can be, told where it can't; and what keeps them from doing it."""

from __future__ import annotations

import csv
import io
import re

from offbook.core.messages import Message
from offbook.formats import messages

SCIENTIFIC = re.compile(r"[+-]?[0-9](?:[.,][0-9]+)?E\+?[0-9]{1,3}", re.IGNORECASE | re.ASCII)
ERRORS = frozenset({"#ERROR!", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#N/A", "#NUM!", "#NULL!", "#NV", "#WERT!"})
QUOTED = re.compile(r'="([^"]*)"')
APOSTROPHE = re.compile(r"'(?='*[+=@-])")
BEFORE_NUMBER = re.compile(r"'(?='*[(0-9])")

EXECUTED = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
"""What a cell begins with that a spreadsheet may take for a formula, or let one begin behind it."""

SPLIT = re.compile("([;\t\r\n] *)(?=[=+@＝＋－＠-])")
"""Where a cell begins to a spreadsheet of a country whose CSVs have semicolons, or that splits at tabs: to it a quote
in the middle of a line is none."""


def undo(text: str, is_number: bool) -> str:
    """A cell as it was before somebody kept a spreadsheet from changing it: ``'+44...`` or ``="+44..."``."""
    if match := QUOTED.fullmatch(text):
        return match[1]
    return text[1:] if APOSTROPHE.match(text) or (is_number and BEFORE_NUMBER.match(text)) else text


def find_damage(text: str) -> Message | None:
    """What is to be told about a cell that a spreadsheet has damaged for good."""
    if text in ERRORS:
        return messages.SPREADSHEET_ERROR
    return messages.SPREADSHEET_NUMBER if SCIENTIFIC.fullmatch(text) else None


def neutralize(text: str) -> str:
    """A cell that no spreadsheet executes: with an apostrophe in front, which it does not show."""
    text = SPLIT.sub(r"\1'", text)
    return f"'{text}" if text.startswith(EXECUTED) else text


def may_be_executed(text: str) -> bool:
    """Whether a spreadsheet may take a cell of this CSV for a formula."""
    rows = csv.reader(io.StringIO(text, newline=""))
    return any(cell.startswith(EXECUTED) or SPLIT.search(cell) for row in rows for cell in row)
