"""Moments of a book worth a look when something went wrong, and going back to one in turns with others, where that is
a great deal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple
from uuid import UUID, uuid5

from offbook.core.history.bursts import ChangeBurst, find_bursts
from offbook.core.history.reconstruct import state_at, to_state
from offbook.core.merge.batch import Outcome
from offbook.core.merge.retention import DAY_US, is_purged
from offbook.core.model import Author, Change, Key, Record
from services.naming.renaming import add_all_named
from services.restore import Actor, book_change, check_outcomes, check_reach
from services.sync.push import Turns, plan_changes, read_records
from storage.base import ReadTransaction, Store

REACH_US = 30 * DAY_US
"""Bursts that are older are not suggested."""

MARKERS_MAX = 50_000
BURST_PAUSE_US = 60_000_000
BURST_CHANGES_MIN = 20
BURSTS_MAX = 3

RECORDS_AT_ONCE = 100
"""So many records go back in one transaction: a tenth of a second, and a third of one on a busy host."""


class SuggestedMoments(NamedTuple):
    """The newest big bursts, each with its author (None where that was pruned), and the ages that can be reached."""

    bursts: list[tuple[ChangeBurst, Author | None]]
    ages_us: list[int]


def suggest_moments(store: Store, book_id: int, ages_us: Iterable[int], now_us: int) -> SuggestedMoments:
    """The moments to choose from. Of the ages, those at which there was something in the book."""
    with store.reading(book_id) as book:
        pruned = book.book.pruned
        markers = book.change_markers(max(now_us - REACH_US, pruned), MARKERS_MAX)
        big = find_bursts(markers, BURST_PAUSE_US, BURST_CHANGES_MIN)[:BURSTS_MAX]
        authors = book.authors(burst.change_id for burst in big)
        reached = [age for age in ages_us if now_us - age >= pruned and book.last_seq_at_or_before(now_us - age)]
    return SuggestedMoments([(burst, authors.get(burst.change_id)) for burst in big], reached)


# --- going back in turns ---------------------------------------------------------------------------------------------


class RestoredPortion(NamedTuple):
    """What going back did in one transaction: so many records of all are ``done`` with it. It changed some of these,
    and left others as they are, whose change was refused."""

    done: int
    total: int
    changed: int
    refused: int


def restore_book_in_portions(
    store: Store, book_id: int, actor: Actor, seq: int, head: int, now_us: int, start: int = 0
) -> Iterator[RestoredPortion]:
    """Take the book back to where it was right after ``seq``, a transaction at a time; none is open in between.

    ``head`` is the book's seq when that began: what others write later stays, as if they had done it afterwards. The
    first ``start`` records are passed over. What entries name goes back with them, and nothing follows from the names
    on the way: what is named at the end and not there is added then. Raises Invalid, at the beginning for what would
    be refused later on.
    """
    with store.reading(book_id) as book:
        check_reach(book, seq)
        keys = _keys_between(book, seq, head)
    going_back = _GoingBack(actor, seq, head, now_us)
    if not start:
        for some in _parts(keys):
            with store.reading(book_id) as book:
                check_outcomes(plan_changes(book, going_back.changes(book, some)[0], now_us).outcomes)
    done = start
    while done < len(keys):
        with Turns(store, book_id) as turns:
            restored, outcomes = going_back.carry_out(turns, keys[done : done + RECORDS_AT_ONCE])
        done += restored
        refused = sum(outcome.fault is not None for outcome in outcomes)
        yield RestoredPortion(done, len(keys), len(outcomes) - refused, refused)
    numbers = count()
    add_all_named(store, book_id, lambda: str(uuid5(UUID(actor.id), f"named/{next(numbers)}")), now_us)


def _keys_between(book: ReadTransaction, seq: int, head: int) -> list[Key]:
    """The records that were written to after ``seq`` up to ``head``, in an order that is always the same."""
    return sorted({step.key for step in book.steps_since(seq) if step.seq <= head})


def _parts(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    yield from (keys[start : start + RECORDS_AT_ONCE] for start in range(0, len(keys), RECORDS_AT_ONCE))


@dataclass(frozen=True, slots=True)
class _GoingBack:
    """A book that is on its way back."""

    actor: Actor
    seq: int
    head: int
    now_us: int

    def changes(self, book: ReadTransaction, keys: Sequence[Key]) -> tuple[list[Change], dict[Key, Record]]:
        """The changes that take these records back, in their order, and the records as they are."""
        records = dict(read_records(book, keys))
        steps = book.batches.steps(records, self.seq)
        changes = []
        for key in keys:
            record = records.get(key)
            if record is None or is_purged(record):
                continue
            patch = to_state(record, state_at(record, steps[key], self.seq))
            if patch is not None:
                is_ours = all(step.seq <= self.head or step.batch == self.actor.id for step in steps[key])
                base = record.seq if is_ours else self.head
                changes.append(book_change(record, patch, self.actor, self.now_us, base))
        return changes, records

    def carry_out(self, turns: Turns, keys: Sequence[Key]) -> tuple[int, Sequence[Outcome]]:
        """Take the first of these records back, as many as fit; how many these are, and what came of the changes."""
        book = turns.book
        check_reach(book, self.seq)
        changes, records = self.changes(book, keys)
        portion = turns.portion(changes)
        restored = len(keys) if len(portion) == len(changes) else keys.index(changes[len(portion)].key)
        plan = plan_changes(book, portion, self.now_us, records)
        if plan.history:
            book.apply_plan(plan, self.actor.origin, self.now_us)
        return restored, plan.outcomes
