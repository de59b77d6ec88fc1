"""What the sync API answers, as values: the same for HTTP, for the live channel and for a simulated world."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, groupby, islice

from offbook.core.cells.validation import Json
from offbook.core.errors import CursorGone
from offbook.core.merge.batch import Outcome
from offbook.core.model import Cursor
from offbook.core.protocol.requests import Push
from offbook.core.protocol.rows import data_of
from offbook.core.protocol.view import View
from services.sync.portions import PushBasis, push_in_turns
from services.sync.pull import pull, read_page
from services.sync.push import Turns, plan_changes
from storage.base import WHOLE_PAGE, ChangeOrigin, Page, PageSize, PushedBatch, ReadTransaction, Store
from storage.errors import TablesGrown


def sync(
    store: Store, book_id: int, origin: ChangeOrigin, request: Push, now_us: int, size: PageSize = WHOLE_PAGE
) -> dict[str, Json]:
    """Apply what was pushed and, where the request asks for it, give the page after its ``since``.

    Raises CursorGone before anything is applied, and TablesGrown where the request has to be read anew. One that only
    asks takes no lock, and waits for no writer.
    """
    if request.asks and not request.batch:
        with store.reading(book_id) as reading:
            return {"results": [], **_page_of(reading, request, size)}
    with Turns(store, book_id) as turns:
        basis = PushBasis(request.since, request.seen, request.shape, request.knows_tables)
        parts = push_in_turns(turns, origin, request.batch, now_us, basis)
    answer = _answer_to_push(parts, results_of(parts, request.view), request.view)
    if request.asks:
        answer.update(_page_after_push(store, book_id, parts[-1], request, size))
    return answer


def sync_together(
    store: Store, book_id: int, pushes: Sequence[tuple[ChangeOrigin, Push]], now_us: int
) -> list[dict[str, Json] | CursorGone | TablesGrown]:
    """Apply several pushes in their order, with one commit where that is short: an answer without a page to each, or
    why it has none.

    What follows one another from one device is decided as one batch.
    """
    answers: list[dict[str, Json] | CursorGone | TablesGrown] = []
    with Turns(store, book_id) as turns:
        for (origin, since, shape, knows), run in groupby(pushes, key=_alike):
            together = [push for _, push in run]
            basis = PushBasis(since, max(push.seen for push in together), shape, knows)
            try:
                answers += _taken(turns, origin, together, basis, now_us)
            except (CursorGone, TablesGrown) as error:
                answers += [error] * len(together)
            turns.end_if_full()
    return answers


def _alike(pair: tuple[ChangeOrigin, Push]) -> tuple[ChangeOrigin, Cursor | None, str | None, bool]:
    """What pushes have in common that are decided as one batch."""
    origin, push = pair
    return origin, push.since, push.shape, push.knows_tables


def _taken(
    turns: Turns, origin: ChangeOrigin, pushes: Sequence[Push], basis: PushBasis, now_us: int
) -> list[dict[str, Json]]:
    batch = list(chain.from_iterable(push.batch for push in pushes))
    parts = push_in_turns(turns, origin, batch, now_us, basis)
    outcomes = iter([(part, outcome) for part in parts for outcome in part.outcomes])
    return [
        _answer_to_push(parts, [result_of(*pair, push.view) for pair in islice(outcomes, len(push.batch))], push.view)
        for push in pushes
    ]


def _answer_to_push(parts: Sequence[PushedBatch], results: list[dict[str, Json]], view: View | None) -> dict[str, Json]:
    """The answer to a push without a page. ``head``, the book's seq by then, is for those who name their schema."""
    answer: dict[str, Json] = {"book": parts[-1].book.uuid, "results": results}
    return {**answer, "head": parts[-1].head} if view is not None and view.is_sparse else answer


def dry_run(store: Store, book_id: int, request: Push, now_us: int, size: PageSize = WHOLE_PAGE) -> dict[str, Json]:
    """What sync() would answer at this moment, and nothing is done. Raises CursorGone."""
    with store.reading(book_id) as book:
        pulled = _page_of(book, request, size) if request.asks else {}
        plan = plan_changes(book, request.batch, now_us)
    pushed = PushedBatch(book.book, plan.seq, plan.outcomes, plan.records)
    return {"book": book.book.uuid, "results": results_of([pushed], request.view), **pulled}


def _page_of(reading: ReadTransaction, request: Push, size: PageSize) -> dict[str, Json]:
    return _page_json(read_page(reading, request.since, size, request.page_view, request.seen, request.kept), request)


def changes(
    store: Store, book_id: int, since: Cursor | None, size: PageSize = WHOLE_PAGE, view: View | None = None
) -> dict[str, Json]:
    """The answer of ``GET /changes``: of all that the store has, or of a view. Raises CursorGone."""
    return page_json(pull(store, book_id, since, size, view), since)


def _page_after_push(store: Store, book_id: int, pushed: PushedBatch, request: Push, size: PageSize) -> dict[str, Json]:
    try:
        page = pull(store, book_id, request.since, size, request.page_view)
    except CursorGone:
        # Pruned in the moment since the push. What was applied must be answered, so the device hears of it next time.
        assert request.since is not None
        page = Page(pushed.book.uuid, [], request.since, True)
    return _page_json(page, request)


def _page_json(page: Page, request: Push) -> dict[str, Json]:
    """The page that a request asks for; one of some tables alone names them, as it names where it begins."""
    answer = page_json(page, request.since)
    if request.page_view is request.view or request.page_view is None:
        return answer
    return {**answer, "only": list(request.page_view.schema)}


def page_json(page: Page, since: Cursor | None) -> dict[str, Json]:
    """A page after ``since``, as the wire has it."""
    return {
        "book": page.book,
        "since": None if since is None else str(since),
        "changes": page.changes,
        "cursor": str(page.cursor),
        "more": page.more,
    }


def results_of(parts: Iterable[PushedBatch], view: View | None) -> list[dict[str, Json]]:
    """The answers to all changes of a batch, in their order."""
    return [result_of(pushed, outcome, view) for pushed in parts for outcome in pushed.outcomes]


def result_of(pushed: PushedBatch, outcome: Outcome, view: View | None) -> dict[str, Json]:
    """The answer to one change. Its ``seq`` is that of the record that it shows, else the one that the change took.

    A record that is not there has the book's seq: so that a device knows whether it has something newer.
    """
    result: dict[str, Json] = {"id": outcome.change_id, "verdict": outcome.verdict.value, "seq": outcome.seq}
    if outcome.shows_record and outcome.key is not None:
        record = pushed.records.get(outcome.key)
        result["seq"] = pushed.head if record is None else record.seq
        result["record"] = None if record is None else data_of(record, view)
    if outcome.fault is not None:
        result["code"] = outcome.fault.code
        result["detail"] = outcome.fault.detail
    return result
