"""What the fields and details of a contact are called (offbook/contacts/labels.py)."""

from __future__ import annotations

import pytest

from offbook.contacts.labels import FIELDS, KINDS, cell_label, field_label, full_cell_label, kind_label
from offbook.contacts.table import CONTACTS, DETAIL_KINDS


def test_every_field_and_kind_has_a_label() -> None:
    assert list(FIELDS) == [field.name for field in CONTACTS.fields]
    assert set(KINDS) == set(DETAIL_KINDS)


def test_what_only_a_newer_version_knows_is_called_by_its_own_word() -> None:
    assert (field_label("given_name"), field_label("shoe_size")) == ("First name", "Shoe size")
    assert (kind_label("url"), kind_label("custom"), kind_label("shoe")) == ("Website", "Other", "Shoe")


@pytest.mark.parametrize(
    ("cell", "kind", "label", "name"),
    [
        ("phone", "", "Phone", "Phone"),
        ("@exists", "", "Contact", "Contact"),
        ("details/k1/value", "phone", "Phone", "Phone"),
        ("details/k1/city", "address", "Address: city", "Address: city"),
        ("details/k1/kind", "", "Detail", "Detail: kind"),
        ("details/k1/position", "email", "E-mail", "E-mail: place in the list"),
    ],
)
def test_a_cell_is_called_by_its_field_or_its_entry(cell: str, kind: str, label: str, name: str) -> None:
    assert (cell_label(cell, kind), full_cell_label(cell, kind)) == (label, name)
