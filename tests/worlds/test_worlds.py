"""Small worlds, each from its seed; any number with OFFBOOK_WORLDS, and one alone with OFFBOOK_WORLD.

A world that fails prints the command that plays it again, and what happened in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from storage.engines.adapter import ENGINES
from tests.conftest import available
from tests.device.instant_turns import hasty
from tests.storage.library import Library, memory_library, sql_library
from tests.support import other_versions
from tests.worlds.devices import Version
from tests.worlds.world import World

WORLDS = int(os.environ.get("OFFBOOK_WORLDS") or 40)
SEEDS = [int(os.environ["OFFBOOK_WORLD"])] if os.environ.get("OFFBOOK_WORLD") else list(range(WORLDS))
STEPS = (10, 20, 40, 80)
HASTY_EVERY = 12
SQL_EVERY = 25
"""One world in so many is played once more on each database; the others have a server in memory alone."""


@pytest.fixture(scope="module", params=list(ENGINES))
def sql(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    library = sql_library(available(request.param), tmp_path_factory.mktemp("worlds"))
    yield library
    library.close()


@pytest.fixture(scope="session")
def lesser(tmp_path_factory: pytest.TempPathFactory) -> Version:
    """A version that knows less than the server."""
    return Version(other_versions.changed(tmp_path_factory.mktemp("lesser"), other_versions.LESS))


def play(seed: int, folder: Path, library: Library, lesser: Version) -> World:
    world = World(seed, folder, library, lesser)
    try:
        world.live(Random(f"steps {seed}").choice(STEPS))
        world.come_to_rest()
        world.check()
    except Exception as fault:
        command = f"OFFBOOK_WORLD={seed} .venv/bin/pytest tests/worlds"
        raise AssertionError("\n".join([f"{fault}", *world.log, f"To play this world again: {command}"])) from fault
    finally:
        world.close()
    return world


@pytest.mark.proof
@pytest.mark.parametrize("seed", SEEDS)
def test_after_quiet_all_are_equal_and_nothing_typed_is_missing(seed: int, tmp_path: Path, lesser: Version) -> None:
    play(seed, tmp_path, memory_library(), lesser)


@pytest.mark.proof
@pytest.mark.parametrize("seed", SEEDS[::SQL_EVERY])
def test_the_same_holds_on_every_database(seed: int, tmp_path: Path, sql: Library, lesser: Version) -> None:
    play(seed, tmp_path, sql, lesser)


@pytest.mark.proof
@pytest.mark.parametrize("seed", SEEDS[::HASTY_EVERY])
def test_the_same_holds_where_each_answer_is_applied_in_as_many_parts_as_may_be(
    seed: int, tmp_path: Path, lesser: Version
) -> None:
    with hasty():
        play(seed, tmp_path, memory_library(), lesser)


def test_the_same_seed_is_the_same_world_step_by_step(tmp_path: Path, lesser: Version) -> None:
    logs = []
    for number, seed in enumerate([3, 3, 4]):
        place = tmp_path / str(number)
        place.mkdir()
        logs.append(play(seed, place, memory_library(), lesser).log)
    assert logs[0] == logs[1] != logs[2]
