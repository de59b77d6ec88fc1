"""REST over the tables of any schema: good requests are answered as described, and all others in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from offbook.core.cells.json_data import with_all_fields
from offbook.core.cells.validation import parse_cells
from offbook.core.model import Operation
from offbook.core.schema import Schema
from tests.support.any_requests import Request, requests
from tests.support.api_client import Caller
from tests.support.browser import Stage
from tests.support.records import datas
from tests.support.schemas import full_schema, full_schemas, schemas
from tests.support.served_schemas import own_tables, served

EXAMPLES = settings().max_examples
EACH: dict[str, Any] = {
    "phases": [Phase.explicit, Phase.generate],
    "suppress_health_check": list(HealthCheck),
    "deadline": None,
}
Case = tuple[Schema, dict[str, Any], list[Request]]


@st.composite
def cases(draw: st.DrawFn, some: st.SearchStrategy[Schema]) -> Case:
    """A schema, a record of its first table, and requests about all tables of the app."""
    schema = draw(some)
    tables = own_tables(schema)
    of_any = st.one_of([requests(table) for table in tables])
    return schema, draw(datas(tables[0], complete=True)), draw(st.lists(of_any, min_size=6, max_size=12))


def hold(stage: Stage, case: Case, folder: Any) -> None:
    schema, data, asked = case
    with served(stage, schema, folder) as server:
        laptop = Caller(server.app, server.token())
        write_and_read(laptop, schema, data)
        for request in asked:
            note(f"{request.method} {request.path} {request.headers} {request.body!r}")
            answer = laptop.ask(request.method, request.path, request.headers, data=request.body)
            if answer.status_code >= 400:
                assert answer.status_code < 500
                assert answer.get_json()["code"]
                assert answer.get_json()["detail"]
        for table in own_tables(schema):
            assert laptop.get(f"/tables/{table.name}").status_code == 200


def write_and_read(laptop: Caller, schema: Schema, data: dict[str, Any]) -> None:
    """What is written of a record is what is read of it."""
    table = own_tables(schema)[0]
    made = laptop.ask("POST", f"/tables/{table.name}", json=data)
    assert made.status_code == 201, made.text
    record = laptop.get(made.headers["Location"]).get_json()
    shown = with_all_fields(table, parse_cells(table, data, Operation.INSERT))
    assert {name: record[name] for name in shown} == shown


@settings(max_examples=EXAMPLES // 10, **EACH)
@given(case=cases(schemas(1, 2, st.sampled_from([1, 2, 3, 5])) | full_schemas()))
@pytest.mark.engines("sqlite")
@pytest.mark.proof
def test_no_request_about_any_table_brings_the_server_down(
    stage: Stage, case: Case, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hold(stage, case, tmp_path_factory.mktemp("rest"))


@settings(max_examples=3, **EACH)
@given(case=st.deferred(lambda: cases(st.just(full_schema()))))
def test_no_request_about_all_that_can_be_declared_brings_the_server_down(
    stage: Stage, case: Case, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hold(stage, case, tmp_path_factory.mktemp("rest"))
