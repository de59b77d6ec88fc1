"""A made-up table beside contacts, and what a server makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from offbook.contacts.table import CONTACTS
from offbook.core.protocol.view import View
from offbook.core.schema import Field, Map, Schema, Table, Type
from offbook.core.verify.ranges import parse_compare
from services.sync.responses import changes
from services.sync.verify import compare
from tests.storage.library import Desk, Library, change
from tests.support.app_schemas import of_app

BOATS = Table(
    "boats",
    fields=(Field("name", required=True), Field("order", Type.INTEGER), Field("afloat", Type.FLAG)),
    maps=(
        Map(
            "crew", "boats_crew", "boats_id", (Field("role", required=True), Field("from"), Field("to", shares="from"))
        ),
    ),
)

SCHEMA = of_app(BOATS)


def story(library: Library) -> Any:
    """Boats and contacts in one book: made, merged, deleted, paged, pruned."""
    desk = library.desk()
    crew = {"k1": {"role": "cook", "from": "1831", "to": "1836"}, "k2": {"role": "captain"}}
    answers = desk.push(
        change(1, "INSERT", 1, table="boats", name="Beagle", order=3, crew=crew),
        change(2, "INSERT", 2, name="Ada"),
        change(3, "INSERT", 1, name="Bob, under a boat's id"),
        change(4, "INSERT", 3, table="boats", order=1),
        change(5, "INSERT", 4, table="boats", name="Wager", crew={"k1": {"to": "1741"}}),
        change(6, "INSERT", 5, table="boats", name="Erebus"),
    )
    base = answers[0]["seq"]
    answers += desk.push(
        change(7, "UPDATE", 1, table="boats", base=base, afloat=True, crew={"k2": None}),
        change(8, "UPDATE", 1, table="boats", base=base, by=2, order=4, crew={"k1": {"from": "1830"}}),
        change(9, "DELETE", 5, table="boats", base=answers[5]["seq"]),
    )
    compared = comparison(desk)
    before, in_pages = desk.pull()["changes"], [row for page in desk.pages(limit=1) for row in page["changes"]]
    desk.prune(desk.head())
    return {
        "verdicts": [answer.get("code") or answer["verdict"] for answer in answers],
        "rows": [[row["table"], row["data"]["name"]] for row in before],
        "boat": before[-1]["data"],
        "same_in_pages": in_pages == before,
        "same_after_pruning": desk.pull()["changes"] == before,
        "compared": compared,
        "compared_after_pruning": comparison(desk) == compared,
        "views": views(library),
    }


def views(library: Library) -> Any:
    """What each of several views has of a book in which a contact and a boat wait for a person."""
    desk = library.desk("ask")
    for number, table in enumerate(("contacts", "boats")):
        made = desk.seq(change(10 + number, "INSERT", 1, table=table, name="Beagle"))
        for by in (1, 2):
            edit = change(20 + 2 * number + by, "UPDATE", 1, table=table, base=made, by=by, name=f"Wager {by}")
            desk.push(edit)
    crew = {"k1": {"role": "cook", "from": "1831"}}
    desk.push(change(30, "INSERT", 2, table="boats", name="Erebus", afloat=True, order=0, crew=crew))
    narrow = replace(
        BOATS, fields=BOATS.fields[:1], maps=(replace(BOATS.maps[0], attributes=BOATS.maps[0].attributes[:1]),)
    )
    shown = {
        "contacts": View(Schema((CONTACTS,))),
        "boats": View(SCHEMA, is_sparse=True).only(["boats"]),
        "narrow": View(Schema((narrow,))),
    }
    return {name: rows_shown(desk, view) for name, view in shown.items()}


def rows_shown(desk: Desk, view: View) -> list[Any]:
    """The table and the data of each row; of a conflict, the table that it is about."""
    rows = changes(desk.store, desk.book_id, None, view=view)["changes"]
    return [[row["table"], row["data"].get("table") or without_times(row["data"])] for row in rows]


def without_times(data: Any) -> Any:
    return {name: value for name, value in data.items() if not name.endswith("_at") and value is not None}


def comparison(desk: Desk) -> Any:
    """What both tables are compared by, but for the book's own id."""
    whole = {"ranges": [["", None]], "records": True}
    questions = [parse_compare(SCHEMA, {"table": name, **whole}) for name in ("contacts", "boats")]
    return [{**compare(desk.store, desk.book_id, question), "book": "", "cursor": ""} for question in questions]
