"""The law of growth: whatever version typed it, and whatever versions it met on its way, nothing typed is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app import App
from tests.worlds.growth import play

WORLDS = int(os.environ.get("OFFBOOK_GROWTH_WORLDS") or 16)
SEEDS = [int(os.environ["OFFBOOK_GROWTH"])] if os.environ.get("OFFBOOK_GROWTH") else list(range(WORLDS))


@pytest.mark.proof
@pytest.mark.engines("sqlite")
@pytest.mark.parametrize("seed", SEEDS)
def test_apps_and_servers_of_any_versions_agree_in_the_end(seed: int, app: App, tmp_path: Path) -> None:
    play(seed, app, Path(str(app.extensions["database"].engine.url.database)), tmp_path)
