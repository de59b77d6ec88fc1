"""How much of what is drawn, or played at every step, a test does where that takes long: on a database server.

A fault of a rule shows on SQLite, where all of it is done; a fault of an engine's SQL shows in a few examples. `make
proof` does all of it everywhere.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis.strategies import SearchStrategy

IS_PROOF = bool(os.environ.get("OFFBOOK_WORLDS"))
FEWER = 8
"""One example in so many is drawn on a database server."""
EVERY, EVERY_ON_SERVERS = 7, 11
"""A process is killed before one statement in so many: no period that statements come in."""


def drawn(**strategies: SearchStrategy[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """As Hypothesis's ``given``, but with fewer examples on a database server. A fixture serves all examples."""

    def with_examples(test: Callable[..., None]) -> Callable[..., None]:
        def run(request: pytest.FixtureRequest, **fixtures: Any) -> None:
            with fewer_examples() if is_on_server(request) else nullcontext():
                given(**strategies)(test)(**fixtures)

        wanted = inspect.signature(test).parameters
        names = ["request", *(name for name in wanted if name not in strategies)]
        parameters = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in names]
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__doc__, run.__module__, run.__name__ = test.__doc__, test.__module__, test.__name__
        return run

    return with_examples


@contextmanager
def fewer_examples() -> Iterator[None]:
    """What runs meanwhile draws fewer than its profile says."""
    name = settings.get_current_profile_name()
    most = settings().max_examples
    settings.register_profile("fewer", settings(), max_examples=most if IS_PROOF else max(1, most // FEWER))
    settings.load_profile("fewer")
    try:
        yield
    finally:
        settings.load_profile(name)


def each_kind(kinds: Mapping[str, str]) -> list[Any]:
    """Cases by their kind, as parameters: the first of each kind for every engine, the others for SQLite alone."""
    first: dict[str, str] = {}
    for name, kind in kinds.items():
        first.setdefault(kind, name)
    return [
        pytest.param(name, marks=() if IS_PROOF or first[kind] == name else pytest.mark.engines("sqlite"))
        for name, kind in kinds.items()
    ]


def is_on_server(request: pytest.FixtureRequest) -> bool:
    """Whether this test runs on PostgreSQL or MariaDB."""
    return request.node.get_closest_marker("servers") is not None


def steps_to_stop_at(request: pytest.FixtureRequest) -> count[int]:
    """The numbers of the statements before which a process is killed, until it comes to its end."""
    return count(1, 1 if IS_PROOF else EVERY_ON_SERVERS if is_on_server(request) else EVERY)
