"""Requests made from the API's own description, good ones and bad ones: each is answered as the description says.

Schemathesis makes them, always the same ones, and asks the app in this process. What a schema can't say, and what a
check can't know, is named below with the reason; all else is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.pytest.lazy import get_all_tests

from app import App
from tests.support.openapi_checks import document
from tests.support.samples import IS_PROOF

EXAMPLES = 300 if IS_PROOF else 10

load_all_checks()
CONFIG = SchemathesisConfig(seed=1)
CONFIG.projects.default.phases.coverage.enabled = IS_PROOF
"""Hundreds of requests, for each bound of each part of a body: tests.web.api.test_bad_input asks most of them."""

API = schemathesis.openapi.from_dict(document(), config=CONFIG)

NOT_CHECKED = {
    "ignored_auth": (
        "it takes the tests' own token for one that it made up; tests.web.test_authorization asks with none"
    ),
}

BEYOND_SCHEMAS: Mapping[str, str] = {
    "bad_ids": "an id is in one of two lists, which have one limit together",
    "bad_mapping": "which columns a file has, is not for a schema to say",
    "bad_cursor": "opaque: only a text that the server gave",
    "bad_picture": "what is a picture is not for a schema to say",
    "bad_place": "opaque: only a text that the server gave",
    "bad_ranges": "ranges come in order, none over another",
    "bad_without": "only with digest 2",
    "bad_name": "what is visible of Unicode",
    "cursor_gone": "a cursor of another server has the same form",
    "missing": "an entry that is new needs its kind, one that is there does not",
    "not_google_csv": "what is a file of contacts is not for a schema to say",
    "not_importable": "the same",
    "not_text": "the same",
    "cut_off": "the same",
    "broken_csv": "the same",
    "password_common": "what many people use",
    "password_guessable": "what is soon guessed",
    "password_length": "counted as Unicode composes it",
    "wrong_hash": "no schema can say which bytes have a hash",
    "unknown_table": "which tables a server has, is not for its description to say",
    "upgrade_required": "no test of requests opens a WebSocket",
}
"""Why a request that fits its schema may be refused with this code."""

PAIRS = {("/contacts/export", "bad_choice")}
"""Addresses with parameters that do not go together, and the code that says so: a schema is of each by itself."""

FLOATS = {"wrong_type", "bad_base", "bad_seen", "bad_kept", "bad_parked", "bad_id", "bad_digest"}
"""The same, where a whole number is written with a fraction: to a schema 1.0 is an integer, to the wire it is not."""


EACH = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def play(label: str, app: App, token: str) -> None:
    """Ask for one operation, like ``POST /sync``, with all the requests that are made for it.

    They are made here: API.parametrize() makes those of all operations.
    """
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}

    def hold(case: Case[Any]) -> None:
        answer = case.call(headers=headers, app=app)
        excluded: list[Any] = [CHECKS.get_one(name) for name in excused(case, answer)]
        case.validate_response(answer, excluded_checks=excluded)

    (made,) = get_all_tests(schema=API.include(name=label), test_func=hold, settings=EACH, given_kwargs=None)
    assert isinstance(made, Ok)
    _, test = made.ok()
    test()


def excused(case: Case[Any], answer: Any) -> list[str]:
    """The checks that say nothing about this answer."""
    names = list(NOT_CHECKED)
    code = code_of(answer)
    is_beyond = code in BEYOND_SCHEMAS or (case.path, code) in PAIRS
    if is_beyond or (code in FLOATS and has_float(case.body)):
        names.append("positive_data_acceptance")
    if code == "too_many_changes" or is_told_by_verdict(answer):
        names.append("negative_data_rejection")
    return names


def code_of(answer: Any) -> str:
    """The code of a problem; empty where the answer is none."""
    is_problem = answer.headers.get("content-type", [""])[0] == "application/problem+json" and answer.content
    return str(answer.json()["code"]) if is_problem else ""


def is_told_by_verdict(answer: Any) -> bool:
    """Whether a push was taken and a change in it was not: a fault of one change is no fault of the request."""
    is_json = answer.headers.get("content-type", [""])[0] == "application/json"
    found = answer.json() if answer.status_code == 200 and answer.content and is_json else None
    results = found.get("results", [found]) if isinstance(found, dict) else []
    return any(result.get("verdict") == "rejected" for result in results)


def has_float(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(has_float, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)
