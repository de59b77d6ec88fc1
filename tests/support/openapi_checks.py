"""The API's description, to hold answers against: is this status described for this path, and the body like that?"""

from __future__ import annotations

from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from app import App
from tests.support.browser import app_on


class Undescribed(AssertionError):
    """An answer is not what /openapi.json says."""


@cache
def document() -> dict[str, Any]:
    """The description. It is the same for every app, and a database is not asked."""
    found: dict[str, Any] = app_on("sqlite:///nothing.db").test_client().get("/openapi.json").get_json()
    return found


@cache
def operations() -> dict[str, dict[str, Any]]:
    """Every operation by its endpoint."""
    return {one["operationId"]: one for path in document()["paths"].values() for one in path.values()}


def labels() -> list[str]:
    """Every operation as its method and path, like ``POST /sync``."""
    return [f"{method.upper()} {path}" for path, operations in document()["paths"].items() for method in operations]


@cache
def validator(endpoint: str, status: str, kind: str) -> Draft202012Validator:
    return validator_of(operations()[endpoint]["responses"][status]["content"][kind]["schema"])


def validator_of(schema: dict[str, Any]) -> Draft202012Validator:
    whole = {**schema, "components": document()["components"]}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


def fits(name: str, value: Any) -> bool:
    """Whether a value is what the schema of this name describes."""
    return bool(validator_of({"$ref": f"#/components/schemas/{name}"}).is_valid(value))


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
    hold_body(endpoint, answer, described)


def hold_body(endpoint: str, answer: TestResponse, described: dict[str, Any]) -> None:
    if "content" not in described:
        if answer.data:
            raise Undescribed(f"{endpoint} has a body, and none is described")
        return
    if answer.mimetype not in described["content"]:
        raise Undescribed(f"{endpoint} answered {answer.mimetype}, and {list(described['content'])} is described")
    if "Content-Encoding" not in answer.headers:
        errors = validator(endpoint, str(answer.status_code), answer.mimetype).iter_errors(answer.get_json())
        if (error := best_match(errors)) is not None:
            raise Undescribed(f"{endpoint} {answer.status_code}: {error.message[:500]} at {error.json_path}")


def endpoint_of(app: App, method: str, path: str) -> str:
    """The view that a request leads to; empty where there is none."""
    try:
        endpoint, _ = app.url_map.bind("localhost").match(path.partition("?")[0], method)
    except HTTPException:
        return ""
    return str(endpoint)
