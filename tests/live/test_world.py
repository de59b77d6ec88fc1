"""A while in which anything happens to network, processes and contacts: after it, all are equal by themselves.

The threads of devices run as they like, so that no two runs are the same: what holds must hold in any.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from offbook import NotFound, Replica, SyncError
from tests.live.bad_servers import ANSWERS, BREAKS, answering, deaf
from tests.live.conftest import Open
from tests.support.callback_recorder import Witness, equal
from tests.support.fault_proxy import Answerer, Middle, silence, status

WORLDS = int(os.environ.get("OFFBOOK_WORLDS") or 0) // 100 or 1
STEPS = 60
PAUSE_SECONDS_MAX = 0.05
STOP_SECONDS_MAX = 2


class World:
    def __init__(self, seed: int, witness: Witness, middle: Middle, devices: list[Replica]) -> None:
        self.random = Random(f"live world {seed}")
        self.witness = witness
        self.middle = middle
        self.devices = devices
        book = str(devices[0].status().book)
        self.liars: list[Answerer] = [answerer for answerer, _ in BREAKS.values()]
        self.liars += [answering(make, book) for make in ANSWERS.values()]
        self.liars += [silence, deaf, status(404), status(429), status(502)]

    def live(self) -> None:
        weights = [weight for weight, _ in EVENTS.values()]
        for _ in range(STEPS):
            (name,) = self.random.choices(list(EVENTS), weights)
            EVENTS[name][1](self, self.random.choice(self.devices))
            time.sleep(self.random.random() * PAUSE_SECONDS_MAX)
        self.middle.mend()
        self.middle.live = None


# --- what can happen -------------------------------------------------------------------------------------------------


def type_(world: World, device: Replica) -> None:
    """Somebody else may have deleted it meanwhile."""
    number, ids = world.random.randrange(1_000), [contact["id"] for contact in device.contacts.list()]
    with suppress(NotFound):
        match world.random.choice(["add", "add", "update", "delete"] if ids else ["add"]):
            case "add":
                device.contacts.add(name=f"Ada {number}")
            case "update":
                device.contacts.update(world.random.choice(ids), phone=str(number))
            case _:
                device.contacts.delete(world.random.choice(ids))


def import_(world: World, device: Replica) -> None:
    with device.transaction():
        for number in range(201):
            device.contacts.add(name=f"Bob {number}")


def restart(world: World, device: Replica) -> None:
    began = time.monotonic()
    device.stop()
    assert time.monotonic() - began < STOP_SECONDS_MAX
    world.witness.start(device)


def sync_in_another_process(world: World, device: Replica) -> None:
    with Replica(device.path) as other, suppress(SyncError):
        other.sync()


def cut(world: World, device: Replica) -> None:
    world.middle.cut()


def mend(world: World, device: Replica) -> None:
    world.middle.mend()


def lie(world: World, device: Replica) -> None:
    world.middle.live = world.random.choice(world.liars)


def be_honest(world: World, device: Replica) -> None:
    world.middle.live = None


EVENTS: Mapping[str, tuple[int, Callable[[World, Replica], Any]]] = {
    "type": (50, type_),
    "import": (2, import_),
    "restart": (3, restart),
    "sync in another process": (3, sync_in_another_process),
    "cut": (4, cut),
    "mend": (14, mend),
    "lie": (12, lie),
    "be honest": (12, be_honest),
}


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(WORLDS))
def test_whatever_happens_all_are_equal_in_the_end(seed: int, device: Open, middle: Middle, witness: Witness) -> None:
    devices = [device(name) for name in ("laptop", "phone", "tablet")]
    for one in devices:
        one.sync()
    witness.start(*devices)
    World(seed, witness, middle, devices).live()
    witness.until(lambda: equal(*devices))
    witness.until_link("live", *devices)
