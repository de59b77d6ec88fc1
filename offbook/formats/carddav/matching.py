"""Which line of a card that came back is which line of those that its device was served.

First those that say the same, then the same value with another label, then nearly the same value, then the same label,
then the next of the same kind. So a number that was edited stays the entry that it is.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

from offbook.formats.carddav.lines import LABELS, CardLine

Key = Callable[[CardLine], Hashable]

SAME_VALUE: Sequence[Key] = (
    lambda line: line.exactly,
    lambda line: (line.family, line.value, line.label),
    lambda line: (line.family, line.value),
    lambda line: line.roughly,
)
OTHER_VALUE: Sequence[Key] = (lambda line: (line.family, line.label), lambda line: line.family)
"""By what lines are matched, in this order. The first by which lines match counts."""

States = Sequence[CardLine | None]
"""A line in each version; None where that version has it not."""


class Pair(NamedTuple):
    """A line that came back, and what it was; nothing in any version where it is new."""

    line: CardLine
    states: States

    @property
    def present(self) -> list[CardLine]:
        """The line in the versions that have it."""
        return [state for state in self.states if state is not None]


class Matches(NamedTuple):
    """The lines that came back, each with what it was; and those that are missing, as they were."""

    pairs: list[Pair]
    missing: list[States]


def match_lines(incoming: Sequence[CardLine], versions: Sequence[Sequence[CardLine]]) -> Matches:
    """The lines of a card with those of the versions that its device was served. Time is linear in all of them."""
    known: dict[str, list[CardLine | None]] = {}
    for index, version in enumerate(versions):
        for line in version:
            known.setdefault(line.identity, [None] * len(versions))[index] = line
    matched: dict[int, str] = {}
    for key in SAME_VALUE:
        _match(incoming, known, matched, key)
    received = _received(incoming, known, matched)
    certain = {
        identity: states
        for identity, states in known.items()
        if all(states[index] is not None for index in received) and not identity.startswith(LABELS)
    }
    for key in OTHER_VALUE:
        _match(incoming, certain, matched, key)
    nothing = [None] * len(versions)
    pairs = [Pair(line, known[matched[index]] if index in matched else nothing) for index, line in enumerate(incoming)]
    matched_identities = set(matched.values())
    return Matches(pairs, [states for identity, states in known.items() if identity not in matched_identities])


def _match(incoming: Sequence[CardLine], known: Mapping[str, States], matched: dict[int, str], key: Key) -> None:
    taken = set(matched.values())
    free: defaultdict[Hashable, deque[str]] = defaultdict(deque)
    for identity, states in known.items():
        if identity not in taken:
            for value in dict.fromkeys(key(state) for state in states if state is not None):
                free[value].append(identity)
    for index, line in enumerate(incoming):
        if index in matched:
            continue
        identities = free.get(key(line), deque())
        while identities and index not in matched:
            identity = identities.popleft()
            if identity not in taken:
                matched[index] = identity
                taken.add(identity)


def _received(incoming: Sequence[CardLine], known: Mapping[str, States], matched: Mapping[int, str]) -> list[int]:
    """Which versions the device can have begun with: those that most lines of the card are from, of the lines that
    differ between versions. All, where no line tells."""
    counts: defaultdict[int, int] = defaultdict(int)
    for place, identity in matched.items():
        states = known[identity]
        same = [index for index, state in enumerate(states) if state and state.exactly == incoming[place].exactly]
        if len(same) < len(states):
            for index in same:
                counts[index] += 1
    most = max(counts.values(), default=0)
    return [index for index in range(_count(known)) if counts[index] == most]


def _count(known: Mapping[str, States]) -> int:
    return max((len(states) for states in known.values()), default=0)
