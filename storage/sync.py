"""What the sync API answers, as values: the same for HTTP, for the live channel and for a simulated world."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, groupby, islice

from offbook.core.cells import Json
from offbook.core.changes import Change, Cursor, Rejection
from offbook.core.errors import CursorGone
from offbook.core.plan import Outcome
from offbook.core.wire import PAGE_MAX, Push, data_of
from storage import Origin, Page, Pushed, Store, Writing, check, page, planned, pull, push, take


def sync(store: Store, book_id: int, origin: Origin, request: Push, now: int, limit: int = PAGE_MAX) -> dict[str, Json]:
    """Apply what was pushed and, where the request asks for it, give the page after its ``since``.

    Raises CursorGone before anything is applied. A request that only asks takes no lock, and waits for no writer.
    """
    if request.asks and not request.batch:
        return {"results": [], **_only_asked(store, book_id, request, limit)}
    pushed = push(store, book_id, origin, request.batch, now, request.since, request.seen)
    answer: dict[str, Json] = {"book": pushed.book.uuid, "results": [result_of(pushed, one) for one in pushed.outcomes]}
    if request.asks:
        answer.update(_page_after_push(store, book_id, pushed, request.since, limit))
    return answer


def sync_together(
    store: Store, book_id: int, pushes: Sequence[tuple[Origin, Push]], now: int
) -> list[dict[str, Json] | CursorGone]:
    """Apply several pushes with one commit, in their order: an answer without a page to each, or why it has none.

    What follows one another from one device is decided as one batch.
    """
    answers: list[dict[str, Json] | CursorGone] = []
    with store.writing(book_id) as book:
        for (origin, since), run in groupby(pushes, key=lambda one: (one[0], one[1].since)):
            together = [push for _, push in run]
            batches = [push.batch for push in together]
            try:
                if since is not None:
                    check(book, since, max(push.seen for push in together))
            except CursorGone as gone:
                answers += [gone] * len(batches)
            else:
                answers += _taken(book, origin, batches, now)
    return answers


def _taken(
    book: Writing, origin: Origin, batches: Sequence[Sequence[Change | Rejection]], now: int
) -> list[dict[str, Json]]:
    pushed = take(book, origin, list(chain.from_iterable(batches)), now)
    outcomes = iter(pushed.outcomes)
    return [
        {"book": pushed.book.uuid, "results": [result_of(pushed, one) for one in islice(outcomes, len(batch))]}
        for batch in batches
    ]


def rehearse(store: Store, book_id: int, request: Push, now: int, limit: int = PAGE_MAX) -> dict[str, Json]:
    """What sync() would answer at this moment, and nothing is done. Raises CursorGone."""
    with store.reading(book_id) as book:
        pulled = page_json(page(book, request.since, limit, request.seen), request.since) if request.asks else {}
        plan = planned(book, request.batch, now)
    pushed = Pushed(book.book, plan.seq, plan.outcomes, plan.records)
    return {"book": book.book.uuid, "results": [result_of(pushed, one) for one in pushed.outcomes], **pulled}


def changes(store: Store, book_id: int, since: Cursor | None, limit: int) -> dict[str, Json]:
    """The answer of ``GET /changes``. Raises CursorGone."""
    return page_json(pull(store, book_id, since, limit), since)


def _only_asked(store: Store, book_id: int, request: Push, limit: int) -> dict[str, Json]:
    with store.reading(book_id) as reading:
        found = page(reading, request.since, limit, request.seen, request.kept)
    return page_json(found, request.since)


def _page_after_push(store: Store, book_id: int, pushed: Pushed, since: Cursor | None, limit: int) -> dict[str, Json]:
    try:
        page = pull(store, book_id, since, limit)
    except CursorGone:
        # Pruned in the moment since the push. What was applied must be answered, so the device hears of it next time.
        assert since is not None
        page = Page(pushed.book.uuid, [], since, True)
    return page_json(page, since)


def page_json(page: Page, since: Cursor | None) -> dict[str, Json]:
    return {
        "book": page.book,
        "since": None if since is None else str(since),
        "changes": page.changes,
        "cursor": str(page.cursor),
        "more": page.more,
    }


def result_of(pushed: Pushed, outcome: Outcome) -> dict[str, Json]:
    """The answer to one change. Its ``seq`` is that of the record that it shows, else the one that the change took.

    A record that is not there has the book's seq: so that a device can tell whether it heard something newer.
    """
    result: dict[str, Json] = {"id": outcome.change_id, "verdict": outcome.verdict.value, "seq": outcome.seq}
    if outcome.shown and outcome.key is not None:
        record = pushed.records.get(outcome.key)
        result["seq"] = pushed.head if record is None else record.seq
        result["record"] = None if record is None else data_of(record)
    if outcome.code is not None:
        result["code"] = outcome.code
        result["detail"] = outcome.detail
    return result
