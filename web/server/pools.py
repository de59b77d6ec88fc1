"""Requests that are worked on apart from all others: by threads of their own, behind a queue of their own that ends.

A view says by its mark that it belongs to a pool. What takes long there, be it a password's hash, then keeps waiting
only those who want the same. The bridge looks up here, on the event loop, where a request belongs; nearly all of them
are told apart by the first segment of their path.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, ParamSpec, TypeVar

from flask import Flask
from werkzeug.exceptions import HTTPException

from offbook.core.messages import Message
from services.accounts.passwords import HASHES_AT_ONCE
from web.errors import ApiProblem
from web.messages import api as messages
from web.server.clients import Scope
from web.server.quotas import Quota
from web.server.thread_pool import ThreadPool

P = ParamSpec("P")
R = TypeVar("R")

MARK = "pool"


class Pool(Enum):
    """What a pool is for: its threads, how many requests may wait for one, and what is said when more come."""

    PASSWORDS = (
        HASHES_AT_ONCE,
        64,
        messages.SIGN_INS_BUSY,
    )
    WHOLE_BOOKS = (
        2,
        32,
        messages.BOOKS_BUSY,
    )

    def __init__(self, threads: int, waiting_max: int, full: Message) -> None:
        self.threads = threads
        self.waiting_max = waiting_max
        self.full = full


RETRY_SECONDS = 5
"""About as long as a full queue takes."""


def runs_in(pool: Pool) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a view as one that runs in this pool."""

    def mark(view: Callable[P, R]) -> Callable[P, R]:
        setattr(view, MARK, pool)
        return view

    return mark


class MarkedViews:
    """The views of an app that have a mark, found by a request's head. Used from one event loop."""

    def __init__(self, app: Flask, mark: str) -> None:
        marks = {endpoint: getattr(view, mark, None) for endpoint, view in app.view_functions.items()}
        self.by_endpoint = {endpoint: value for endpoint, value in marks.items() if value is not None}
        rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint in self.by_endpoint]
        self._begins = {
            (method, rule.rule.split("/")[1]) for rule in rules for method in (rule.methods or set()) - {"OPTIONS"}
        }
        self._map = app.url_map.bind("localhost")

    def mark_of(self, scope: Scope) -> Any:
        """The mark of the view that a request is for; None for nearly all."""
        method, path = scope["method"], scope["path"]
        if (method, path.lstrip("/").partition("/")[0]) not in self._begins:  # as werkzeug strips it
            return None
        try:
            endpoint, _ = self._map.match(path, method)
        except HTTPException:
            return None
        return self.by_endpoint.get(endpoint)


class Workers:
    """Threads, and the places before them. An address has no more places than are free for others."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.threads: ThreadPool[Any] = ThreadPool(pool.threads, f"offbook-{pool.name.lower()}")
        self.places = Quota(pool.waiting_max)

    def are_busy(self) -> ApiProblem:
        """The problem of a request for which there is no place."""
        return ApiProblem(503, self.pool.full.fault(), headers={"Retry-After": str(RETRY_SECONDS)})


class Pools:
    """The pools of an app. Used from one event loop."""

    def __init__(self, app: Flask) -> None:
        self._workers = {pool: Workers(pool) for pool in Pool}
        self._views = MarkedViews(app, MARK)

    def of(self, scope: Scope) -> Workers | None:
        """The workers of the pool that a request belongs to; None for nearly all."""
        pool = self._views.mark_of(scope)
        return self._workers[pool] if pool is not None else None

    def close(self) -> None:
        """Let all threads end."""
        for workers in self._workers.values():
            workers.threads.close()
