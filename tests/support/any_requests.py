"""Requests of plain REST clients about the records of any tables, drawn: good ones, and such as nobody should make."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from offbook.core.schema import Map, Table
from tests.support.api_client import NOON
from tests.support.odd_values import ESCAPED, TEXTS, UNKNOWN, VALUES
from tests.support.records import KEYS, cell_names, datas, values

RECORD_IDS = [f"5f0c1c9e-7d0a-4a57-9c0e-3b8f6a1d2e0{number}" for number in range(1, 4)]
IDS = st.sampled_from([*RECORD_IDS, *RECORD_IDS, UNKNOWN, *TEXTS.values()])
ODD = st.sampled_from(list(VALUES.values())) | st.sampled_from(
    [[1e308 * 10], {"a": {"b": [0]}}, "2026-02-30", "--12-10"]
)
IN_QUERIES = st.sampled_from([*(quote(text) for text in TEXTS.values()), *ESCAPED.values(), "true", "7", "%5B%5D"])
IN_PATHS = IDS.map(lambda text: quote(text, safe="")) | st.sampled_from(list(ESCAPED.values()))


@dataclass(frozen=True)
class Request:
    """A request of a device."""

    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


def bodies(table: Table, complete: bool = False) -> st.SearchStrategy[Any]:
    """Fields of a record: what may be written, the same with something odd in it, or something else altogether."""
    good = datas(table, complete)
    names = [*table.by_name, *table.maps_by_name, "id", "created_at", "nonsense", ""]
    odd_fields = st.dictionaries(st.sampled_from(names), ODD, min_size=1, max_size=2)
    with_odd = st.builds(lambda data, odd: {**data, **odd}, good, odd_fields)
    with_odd_maps = [
        st.builds(lambda data, odd, of=map_: {**data, of.name: odd}, good, odd_maps(map_)) for map_ in table.maps
    ]
    return st.one_of(good, with_odd, *with_odd_maps, ODD)


def odd_maps(map_: Map) -> st.SearchStrategy[Any]:
    """Entries of a map with odd keys, and odd values."""
    keys = KEYS | st.sampled_from(["", "a/b", "@exists", "k" * 65, "\0"])
    attributes = {attribute.name: values(attribute) | ODD for attribute in map_.attributes}
    return st.dictionaries(keys, st.fixed_dictionaries({}, optional={**attributes, "nonsense": ODD}) | ODD, max_size=2)


@st.composite
def requests(draw: st.DrawFn, table: Table) -> Request:
    """One request about a table."""
    path = f"/tables/{table.name}"
    of_record = f"{path}/{draw(IN_PATHS)}"
    match draw(st.integers(0, 9)):
        case 0 | 1:
            ids = st.fixed_dictionaries({}, optional={"id": IDS})
            body = draw(st.builds(_joined, bodies(table, complete=True), ids))
            return Request("POST", path, _json(body))
        case 2 | 3:
            return Request("PATCH", of_record, _json(draw(bodies(table))), draw(conditions()))
        case 4:
            return Request("DELETE", of_record, None, draw(conditions()))
        case 5:
            return Request("GET", f"{of_record}{draw(st.sampled_from(['', '/history', '/history?limit=5&before=']))}")
        case 6:
            return Request("GET", f"{path}?{draw(queries(table))}")
        case 7:
            record_id = draw(st.sampled_from(RECORD_IDS))
            request = Request("POST", f"/history/{record_id}/version?table={table.name}", _json({"seq": draw(ODD)}))
            restored = Request(
                "POST", f"/history/{UNKNOWN}/restore", _json({"cells": [draw(cell_names(table))], "to": "before"})
            )
            return draw(st.sampled_from([request, restored]))
        case 8:
            ranges = draw(st.sampled_from([[["", None]], [["5", "6"]], [["\0", None]]]))
            without = draw(st.lists(st.sampled_from([*table.by_name, *table.maps_by_name, "nonsense"]), max_size=2))
            question = {
                "table": table.name,
                "digest": 2,
                "ranges": ranges,
                "without": sorted(set(without)),
                "records": True,
            }
            return Request("POST", "/verify", _json(question))
        case _:
            return Request("POST", "/sync", _json({"changes": [draw(odd_changes(table)) for _ in range(2)]}))


def _joined(data: Any, more: dict[str, Any]) -> Any:
    return {**data, **more} if isinstance(data, dict) else data


@st.composite
def odd_changes(draw: st.DrawFn, table: Table) -> dict[str, Any]:
    """A change whose data, and what its writer had seen, may be anything."""
    operation = draw(st.sampled_from(["INSERT", "UPDATE", "DELETE"]))
    bases = st.dictionaries(cell_names(table), st.integers(0, 5) | ODD, max_size=2)
    item: dict[str, Any] = {
        "id": draw(st.uuids().map(str)),
        "table": table.name,
        "record_id": draw(IDS),
        "operation": operation,
    }
    item |= {"timestamp": NOON, "base": draw(st.sampled_from([0, 0, 5, 2**63])), "bases": draw(bases)}
    return item | ({} if operation == "DELETE" else {"data": draw(bodies(table, operation == "INSERT"))})


@st.composite
def queries(draw: st.DrawFn, table: Table) -> str:
    """The query of a list: filters, words, places."""
    names = st.sampled_from([*table.by_name, *table.maps_by_name, "search", "after", "limit", "nonsense"])
    return "&".join(f"{name}={value}" for name, value in draw(st.dictionaries(names, IN_QUERIES, max_size=2)).items())


def conditions() -> st.SearchStrategy[dict[str, str]]:
    return st.sampled_from([{}, {}, {"If-Match": '"1"'}, {"If-Match": "*"}, {"If-Match": "W/nonsense"}])


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()
