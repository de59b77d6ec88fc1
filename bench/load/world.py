"""Who there is: books of one to five devices, what each holds at first, and the role of each device. Pure: a seed in,
a world out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeVar

Kind = TypeVar("Kind")

SIZES = {1: 25, 2: 35, 3: 25, 4: 10, 5: 5}
"""How many books of a hundred have so many devices."""

POLICIES = {"merge": 70, "last-write-wins": 15, "ask": 15}

ROLES = {"listener": 60, "editor": 14, "wanderer": 12, "poller": 6, "newcomer": 4, "rest": 4}
"""Most devices only listen. An editor types, a wanderer also goes offline, a poller has no live channel, a newcomer
begins with nothing again and again, and a REST client is a script and a browser."""

CONTACTS = (20, 600)
"""The fewest and the most that a book begins with."""


@dataclass(frozen=True)
class BookPlan:
    """One book of a load test: its policy, its size, and the role of each of its devices."""

    policy: str
    contacts: int
    roles: tuple[str, ...]


def draw_books(devices: int, seed: int) -> list[BookPlan]:
    """Books with so many devices in all."""
    random = Random(seed)
    return [
        BookPlan(draw(random, POLICIES), random.randint(*CONTACTS), tuple(draw(random, ROLES) for _ in range(size)))
        for size in draw_sizes(devices, random)
    ]


def draw_sizes(devices: int, random: Random) -> Iterator[int]:
    left = devices
    while left:
        size = min(left, draw(random, SIZES))
        yield size
        left -= size


def draw(random: Random, weights: Mapping[Kind, int]) -> Kind:
    (choice,) = random.choices(list(weights), list(weights.values()))
    return choice
