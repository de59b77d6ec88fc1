"""Tables of made-up apps: one like contacts, and one with a column of every type, whose names are words of SQL's."""

from __future__ import annotations

from dataclasses import replace

from offbook.contacts.table import BUILT_IN, CONTACTS
from offbook.core.declaration.rules import app_schema
from offbook.core.schema import Schema, Table
from offbook.tables import Choice, Date, Flag, Integer, Json, Map, Number, Ref, Text, Time
from offbook.tables import Table as AppTable

PEOPLE = replace(
    CONTACTS,
    name="people",
    composite=None,
    maps=tuple(replace(map_, rows=f"people_{map_.name}", owner="people_id") for map_ in CONTACTS.maps),
)
"""Contacts as an app may declare them."""

GROUPS = AppTable("groups", Text("name", required=True), key="name")

SELECT = AppTable(
    "select",
    Text("order", required=True, limit=300),
    Text("check", limit=1_000_000, both="join"),
    Integer("limit"),
    Number("double"),
    Flag("primary"),
    Date("date"),
    Time("timestamp"),
    Choice("case", ("when", "then", "else")),
    Json("json", limit=100_000),
    Ref("references", "groups", gone="clear"),
    Ref("contact", "contacts"),
    Map("values", Text("key", required=True), Integer("from"), Text("to", limit=5000)),
    Map(
        "index",
        Flag("unique"),
        Number("float"),
        Json("table"),
        Ref("foreign", "select"),
        Choice("default", ("null", "true")),
        Time("at"),
        Date("on"),
    ),
    order=("primary", "limit", "double", "order"),
    shows=("order", "date"),
)
"""A column of every type; every name is one that SQL keeps for itself, in one database or another."""


def of_app(*tables: Table) -> Schema:
    """The schema of an app with these tables."""
    return app_schema(tables, BUILT_IN)
