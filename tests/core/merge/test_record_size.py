"""How much a contact may hold, wherever it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from offbook.contacts.table import CONTACTS, LABELS
from offbook.core.cells.validation import parse_cells
from offbook.core.errors import Invalid
from offbook.core.merge.record_size import bytes_of, require_size, too_large
from offbook.core.model import Operation

MAX = CONTACTS.bytes_max
CARD = {"kind": "property", "label": "X-LONG"}


def data_of(count: int, letter: str = "x", length: int = 60_000) -> dict[str, Any]:
    return {"name": "Ada", "details": {f"k{number}": {**CARD, "value": letter * length} for number in range(count)}}


def cells_of(data: dict[str, Any]) -> Any:
    return parse_cells(CONTACTS, data, Operation.INSERT)


def test_the_limit_is_512_kilobytes_of_json() -> None:
    assert MAX == 512 * 1024
    data = data_of(8)
    rest = MAX - len(json.dumps(data, separators=(",", ":")))
    fits = data | {"details": data["details"] | {"r": {"kind": "url", "value": ""}}}
    rest = MAX - len(json.dumps(fits, separators=(",", ":")))
    fits["details"]["r"]["value"] = "y" * rest
    assert too_large(CONTACTS, {}, cells_of(fits)) is None
    fits["details"]["r"]["value"] += "y"
    fault = too_large(CONTACTS, {}, cells_of(fits))
    assert fault is not None
    assert (fault.code, fault.detail) == ("record_too_large", "A record would hold 513 kB, and 512 kB is the most.")


@pytest.mark.parametrize(
    ("data", "is_refused"),
    [
        (data_of(8), False),
        (data_of(9), True),
        (data_of(2, "é"), False),
        (data_of(4, "é"), False),
        (data_of(5, "é"), True),
        (data_of(3, "😀"), True),
        (data_of(2, "\x01"), True),
    ],
)
def test_bytes_count_and_not_letters(data: dict[str, Any], is_refused: bool) -> None:
    assert (too_large(CONTACTS, {}, cells_of(data)) is not None) == is_refused


def test_a_record_that_is_too_large_already_may_change_but_not_grow() -> None:
    before = cells_of(data_of(12))
    for smaller in ({"details": {"k0": None}}, {"details": {"k0": {"value": "short"}}}, {"starred": None}):
        assert too_large(CONTACTS, before, parse_cells(CONTACTS, smaller, Operation.UPDATE)) is None
    larger = parse_cells(CONTACTS, {"notes": "one more"}, Operation.UPDATE)
    assert too_large(CONTACTS, before, larger) is not None


def test_what_was_removed_counts_no_more() -> None:
    before = cells_of(data_of(8)) | {"details/k0/@exists": False, "details/k1/@exists": False}
    assert (
        too_large(CONTACTS, before, cells_of({"name": "Ada", "details": {"k9": {**CARD, "value": "x" * 60_000}}}))
        is None
    )


def test_a_table_that_says_no_limit_has_none() -> None:
    assert too_large(LABELS, {}, {"name": "x" * 900_000}) is None


def test_a_device_checks_by_the_record_as_it_has_it() -> None:
    before = data_of(8)
    require_size(CONTACTS, before, parse_cells(CONTACTS, {"phone": "1"}, Operation.UPDATE))
    with pytest.raises(Invalid, match="512 kB is the most"):
        require_size(CONTACTS, before, cells_of({"name": "A", "details": {"k9": {**CARD, "value": "x" * 60_000}}}))
    require_size(LABELS, {}, {"name": "x" * 900_000})


def test_the_size_is_that_of_json_without_what_is_empty() -> None:
    assert bytes_of({"name": "é", "email": None, "starred": False, "details": {}}) == len('{"name":"é"}'.encode())
