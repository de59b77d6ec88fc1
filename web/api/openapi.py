"""GET /openapi.json: the API as programs read it, made from the code at hand.

Paths come from the URL map, summaries from the views' docstrings, the rest from what views say about themselves
(web/api/describe.py) and from TABLES (web/api/schemas.py). Nothing is described here that is not served.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request
from werkzeug.routing import Rule

from offbook.core.protocol.requests import PROTOCOL
from web.api.describe import AuthKind, Codes, EndpointDoc, described, documented
from web.api.schemas import SEQ, TEXT, UUID, Schema, ref, schemas
from web.errors import CODES, PROBLEM, title_of

openapi = Blueprint("openapi", __name__)

JSON = "application/json"
VARIABLE = re.compile(r"<(?:([a-z]+)[^:>]*:)?([^>]+)>")
KINDS: Mapping[str, Schema] = {"uuid": UUID, "number": SEQ}
"""What a variable of a path is, by its converter."""

SECURITY: Mapping[str, Schema] = {
    "token": {"type": "http", "scheme": "bearer", "description": "A device's token."},
    "password": {"type": "http", "scheme": "basic", "description": "Any user name, the device's token as password."},
    "session": {"type": "apiKey", "in": "cookie", "name": "offbook", "description": "Someone signed in to the pages."},
}

HEADERS: Mapping[str, str] = {
    "ETag": "The record's seq.",
    "If-Match": "Do it only if the record still has this ETag.",
    "If-None-Match": "Answer 304 if the record still has this ETag.",
    "Location": "Where the record is.",
    "X-CSRFToken": "Needed with a session: the csrf_token of one of its pages.",
    "Offbook-Protocol": f"The protocol that is spoken: {PROTOCOL}. Left out, it is taken for granted.",
}


@openapi.get("/openapi.json")
@documented(AuthKind.ANYONE, answers={200: "OpenAPI"})
def show() -> Response:
    """Get this description."""
    return jsonify(document())


def document() -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for rule, method, noted in operations():
        paths.setdefault(path_of(rule), {})[method] = operation(rule, noted)
    return {
        "openapi": "3.1.0",
        "info": {"title": "offbook", "version": PROTOCOL, "description": "Contacts that agree again: sync, and REST."},
        "servers": [{"url": request.script_root or "/"}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": schemas(), "securitySchemes": dict(SECURITY)},
    }


def operations() -> Iterator[tuple[Rule, str, EndpointDoc]]:
    """Every view that says something about itself, by its rule and method."""
    for rule in current_app.url_map.iter_rules():
        noted = described(current_app.view_functions[rule.endpoint])
        if noted is not None:
            yield from ((rule, method.lower(), noted) for method in sorted(rule.methods or ()) if is_own(method))


def is_own(method: str) -> bool:
    """HEAD and OPTIONS are Flask's, and the same everywhere."""
    return method not in ("HEAD", "OPTIONS")


def path_of(rule: Rule) -> str:
    return VARIABLE.sub(r"{\2}", rule.rule)


def operation(rule: Rule, noted: EndpointDoc) -> dict[str, Any]:
    told = (current_app.view_functions[rule.endpoint].__doc__ or "").strip().split("\n\n")
    made: dict[str, Any] = {
        "operationId": rule.endpoint,
        "tags": [rule.endpoint.partition(".")[0]],
        "summary": told[0],
        "parameters": list(parameters(rule, noted)),
        "responses": {**good(noted), **bad(noted)},
        "security": [{name: []} for name in noted.asks.value],
    }
    if noted.body:
        made["requestBody"] = {"required": True, "content": {JSON: {"schema": ref(noted.body)}}}
    return made


def parameters(rule: Rule, noted: EndpointDoc) -> Iterator[dict[str, Any]]:
    for kind, name in VARIABLE.findall(rule.rule):
        yield {"name": name, "in": "path", "required": True, "schema": KINDS[kind]}
    for name, (schema, told) in noted.query.items():
        yield {"name": name, "in": "query", "schema": schema, "description": told}
    for name in noted.takes:
        schema = {"const": PROTOCOL} if name == "Offbook-Protocol" else TEXT
        yield {"name": name, "in": "header", "schema": schema, "description": HEADERS[name]}


def good(noted: EndpointDoc) -> dict[str, Any]:
    """The answers that are no problem."""
    headers = {name: {"schema": TEXT, "description": HEADERS[name]} for name in noted.gives}
    made: dict[str, Any] = {}
    for status, name in noted.answers.items():
        made[str(status)] = {"description": title_of(status)} | ({"headers": headers} if headers else {})
        if name:
            made[str(status)]["content"] = {JSON: {"schema": ref(name)}}
    return made


def bad(noted: EndpointDoc) -> dict[str, Any]:
    return {str(status): problem(status, codes) for status, codes in noted.problems.items()}


def problem(status: int, codes: Codes) -> dict[str, Any]:
    base = ref("CursorGone" if status == 410 else "Problem")
    schema = {"allOf": [base, {"properties": {"status": {"const": status}, "code": {"enum": list(codes)}}}]}
    detail = CODES.get(status, ("", title_of(status)))[1]
    return {"description": detail, "content": {PROBLEM: {"schema": schema}}}
