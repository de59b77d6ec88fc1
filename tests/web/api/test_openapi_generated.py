"""Requests made from the API's own description, good ones and bad ones: each is answered as the description says.

tests.support.generated_requests makes and checks them, always the same ones.
"""

from __future__ import annotations

import pytest

from app import App
from tests.support.api_client import Caller, caller
from tests.support.openapi_checks import labels

pytestmark = [pytest.mark.generated, pytest.mark.engines("sqlite")]
"""On SQLite alone: tests.web.test_odd_values holds that the engines answer alike."""


@pytest.fixture
def admin(app: App) -> Caller:
    made = caller(app, "ada", admin=True)
    made.add(name="Ada")
    return made


@pytest.mark.proof
@pytest.mark.parametrize("label", labels())
def test_a_generated_request_is_answered_as_described(label: str, app: App, admin: Caller) -> None:
    from tests.support.generated_requests import play  # a second of imports, which each process that collects would pay

    play(label, app, admin.token)
