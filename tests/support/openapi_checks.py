"""The API's description, to hold answers against: is this status described for this path, and the body like that?"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from app import App
from offbook.contacts.table import BUILT_IN
from offbook.core.schema import Schema
from tests.support.browser import app_on, parts_of
from web.api import openapi


class Undescribed(AssertionError):
    """An answer is not what /openapi.json says."""


@cache
def document(tables: Schema = BUILT_IN) -> dict[str, Any]:
    """The description of a server with these tables. A database is not asked."""
    with app_on("sqlite:///nothing.db").test_request_context():
        found: dict[str, Any] = json.loads(json.dumps(openapi.document(tables)))
    return found


@cache
def operations() -> dict[str, dict[str, Any]]:
    """Every operation by its endpoint."""
    return {one["operationId"]: one for path in document()["paths"].values() for one in path.values()}


def labels() -> list[str]:
    """Every operation as its method and path, like ``POST /sync``."""
    return [f"{method.upper()} {path}" for path, operations in document()["paths"].items() for method in operations]


@cache
def validator(endpoint: str, status: str, kind: str, tables: Schema) -> Draft202012Validator:
    return validator_of(operations()[endpoint]["responses"][status]["content"][kind]["schema"], tables)


def validator_of(schema: dict[str, Any], tables: Schema = BUILT_IN) -> Draft202012Validator:
    whole = {**schema, "components": document(tables)["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


def fits(name: str, value: Any, tables: Schema = BUILT_IN) -> bool:
    """Whether a value is what the schema of this name describes, on a server with these tables."""
    return bool(validator_of({"$ref": f"#/components/schemas/{name}"}, tables).is_valid(value))


def hold(app: App, method: str, path: str, answer: TestResponse) -> None:
    """Raise Undescribed where a view of the API answers otherwise than described; what others say does not matter."""
    endpoint = endpoint_of(app, method, path)
    if endpoint not in operations():
        return
    described = operations()[endpoint]["responses"].get(str(answer.status_code))
    if described is None:
        raise Undescribed(f"{method} {path} answered {answer.status_code}, which is not described: {answer.text[:500]}")
    if missing := [name for name in described.get("headers", ()) if name not in answer.headers]:
        raise Undescribed(f"{method} {path} answered without {missing}")
    hold_body(endpoint, answer, described, parts_of(app).store.schema)


def hold_body(endpoint: str, answer: TestResponse, described: dict[str, Any], tables: Schema) -> None:
    if "content" not in described:
        if answer.data:
            raise Undescribed(f"{endpoint} has a body, and none is described")
        return
    if answer.mimetype not in described["content"]:
        raise Undescribed(f"{endpoint} answered {answer.mimetype}, and {list(described['content'])} is described")
    if "Content-Encoding" not in answer.headers and answer.is_json:
        errors = validator(endpoint, str(answer.status_code), answer.mimetype, tables).iter_errors(answer.get_json())
        if (error := best_match(errors)) is not None:
            raise Undescribed(f"{endpoint} {answer.status_code}: {error.message[:500]} at {error.json_path}")


def endpoint_of(app: App, method: str, path: str) -> str:
    """The view that a request leads to; empty where there is none."""
    try:
        endpoint, _ = app.url_map.bind("localhost").match(path.partition("?")[0], method)
    except HTTPException:
        return ""
    return str(endpoint)
