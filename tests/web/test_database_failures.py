"""A database that can't be reached: whoever asks is told so, and when to ask again."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.support.browser import app_on

AWAY = {
    "sqlite": "sqlite:///{folder}/nowhere/offbook.db",
    "postgresql": "postgresql://offbook:secret@127.0.0.1:1/offbook",
    "mysql": "mysql://offbook:secret@127.0.0.1:1/offbook",
}
"""URLs at which there is no database, by engine."""


@pytest.mark.parametrize("engine", AWAY)
def test_a_database_that_can_not_be_reached_is_told_and_when_to_ask_again(
    engine: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = app_on(AWAY[engine].format(folder=tmp_path))
    token = f"ob_{'0' * 32}_{'a' * 43}"
    answer = app.test_client().get("/changes", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.get_json()["code"]) == (503, "database_busy")
    assert answer.headers["Retry-After"] == "5"
    page = app.test_client().get("/login")
    assert page.status_code == 503
    assert "Try again in a few seconds" in page.text
    assert "secret" not in answer.text + page.text
    assert [record.levelno for record in caplog.records if record.name == app.logger.name] == [logging.ERROR] * 2
