"""The law of growth: whatever version typed it, and whatever versions it met on its way, nothing typed is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app import App
from tests.worlds.growth import play
from tests.worlds.naive_growth import NAIVE_FORMS

WORLDS = int(os.environ.get("OFFBOOK_GROWTH_WORLDS") or 8)
FOUND_IN = {
    "the cursor is kept": 11,
    "the unknown is parked": 4,
    "a record is left out": 11,
    "a digest goes by position": 0,
}
"""A world in which each naive form loses something; it is right without that."""

DIFFERENT = "ServerFault: The server's digest of a record is not that of its row"
FINDINGS = rf"^(AssertionError: (. is not as .: |typed and lost: |.: Status\()|{DIFFERENT})"
"""How the law says that something is wrong."""

SEEDS = [int(os.environ["OFFBOOK_GROWTH"])] if os.environ.get("OFFBOOK_GROWTH") else list(range(WORLDS))


def database_path(app: App) -> Path:
    return Path(str(app.extensions["database"].engine.url.database))


@pytest.mark.proof
@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("seed", SEEDS)
def test_apps_and_servers_of_any_versions_agree_in_the_end(seed: int, app: App, tmp_path: Path) -> None:
    play(seed, app, database_path(app), tmp_path)


@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("form", NAIVE_FORMS)
def test_a_naive_form_of_growth_is_found(form: str, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    NAIVE_FORMS[form](monkeypatch)
    with pytest.raises(AssertionError, match=FINDINGS):
        play(FOUND_IN[form], app, database_path(app), tmp_path)
