"""Work goes from the event loop to a thread, and comes back whatever becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from threading import Event, current_thread

import pytest

from tests.support.event_loop import run
from web.server import thread_pool
from web.server.thread_pool import ThreadPool


@pytest.fixture
def threads() -> Iterator[ThreadPool[str]]:
    made: ThreadPool[str] = ThreadPool(1)
    yield made
    made.close()


def test_work_is_done_in_a_thread_and_its_result_comes_back(threads: ThreadPool[str]) -> None:
    assert run(threads.run(lambda: current_thread().name)) == "offbook-0"


def test_what_work_raises_is_raised_to_whoever_waits(threads: ThreadPool[str]) -> None:
    def fail() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(threads.run(fail))
    assert run(threads.run(lambda: "goes on")) == "goes on"


def test_a_result_that_nobody_waits_for_any_more_harms_nothing(threads: ThreadPool[str]) -> None:
    go = Event()

    async def leave() -> str:
        left = asyncio.ensure_future(threads.run(lambda: str(go.wait(10))))
        await asyncio.sleep(0)
        left.cancel()
        go.set()
        return await threads.run(lambda: "next")

    assert run(leave()) == "next"


def test_closing_waits_for_what_has_begun_and_drops_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: ThreadPool[str] = ThreadPool(1)
    begun, go = Event(), Event()
    done: list[str] = []

    def work() -> str:
        begun.set()
        go.wait(10)
        done.append("begun")
        return "begun"

    def dropped() -> str:
        done.append("dropped")
        return "dropped"

    async def close() -> list[str | BaseException]:
        jobs = [asyncio.ensure_future(threads.run(job)) for job in (work, dropped)]
        await asyncio.to_thread(begun.wait, 10)
        (thread,) = threads._threads
        join = thread.join

        def let_go_and_join(seconds: float) -> None:
            go.set()
            join(seconds)

        monkeypatch.setattr(thread, "join", let_go_and_join)  # the work ends when it is waited for
        threads.close()
        return await asyncio.gather(*jobs, return_exceptions=True)

    first, second = run(close())
    assert (first, type(second), done) == ("begun", asyncio.CancelledError, ["begun"])


def test_closing_does_not_wait_for_what_takes_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_pool, "END_SECONDS", 0.01)
    has_begun, may_end, threads = Event(), Event(), ThreadPool[None](1)

    def work() -> None:
        has_begun.set()
        may_end.wait(10)

    async def close() -> bool:
        running = asyncio.create_task(threads.run(work))
        await asyncio.to_thread(has_begun.wait, 10)
        await asyncio.to_thread(threads.close)
        was_left = not running.done()
        may_end.set()
        await running
        return was_left

    assert run(close())
