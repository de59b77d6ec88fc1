"""What takes long is written in turns with others, and comes to the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest

from offbook.contacts.table import BUILT_IN
from offbook.core.errors import CursorGone
from offbook.core.model import Cursor
from offbook.core.protocol.requests import parse_cursor, parse_push
from services.sync import push
from services.sync.pull import pull
from services.sync.push import PORTION_SIZE, WHOLE_SIZE
from services.sync.responses import sync, sync_together
from storage.base import Page, PageSize
from tests.storage.library import ORIGIN, TICK, Desk, Json, Library, change, uuid

BUSY = {f"k{number}": {"kind": "phone", "label": "boat", "value": f"555-{number}"} for number in range(40)}


def heavy(count: int, first: int = 1) -> list[Json]:
    """Contacts with forty details each, of which forty or so are what one transaction has room for here."""
    return [change(n, "INSERT", n, name=f"name {n}", details=BUSY) for n in range(first, first + count)]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Transactions of a tenth of what they are."""
    monkeypatch.setattr(push, "WHOLE_SIZE", WHOLE_SIZE // 10)
    monkeypatch.setattr(push, "PORTION_SIZE", PORTION_SIZE // 10)


class Commits:
    """A store that notes the book's seq at each commit, and calls ``between`` after each."""

    def __init__(self, desk: Desk, between: Callable[[], None] = lambda: None) -> None:
        self._desk = desk
        self._between = between
        self.heads: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._desk.store, name)

    @contextmanager
    def writing(self, book_id: int) -> Iterator[Any]:
        with self._desk.store.writing(book_id) as book:
            yield book
        self.heads.append(self._desk.head())
        self._between()


def pushed(store: Any, desk: Desk, *batch: Json, at: int | None = None, **envelope: Any) -> Json:
    """What ``POST /sync`` answers, a second after the push before, or at this time."""
    desk.now = at or desk.now + TICK
    push_request = parse_push(desk.store.schema, {"changes": list(map(desk.of_table, batch)), **envelope}, uuid(1))
    return sync(store, desk.book_id, ORIGIN, push_request, desk.now)


# --- pushes ----------------------------------------------------------------------------------------------------------


def test_an_ordinary_push_of_a_thousand_changes_is_one_transaction(library: Library) -> None:
    desk = library.desk()
    few = {name: BUSY[name] for name in ("k1", "k2", "k3", "k4")}
    commits = Commits(desk)
    pushed(commits, desk, *[change(n, "INSERT", n, name="n", details=few) for n in range(1, 1001)])
    base = desk.head()
    pushed(commits, desk, *[change(2000 + n, "UPDATE", n, base=base, phone="1") for n in range(1, 1001)])
    assert len(commits.heads) == 2


def test_a_heavy_push_is_several_transactions_and_one_answer(small: None, library: Library) -> None:
    desk, twin = library.desk(), library.desk()
    batch = [*heavy(60), change(999, "INSERT", 1, name="again"), change(1000, "UPDATE", 2000, base=0, phone="1")]
    commits = Commits(desk)
    answer = pushed(commits, desk, *batch)
    assert len(commits.heads) > 3
    assert commits.heads == sorted(set(commits.heads))
    assert [result["id"] for result in answer["results"]] == [item["id"] for item in batch]
    alone = [pushed(twin.store, twin, item, at=desk.now)["results"][0] for item in batch]
    assert alone == answer["results"]
    assert twin.live() == desk.live()
    assert [twin.history(n)[0].data for n in (1, 60)] == [desk.history(n)[0].data for n in (1, 60)]


def test_an_edit_of_records_that_hold_much_counts_for_what_they_hold(small: None, library: Library) -> None:
    desk = library.desk()
    pushed(desk.store, desk, *heavy(40))
    base, commits = desk.head(), Commits(desk)
    pushed(commits, desk, *[change(2000 + n, "UPDATE", n, base=base, phone="1") for n in range(1, 41)])
    assert len(commits.heads) > 3
    assert {row["phone"] for row in desk.live().values()} == {"1"}


def test_others_write_between_two_transactions_of_a_heavy_push(small: None, library: Library) -> None:
    desk = library.desk()
    results: list[Json] = []

    def another() -> None:
        if results:
            return
        rival = Desk(desk.store, desk.book_id)
        thread = Thread(target=lambda: results.extend(rival.push(change(7000, "INSERT", 7000, name="b"))))
        thread.start()
        thread.join(20)
        assert not thread.is_alive(), "whoever else writes waits for the whole push"

    answer = pushed(Commits(desk, another), desk, *heavy(60))
    assert results[0]["verdict"] == "applied"
    seqs = [result["seq"] for result in answer["results"]]
    assert seqs[0] < results[0]["seq"] < seqs[-1]
    assert len(desk.live()) == 61


def test_what_a_fault_leaves_of_a_heavy_push_is_taken_once_when_it_comes_again(small: None, library: Library) -> None:
    desk = library.desk()
    batch = heavy(60)

    def fail() -> None:
        if len(commits.heads) == 2:
            raise ZeroDivisionError

    commits = Commits(desk, fail)
    with pytest.raises(ZeroDivisionError):
        pushed(commits, desk, *batch)
    before = desk.live()
    assert 0 < len(before) < 60
    answer = pushed(desk.store, desk, *batch)
    assert {result["verdict"] for result in answer["results"]} == {"applied"}
    after = desk.live()
    assert len(after) == 60
    assert {record: after[record] for record in before} == before


def test_a_cursor_that_can_not_be_served_is_refused_before_a_heavy_push_begins(small: None, library: Library) -> None:
    desk = library.desk()
    with pytest.raises(CursorGone):
        pushed(desk.store, desk, *heavy(60), since="other.1")
    assert desk.live() == {}


def test_a_push_is_answered_though_its_book_is_pruned_between_two_of_its_transactions(
    small: None, library: Library
) -> None:
    desk = library.desk()
    pushed(desk.store, desk, *heavy(3, 900))
    since = desk.pull()["cursor"]
    pushed(desk.store, desk, change(950, "UPDATE", 900, base=desk.head(), phone="1"))

    def prune() -> None:
        if len(commits.heads) == 1:
            desk.prune(desk.head())

    commits = Commits(desk, prune)
    answer = pushed(commits, desk, *heavy(60), since=since)
    assert len(answer["results"]) == 60
    assert (answer["cursor"], answer["more"]) == (since, True)


def test_a_push_ends_where_another_database_takes_the_place_of_its_own(small: None, library: Library) -> None:
    desk, other = library.desk(), library.desk()
    since = desk.pull()["cursor"]

    class Restored(Commits):
        """Another book in its place, from the second transaction on."""

        @contextmanager
        def writing(self, book_id: int) -> Iterator[Any]:
            with super().writing(other.book_id if self.heads else book_id) as book:
                yield book

    with pytest.raises(CursorGone) as gone:
        pushed(Restored(desk), desk, *heavy(60), since=since)
    assert gone.value.reason == "epoch"
    assert other.live() == {}


def test_pushes_of_several_devices_share_transactions_and_each_has_its_answer(small: None, library: Library) -> None:
    desk = library.desk()
    commits = Commits(desk)
    pushes = [(ORIGIN, parse_push(BUILT_IN, {"changes": heavy(6, 1 + 6 * n)}, uuid(1))) for n in range(10)]
    answers = sync_together(commits, desk.book_id, pushes, desk.now)
    assert 3 < len(commits.heads) < 10
    assert [len(answer["results"]) for answer in answers if isinstance(answer, dict)] == [6] * 10
    assert len(desk.live()) == 60


# --- pages -----------------------------------------------------------------------------------------------------------


def pages(desk: Desk, size: PageSize, since: Cursor | None = None) -> list[Page]:
    found = [pull(desk.store, desk.book_id, since, size)]
    while found[-1].more:
        found.append(pull(desk.store, desk.book_id, found[-1].cursor, size))
    return found


@pytest.mark.parametrize("entries", [1, 39, 40, 41, 79, 80, 81, 1000])
def test_a_page_ends_where_its_entries_are_enough(library: Library, entries: int) -> None:
    desk = library.desk()
    desk.push(*heavy(3), change(4, "INSERT", 4, name="none"), *heavy(2, 5), change(7, "INSERT", 7, name="none"))
    desk.push(change(8, "DELETE", 2, base=desk.head()))
    whole = desk.pull()["changes"]
    found = pages(desk, PageSize(100, entries))
    assert [row for page in found for row in page.changes] == whole
    for page in found:
        many = sum(len(row["data"]["details"]) for row in page.changes)
        assert many <= entries or len([row for row in page.changes if row["data"]["details"]]) == 1
    assert (len(found) == 1) == (entries == 1000)


def test_a_page_of_what_changed_ends_where_its_entries_are_enough(library: Library) -> None:
    desk = library.desk()
    start = desk.pull()["cursor"]
    desk.push(*heavy(5))
    desk.push(change(8, "DELETE", 2, base=desk.head()), change(9, "UPDATE", 3, base=desk.head(), phone="1"))
    found = pages(desk, PageSize(100, 80), parse_cursor(start))
    assert [row["record_id"] for page in found for row in page.changes] == [uuid(n) for n in (1, 4, 5, 2, 3)]
    assert len(found) > 1
