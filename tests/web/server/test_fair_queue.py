"""Senders take turns, whatever each of them sends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from tests.support.event_loop import run
from web.server.fair_queue import FairQueue


async def arrive(queue: FairQueue, senders: bytes) -> tuple[list[bytes], list[asyncio.Task[None]]]:
    """Requests of these senders, in this order, each of whom notes when it is let in, and does not leave."""
    inside: list[bytes] = []

    async def ask(sender: bytes) -> None:
        await queue.enter(sender)
        inside.append(sender)

    tasks = [asyncio.create_task(ask(bytes([sender]))) for sender in senders]
    await settle()
    return inside, tasks


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def order(queue: FairQueue, senders: bytes) -> Coroutine[Any, Any, bytes]:
    """In which order they are let in, when the one who came in first leaves each time."""

    async def all_of_them() -> bytes:
        inside, _ = await arrive(queue, senders)
        for place in range(len(senders)):
            queue.leave(inside[place])
            await settle()
        return b"".join(inside)

    return all_of_them()


def test_whoever_comes_behind_a_crowd_of_one_sender_is_next() -> None:
    assert run(order(FairQueue(2, 2), b"aaaaaaab")) == b"aaabaaaa"


def test_senders_take_turns_in_the_order_in_which_they_came() -> None:
    assert run(order(FairQueue(1, 1), b"aaabbbcc")) == b"aabcabcb"


def test_one_sender_never_has_all_places() -> None:
    async def crowd() -> tuple[bytes, bytes]:
        queue = FairQueue(4, 2)
        inside, _ = await arrive(queue, b"aaaaa")
        alone = b"".join(inside)
        await arrive(queue, b"b")
        more, _ = await arrive(queue, b"c")
        return alone, b"".join(more)

    assert run(crowd()) == (b"aa", b"c")


def test_a_place_that_nobody_else_wants_is_not_kept_for_the_next() -> None:
    assert run(order(FairQueue(1, 1), b"aaa")) == b"aaa"


def test_who_gives_up_waiting_takes_no_place() -> None:
    async def give_up() -> bytes:
        queue = FairQueue(1, 1)
        inside, tasks = await arrive(queue, b"abc")
        tasks[1].cancel()
        await settle()
        queue.leave(b"a")
        await settle()
        return b"".join(inside)

    assert run(give_up()) == b"ac"


def test_who_gives_up_in_the_moment_of_being_let_in_leaves_the_place_to_others() -> None:
    async def give_up() -> bytes:
        queue = FairQueue(1, 1)
        inside, tasks = await arrive(queue, b"abc")
        queue.leave(b"a")
        tasks[1].cancel()
        await settle()
        return b"".join(inside)

    assert run(give_up()) == b"ac"
