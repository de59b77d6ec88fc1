"""A server that lies on the live channel, or breaks its rules: it is left, HTTP goes on, and nothing is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from offbook import Replica, ServerFault
from tests.live.bad_servers import ANSWERS, BREAKS, answering, deaf, frames, page, saying
from tests.support.callback_recorder import Witness, equal, names
from tests.support.fault_proxy import Answerer, Ask, Middle, silence


@pytest.mark.parametrize(("answerer", "error"), BREAKS.values(), ids=BREAKS)
def test_a_socket_that_breaks_every_rule_is_left_and_all_goes_on(
    answerer: Answerer, error: type[Exception], laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    laptop.contacts.add(name="Ada")
    laptop.sync()
    middle.live = answerer
    witness.start(laptop)
    witness.until(lambda: any(isinstance(found, error) for found in witness.errors(laptop)))
    laptop.contacts.add(name="Bob")
    middle.live = None
    witness.start(phone)
    witness.until(lambda: names(phone) == ["Ada", "Bob"] and equal(laptop, phone))
    witness.until_link("live", laptop, phone)


def circle(ask: Ask) -> list[dict[str, Any]]:
    """Pages that lead from one cursor to another and back."""
    epoch, seq = ask.since.split(".")
    there, back = ask.since, f"{epoch}.{int(seq) - 1}"
    ways = [(there, back), (back, there)] * 20
    return [page(ask, since=since, cursor=cursor) for since, cursor in ways]


def test_pages_that_go_in_circles_end(laptop: Replica, phone: Replica, witness: Witness, middle: Middle) -> None:
    laptop.contacts.add(name="Ada")
    laptop.sync()
    book = laptop.status().book

    async def circles(ask: Ask) -> None:
        await ask.accept()
        await ask.say(*[one | {"book": book} for one in circle(ask)])
        await silence(ask)

    middle.live = circles
    witness.start(laptop)
    witness.until(lambda: any(isinstance(error, ServerFault) for error in witness.errors(laptop)))
    middle.live = None
    witness.start(phone)
    phone.contacts.add(name="Bob")
    witness.until(lambda: names(laptop) == ["Ada", "Bob"] and equal(laptop, phone))


def test_a_page_that_leaves_a_gap_is_not_taken(
    laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    laptop.contacts.add(name="Ada")
    laptop.sync()
    before, book = laptop.contacts.list(), laptop.status().book
    middle.live = saying(lambda ask: page(ask, book=book, since="e1.5", cursor="e1.6"))
    witness.start(laptop)
    witness.until(lambda: middle.asked > 2)
    assert (laptop.contacts.list(), witness.errors(laptop)) == (before, [])
    middle.live = None
    witness.until_link("live", laptop)


@pytest.mark.parametrize("make", ANSWERS.values(), ids=ANSWERS)
def test_a_push_whose_answer_is_none_goes_by_http(
    make: Callable[[dict[str, Any], str], Any], laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    laptop.sync()
    middle.live = answering(make, str(laptop.status().book))
    witness.start(laptop)
    witness.until_link("live", laptop)
    laptop.contacts.add(name="Ada")
    witness.until(lambda: laptop.status().pending == 0)
    assert laptop.parked() == []
    phone.sync()
    assert names(phone) == ["Ada"]


def test_a_push_that_is_never_answered_goes_by_http(
    laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    middle.live = frames()
    witness.start(laptop)
    witness.until_link("live", laptop)
    laptop.contacts.add(name="Ada")
    laptop.contacts.add(name="Bob")
    witness.until(lambda: laptop.status().pending == 0)
    phone.sync()
    assert names(phone) == ["Ada", "Bob"]


def test_a_server_that_takes_nothing_holds_up_no_stop(laptop: Replica, witness: Witness, middle: Middle) -> None:
    middle.live = deaf
    witness.start(laptop)
    witness.until_link("live", laptop)
    with laptop.transaction():
        for number in range(40):
            laptop.contacts.add(name=str(number), notes="x" * 20_000)
    began = time.monotonic()
    laptop.stop()
    assert time.monotonic() - began < 2
    assert laptop.sync().pushed == 40
