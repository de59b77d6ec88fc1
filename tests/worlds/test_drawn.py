"""Whatever an app declares, and whatever goes wrong: in the end all are equal, and nothing typed is missing.

Any number of worlds with OFFBOOK_WORLDS, and one alone with OFFBOOK_WORLD.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from offbook.core.schema import Schema
from offbook.sync import response
from services.sync import responses
from tests.worlds import server
from tests.worlds.drawn import play

WORLDS = int(os.environ.get("OFFBOOK_WORLDS") or 8)
FOUND_IN = 7
"""A world that is right, and is not with a fault."""

SEEDS = [int(os.environ["OFFBOOK_WORLD"])] if os.environ.get("OFFBOOK_WORLD") else list(range(WORLDS))


@pytest.mark.proof
@pytest.mark.parametrize("seed", SEEDS)
def test_apps_of_any_tables_agree_in_the_end_whatever_goes_wrong(seed: int, tmp_path: Path) -> None:
    play(seed, tmp_path)


def test_a_device_that_takes_no_deletions_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole_row = response.page_row

    def living_row(schema: Schema, item: Any) -> response.PageRow | None:
        return whole_row(schema, item) if item.get("data") else None

    monkeypatch.setattr(response, "page_row", living_row)
    with pytest.raises(AssertionError, match="is not as the server"):
        play(FOUND_IN, tmp_path)


def test_an_answer_that_is_applied_in_halves_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor is that of the whole page, and its last row is left out."""
    whole = responses.sync

    def half(*arguments: Any) -> Any:
        answer = whole(*arguments)
        return {**answer, "changes": answer["changes"][:-1]} if len(answer["changes"]) > 1 else answer

    monkeypatch.setattr(server, "sync", half)
    with pytest.raises(AssertionError, match="is not as the server"):
        play(FOUND_IN, tmp_path)
