"""Hundreds of small worlds, each from its seed; any number with OFFBOOK_WORLDS, and one alone with OFFBOOK_WORLD.

A world that fails prints the command that plays it again, and what happened in it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.storage.books import Library, memory_library, sql_library
from tests.worlds.world import World

WORLDS = int(os.environ.get("OFFBOOK_WORLDS") or 200)
SEEDS = [int(os.environ["OFFBOOK_WORLD"])] if os.environ.get("OFFBOOK_WORLD") else list(range(WORLDS))
STEPS = (10, 20, 40, 80)
SQL_EVERY = 8
"""One world in so many has a server on a real database; the others have one in memory."""

FAST = Path("/dev/shm")
"""Files in memory, where there is such a place: worlds test what is written, not whether a disk keeps it."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    if not FAST.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=FAST, prefix="offbook-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def sql() -> Iterator[Library]:
    with tempfile.TemporaryDirectory(dir=FAST if FAST.is_dir() else None, prefix="offbook-") as name:
        library = sql_library("sqlite", Path(name))
        yield library
        library.close()


def play(seed: int, folder: Path, library: Library) -> World:
    world = World(seed, folder, library)
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
def test_after_quiet_all_are_equal_and_nothing_typed_is_missing(seed: int, folder: Path, sql: Library) -> None:
    play(seed, folder, memory_library() if seed % SQL_EVERY else sql)


def test_the_same_seed_is_the_same_world_step_by_step(folder: Path) -> None:
    logs = []
    for number, seed in enumerate([3, 3, 4]):
        place = folder / str(number)
        place.mkdir()
        logs.append(play(seed, place, memory_library()).log)
    assert logs[0] == logs[1] != logs[2]
