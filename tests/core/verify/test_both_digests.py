"""What holds for digest 1 and digest 2 alike: the same for the same record, another for any other."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from offbook.contacts.table import CONTACTS
from offbook.core.model import Value
from offbook.core.verify.digests import digest, hash_of
from offbook.core.verify.first_digests import first_digest
from tests.core.verify.cases import ADA, CELLS, OTHERS, REMOVED, SEQ

Of = Callable[..., int]
"""Makes the digest of a contact with these cells."""


@pytest.fixture(params=[first_digest, digest])
def of(request: pytest.FixtureRequest) -> Of:
    return partial(digest_by, request.param)


def digest_by(make: Of, cells: dict[str, Value], record_id: str = ADA, seq: int = SEQ) -> int:
    return make(CONTACTS, record_id, seq, cells)


def test_a_hash_is_what_it_was_in_every_version_before() -> None:
    """Servers have stored it, and devices of other versions make it."""
    assert hash_of(["contacts", ADA, str(SEQ), "Ö", ""]) == 439_069_309_880


def test_neither_the_order_of_cells_nor_what_is_empty_changes_a_digest(of: Of) -> None:
    assert of(dict(reversed(CELLS.items()))) == of(CELLS)
    assert of({**CELLS, "email": None, "details/k1/label": None}) == of(CELLS)
    assert of({"name": "Ada", "starred": False}) == of({"name": "Ada"}) == of({"name": "Ada", "starred": None})


def test_removed_entries_are_not_there(of: Of) -> None:
    assert of({**CELLS, **REMOVED}) == of(CELLS)


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_else_a_record_holds_is_another_digest(of: Of, name: str) -> None:
    assert of({**CELLS, **OTHERS[name]}) != of(CELLS)


def test_another_id_another_seq_and_an_entry_under_another_key_are_another_digest(of: Of) -> None:
    moved = {cell.replace("/k2/", "/k9/"): value for cell, value in CELLS.items()}
    assert len({of(CELLS), of(CELLS, ADA[:-1] + "2"), of(CELLS, seq=SEQ + 1), of(moved)}) == 4


def test_entries_that_two_records_exchanged_do_not_make_up_for_each_other(of: Of) -> None:
    other = ADA[:-1] + "2"
    cells: dict[str, Value] = {"name": "Ada", "details/k1/@exists": True, "details/k1/kind": "phone"}
    two: dict[str, Value] = {"name": "Ada", "details/k1/@exists": True, "details/k1/kind": "email"}
    assert of(cells) + of(two, other) != of(two) + of(cells, other)
