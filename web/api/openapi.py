"""GET /openapi.json: the API as programs read it, made from the code at hand.

Paths come from the URL map, summaries from the views' docstrings, the rest from what views say about themselves
(web/api/describe.py) and from the declarations (web/api/schemas). Nothing is described here that is not served.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.routing import Rule

from offbook.core.pictures import SHA256_TEXT
from offbook.core.protocol.requests import PROTOCOL, SCHEMA_HEADER
from offbook.core.schema import SHAPE, Schema
from web.api.describe import AuthKind, Codes, EndpointDoc, doc_of, documented
from web.api.schemas.basics import SEQ, TEXT, UUID, JsonSchema, ref
from web.api.schemas.history import HISTORY_SCHEMAS
from web.api.schemas.records import schemas_of_tables
from web.api.schemas.rest import REST_SCHEMAS, TUTORIAL_SCHEMAS
from web.api.schemas.sync import COMPARISON_SCHEMAS, SYNC_SCHEMAS
from web.current import services
from web.errors import PROBLEM, title_of
from web.messages.api import OF_STATUS

openapi = Blueprint("openapi", __name__)

JSON = "application/json"
ANY_BYTES: JsonSchema = {}
"""What a body has that is no JSON (OpenAPI 3.1)."""

VARIABLE = re.compile(r"<(?:([a-z]+)[^:>]*:)?([^>]+)>")
CONVERTERS: Mapping[str, JsonSchema] = {
    "": TEXT,
    "uuid": UUID,
    "number": SEQ,
    "hash": {"type": "string", "pattern": f"^{SHA256_TEXT.pattern}$"},
}
"""What a variable of a path is, by its converter."""

SECURITY: Mapping[str, JsonSchema] = {
    "token": {"type": "http", "scheme": "bearer", "description": "A device's token."},
    "password": {"type": "http", "scheme": "basic", "description": "Any user name, the device's token as password."},
    "session": {"type": "apiKey", "in": "cookie", "name": "offbook", "description": "Someone signed in to the pages."},
}

HEADERS: Mapping[str, str] = {
    "ETag": "The record's seq, the shape of the schema, or the name of a photo.",
    "If-Match": "Do it only if the record still has this ETag.",
    "If-None-Match": "Answer 304 if the record still has this ETag, or the schema this shape; and for a photo that is "
    "there.",
    "Location": "Where the record is.",
    "X-CSRFToken": "Needed with a session: the csrf_token of one of its pages.",
    "Offbook-Schema": "The shape of the sender's schema. Who names one is told that of the server (GET /tables), and "
    "is shown every table, in rows without what is empty in them; others are shown contacts.",
    "Offbook-Protocol": f"The protocol that is spoken: {PROTOCOL}. Left out, it is taken for granted.",
}


HEADER_SCHEMAS: Mapping[str, JsonSchema] = {
    "Offbook-Protocol": {"const": PROTOCOL},
    SCHEMA_HEADER: {"type": "string", "pattern": f"^{SHAPE.pattern}$"},
}


@openapi.get("/openapi.json")
@documented(AuthKind.ANYONE, answers={200: "OpenAPI"})
def show() -> Response:
    """Get this description."""
    return jsonify(document(services().store.schema))


def document(tables: Schema) -> dict[str, Any]:
    """The whole description of a server with these tables, as JSON has it."""
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, doc in documented_operations():
        paths.setdefault(VARIABLE.sub(r"{\2}", rule.rule), {})[method] = describe_operation(rule, doc)
    return {
        "openapi": "3.1.0",
        "info": {"title": "offbook", "version": PROTOCOL, "description": "Contacts that agree again: sync, and REST."},
        "servers": [{"url": request.script_root or "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": all_schemas(tables), "securitySchemes": dict(SECURITY)},
    }


def all_schemas(tables: Schema) -> dict[str, JsonSchema]:
    """Every schema by its name."""
    of_tables = schemas_of_tables(tables)
    return of_tables | SYNC_SCHEMAS | HISTORY_SCHEMAS | COMPARISON_SCHEMAS | REST_SCHEMAS | TUTORIAL_SCHEMAS


def documented_operations() -> Iterator[tuple[Rule, str, EndpointDoc]]:
    """Every view that says something about itself, by its rule and method. HEAD and OPTIONS are Flask's."""
    for rule in current_app.url_map.iter_rules():
        doc = doc_of(current_app.view_functions[rule.endpoint])
        if doc is not None:
            yield from ((rule, method.lower(), doc) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))


def describe_operation(rule: Rule, doc: EndpointDoc) -> dict[str, Any]:
    """One method of one path. Its summary is the first paragraph of the view's docstring."""
    operation: dict[str, Any] = {
        "operationId": rule.endpoint,
        "tags": [rule.endpoint.partition(".")[0]],
        "summary": (current_app.view_functions[rule.endpoint].__doc__ or "").strip().split("\n\n")[0],
        "parameters": list(describe_parameters(rule, doc)),
        "responses": {
            **describe_answers(doc),
            **{str(status): describe_problem(status, codes) for status, codes in doc.problems.items()},
        },
        "security": [{name: []} for name in doc.auth.value],
    }
    if doc.body:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": ref(doc.body)}}}
    if doc.body_types:
        content = {type_: {"schema": ANY_BYTES} for type_ in doc.body_types}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def describe_parameters(rule: Rule, doc: EndpointDoc) -> Iterator[dict[str, Any]]:
    """The parameters of the path, the query and the headers, in this order."""
    for converter, name in VARIABLE.findall(rule.rule):
        yield {"name": name, "in": "path", "required": True, "schema": CONVERTERS[converter]}
    for name, (schema, description) in doc.query.items():
        yield {"name": name, "in": "query", "schema": schema, "description": description}
    for name in doc.request_headers:
        yield {"name": name, "in": "header", "schema": HEADER_SCHEMAS.get(name, TEXT), "description": HEADERS[name]}


def describe_answers(doc: EndpointDoc) -> dict[str, Any]:
    """The answers that are no problem, by status."""
    headers = {name: {"schema": TEXT, "description": HEADERS[name]} for name in doc.response_headers}
    answers: dict[str, Any] = {}
    for status, name in doc.answers.items():
        answers[str(status)] = {"description": title_of(status)} | ({"headers": headers} if headers else {})
        if name:
            answers[str(status)]["content"] = {JSON: {"schema": ref(name)}}
    if doc.answer_types:
        answers["200"]["content"] = {type_: {"schema": ANY_BYTES} for type_ in doc.answer_types}
    return answers


def describe_problem(status: int, codes: Codes) -> dict[str, Any]:
    """An answer that is a problem with one of these codes."""
    base = ref("CursorGone" if status == 410 else "Problem")
    schema = {"allOf": [base, {"properties": {"status": {"const": status}, "code": {"enum": list(codes)}}}]}
    detail = OF_STATUS[status].template if status in OF_STATUS else title_of(status)
    return {"description": detail, "content": {PROBLEM: {"schema": schema}}}
