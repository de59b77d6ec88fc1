"""The book as it was: moments to choose from, what going back to one would do, and the form that does it.

Going back is made of changes like any other, in the browser: the flash that follows undoes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from offbook.core.errors import Invalid, Malformed
from offbook.core.formatting import format_moment
from offbook.core.history.bursts import ChangeBurst
from offbook.core.history.reconstruct import state_of
from offbook.core.listing import name_of
from offbook.core.model import Author
from offbook.core.protocol.requests import INTEGER_MAX
from services.restore import RESTORED_AT_ONCE, RecordRestore, RestoreKind, preview, restore_book_to
from services.time_travel import suggest_moments
from storage.values.imports import JobState
from web.auth import session_required
from web.current import services
from web.messages import pages as messages
from web.messages.pages import MOMENT_TO_COME, NO_MOMENT
from web.presenters.history_text import ChangedLine, changed_lines
from web.presenters.record_words import record_name, table_heading
from web.request_values import Values, posted, posted_or_query, query
from web.server.pools import Pool, runs_in
from web.sessions import current_actor, signed_in_user

time_travel = Blueprint("time_travel", __name__)

SHOWN_MAX = 200
HOUR_US = 3_600_000_000
AGES = {HOUR_US: "An hour ago", 24 * HOUR_US: "Yesterday, at this time", 7 * 24 * HOUR_US: "A week ago"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A moment that someone may want to go back to, and where that leads."""

    title: str
    more: str
    url: str


@dataclass(frozen=True, slots=True)
class RestoredRow:
    """One record on its way back. ``table`` is empty for a contact."""

    id: str
    table: str
    name: str
    lines: tuple[ChangedLine, ...]


@time_travel.get("/past")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def show() -> ResponseReturnValue:
    """What going back to a moment would do; without one, the moments to choose from."""
    if "at" not in query and "seq" not in query:
        return render_choice()
    try:
        seq = parse_moment(query)
        restores, head = preview(services().store, signed_in_user().book_id, seq)
    except Invalid as error:
        return render_choice(str(error))
    kinds = rows_by_kind(restores)
    return render_template("time_travel/preview.html", seq=seq, head=head, kinds=kinds, total=len(restores))


@time_travel.post("/past")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def restore() -> ResponseReturnValue:
    """Take the book back to a moment."""
    actor, seen = current_actor(services().new_id()), posted.number("seen", None)
    try:
        seq = parse_moment(posted_or_query)
        restores, head = preview(services().store, signed_in_user().book_id, seq)
        if len(restores) > RESTORED_AT_ONCE and seen in (None, head):
            return go_back_beside_requests(seq, head)
        done = restore_book_to(services().store, signed_in_user().book_id, actor, seq, services().clock(), seen)
    except Invalid as error:
        if error.code != "changed_since":
            return render_choice(str(error))
        flash(str(error), "warn")
        return redirect(url_for("time_travel.show", seq=posted_or_query.text("seq", None)), 303)
    text = messages.BOOK_RESTORED.sentence(moment=format_moment(seq))
    if done.before > seq:
        undo = url_for("time_travel.restore", seq=done.before)
        flash({"text": text, "undo": undo, "whole": True}, "undo")  # type: ignore[arg-type]
    else:
        flash(messages.BOOK_RESTORE_UNDONE.sentence() if done.changed else text)
    return redirect(url_for("contacts.index"), 303)


def go_back_beside_requests(seq: int, head: int) -> ResponseReturnValue:
    """Begin to take a large book back, and show how far that is; where something else goes on, say so."""
    imports, user = services().imports, signed_in_user()
    job = imports.current(user.id, user.book_id)
    if job is not None and job.state is JobState.RUNNING and job.goes_back_to != seq:
        flash(messages.BOOK_RESTORE_WAITS.sentence(), "warn")
        return redirect(url_for("time_travel.show", seq=seq), 303)
    imports.start_going_back(user.id, user.book_id, seq, head)
    return redirect(url_for("import_export.progress"), 303)


def render_choice(error: str = "") -> ResponseReturnValue:
    """The page of moments to choose from, with what was wrong with the one that was chosen."""
    now_us = services().clock()
    moments = suggest_moments(services().store, signed_in_user().book_id, AGES, now_us)
    suggestions = [before_burst(burst, author) for burst, author in moments.bursts]
    suggestions += [suggestion(AGES[age], format_moment(now_us - age), now_us - age) for age in moments.ages_us]
    page = render_template(
        "time_travel/choose.html", suggestions=suggestions, error=error, typed=query.text("at", ""), now=now_us
    )
    return page, 422 if error else 200


def before_burst(burst: ChangeBurst, author: Author | None) -> Suggestion:
    """The moment before a burst of changes."""
    who = "an unknown device" if author is None else author.device or f"{author.user} in the browser"
    title = f"Before {burst.size:,} changes from {who}"
    return suggestion(title, f"which began {format_moment(burst.first)}", burst.first - 1)


def suggestion(title: str, more: str, seq: int) -> Suggestion:
    """A moment, and the address of its preview."""
    return Suggestion(title, more, url_for("time_travel.show", seq=seq))


def parse_moment(values: Values) -> int:
    """The seq to go back to, from a seq or a time in UTC. Raises Invalid in words for people."""
    try:
        seq = values.number("seq", -1) if "seq" in values else parse_time_us(values.text("at", ""))
    except Malformed:
        seq = -1
    if not 0 <= seq <= INTEGER_MAX:
        raise Invalid.of(NO_MOMENT)
    if seq > services().clock():
        raise Invalid.of(MOMENT_TO_COME)
    return seq


def parse_time_us(text: str) -> int:
    """Microseconds since 1970 of an ISO time in UTC; -1 where it is none."""
    try:
        at = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except ValueError:
        return -1


def rows_by_kind(restores: list[RecordRestore]) -> list[tuple[RestoreKind, int, list[RestoredRow]]]:
    """Per kind how many there are, and the first of them by name."""
    kinds = []
    for kind in RestoreKind:
        some = sorted(
            (restore for restore in restores if restore.kind is kind),
            key=lambda restore: record_name(restore.record).casefold(),
        )
        kinds.append((kind, len(some), [restored_row(restore) for restore in some[:SHOWN_MAX]]))
    return kinds


def restored_row(restore: RecordRestore) -> RestoredRow:
    """What going back would do to a record, in words."""
    before, after = state_of(restore.record), restore.wanted
    record, table = restore.record, restore.record.table
    name = name_of(table, after) or record_name(record)
    if restore.kind is RestoreKind.DELETED:
        return RestoredRow(record.id, table_heading(table), name, ())
    cells = [cell for cell in restore.patch.cells if restore.kind is RestoreKind.CHANGED or cell in after]
    return RestoredRow(record.id, table_heading(table), name, tuple(changed_lines(table, before, after, cells)))
