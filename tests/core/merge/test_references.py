"""Which cells of a record are emptied when what they refer to is deleted."""

from __future__ import annotations

from offbook.core.merge.references import cleared_cells
from offbook.core.model import NO_CLOCK, Cells, Record
from offbook.core.schema import Field, Gone, Map, Schema, Table, Type

BOOK = "a0000000-0000-4000-8000-000000000001"
OTHER = "a0000000-0000-4000-8000-000000000002"


def ref(name: str, gone: Gone = Gone.CLEAR, shares: str = "") -> Field:
    return Field(name, Type.REF, target="notebooks", gone=gone, shares=shares)


LINKS = Map("links", "notes_links", "notes_id", (ref("to"), Field("word"), ref("first"), ref("second", shares="first")))
NOTES = Table("notes", (Field("title"), Field("done", Type.FLAG), ref("notebook"), ref("origin", Gone.KEEP)), (LINKS,))
DELETED = {"notebooks": {BOOK}}


def cleared(cells: Cells) -> dict[str, object]:
    return dict(cleared_cells(Record(NOTES, OTHER, 1, False, cells, NO_CLOCK, {}), DELETED))


def test_only_what_is_declared_so_and_refers_to_it_is_emptied() -> None:
    assert cleared({"notebook": BOOK, "origin": BOOK, "title": BOOK}) == {"notebook": None}
    assert cleared({"notebook": OTHER}) == {}
    assert cleared({}) == {}


def test_an_entry_stays_without_what_referred_to_it() -> None:
    cells: Cells = {"links/k/@exists": True, "links/k/to": BOOK, "links/k/word": "a"}
    assert cleared(cells) == {"links/k/@exists": True, "links/k/to": None}
    assert cleared({**cells, "links/k/@exists": False}) == {}


def test_a_cell_of_several_parts_keeps_the_others() -> None:
    both: Cells = {"links/k/@exists": True, "links/k/first": (BOOK, OTHER)}
    assert cleared(both)["links/k/first"] == (None, OTHER)
    assert cleared({"links/k/@exists": True, "links/k/first": (BOOK, BOOK)})["links/k/first"] is None


def test_a_schema_names_what_is_cleared_with_a_table() -> None:
    schema = Schema((NOTES, Table("notebooks", (Field("name"),))))
    names = [reference.field.name for reference in schema.cleared_with("notebooks")]
    assert names == ["notebook", "to", "first", "second"]
    assert schema.cleared_with("notes") == ()
