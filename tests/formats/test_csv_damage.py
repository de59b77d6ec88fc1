"""What spreadsheets would execute."""

from __future__ import annotations

import csv
import io

import pytest

from offbook.formats.csv.damage import may_be_executed, neutralize
from offbook.formats.google_csv import writing as google_writing

EXECUTED = {
    "=1+1": "'=1+1",
    "+49 30 1234567": "'+49 30 1234567",
    "-1": "'-1",
    "@SUM(A1)": "'@SUM(A1)",
    "＝1+1": "'＝1+1",
    "＋1": "'＋1",
    "－1": "'－1",
    "＠SUM(A1)": "'＠SUM(A1)",
    "\t=1": "'\t'=1",
    "\r=1": "'\r'=1",
    "\n=1": "'\n'=1",
    "a\n- b": "a\n'- b",
    "a;=1+1": "a;'=1+1",
    "a;  @x;+1": "a;  '@x;'+1",
}


@pytest.mark.parametrize("text", EXECUTED)
def test_what_a_spreadsheet_would_execute_gets_an_apostrophe(text: str) -> None:
    assert neutralize(text) == EXECUTED[text]
    assert may_be_executed(f'Name\n"{text}"\n')


@pytest.mark.parametrize("text", ["", "Ada", "a=b", "1+1", "a-b; c-d", "a;b", "'=1+1", "(0)30 - 5", "a@x.example"])
def test_any_other_text_is_left_as_it_is(text: str) -> None:
    assert neutralize(text) == text
    assert not may_be_executed(f'Name\n"{text}"\n')


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_no_cell_of_a_file_for_a_spreadsheet_begins_as_a_formula_does(delimiter: str) -> None:
    contact = {"id": "0f8fad5b-d9cb-469f-a165-70867728950e", "name": "Ada", "notes": 'x;=HYPERLINK("h")', "details": {}}
    contact["details"] = {"k": {"kind": "custom", "label": "=L", "value": "＝V"}}
    text = google_writing.write([contact | {"nickname": value} for value in EXECUTED], spreadsheet=True)
    assert text.startswith("\ufeff")
    assert not may_be_executed(text)
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)
    assert not [cell for row in rows for cell in row if cell.lstrip(" ").startswith(("=", "+", "-", "@", "＝"))]
