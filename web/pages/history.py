"""The history of a contact as a page, and the book as it was: what can be given back, and the forms that do it.

Giving back is a change like any other, made in the browser: the flash that follows takes it back again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID, uuid5

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from offbook.core.errors import Invalid, Malformed, NotFound
from offbook.core.history.bursts import ChangeBurst, find_bursts
from offbook.core.history.reconstruct import state_of
from offbook.core.model import Key, Record
from offbook.core.protocol.requests import INTEGER_MAX
from services.container import services
from services.history import record_history
from services.restore import (
    Actor,
    RecordRestore,
    RestoreKind,
    preview,
    restore_book_to,
    restore_values,
    restore_version,
)
from storage.base import ChangeOrigin, ReadTransaction
from web.auth import session_required
from web.pages.contacts import get_contact_or_404, name_of, row_of, show, to
from web.presenters.history_text import ChangedLine, changed_lines, history_events
from web.presenters.time_formatting import date
from web.request_values import Values, posted, posted_or_query, query
from web.server.pools import Pool, runs_in
from web.sessions import signed_in_user

giving_back = Blueprint("giving_back", __name__)

EVENTS_AT_ONCE = 25
SHOWN_MAX = 200
DAYS = 30
MARKS_MAX = 50_000
BURST_PAUSE = 60_000_000
BURST_LEAST = 20
SUGGESTED_MAX = 3
HOUR = 3_600_000_000


# --- one contact ---------------------------------------------------------------------------------------------------


@giving_back.get("/c/<uuid:contact_id>/history")
@session_required
def history(contact_id: UUID) -> ResponseReturnValue:
    """A page of changes. ``skip`` is in addresses that were stored before a page was found by its key."""
    record, before, skip = get_contact_or_404(contact_id), query.number("before", None), query.number("skip", 0)
    page = record_history(services().store, signed_in_user().book_id, record, EVENTS_AT_ONCE, before, skip)
    events = history_events(page, record, is_newest=before is None and skip == 0)
    return show(
        "history",
        record=record,
        row=row_of(record),
        days=[(day, list(some)) for day, some in groupby(events, lambda event: date(event.at))],
        older=page.next,
        whole=any(entry.created for entry in page.entries),
        form_id=services().new_id(),
        deleted=record.deleted,
    )


@giving_back.post("/c/<uuid:contact_id>/history/restore")
@session_required
def give_back(contact_id: UUID) -> ResponseReturnValue:
    """Give back one value of a change; without a cell, all that it replaced, which undoes it."""
    record, change_id = get_contact_or_404(contact_id), posted_or_query.uuid("change", "")
    cell, side = posted.text("cell", None), posted.text("to", "before")
    form_id = posted.uuid("form_id", "") or derived(change_id, "undo")
    with services().store.reading(signed_in_user().book_id) as book:
        entry = book.history_entry(change_id)
    if entry is None or entry.key != record.key:
        raise NotFound("There is no such change in this contact's history. It may be too old to be kept.")
    cells = None if cell is None else [cell]
    by, now = current_actor(derived(form_id, f"{change_id} {cell} {side}")), services().clock()
    try:
        restore_values(
            services().store,
            signed_in_user().book_id,
            by,
            change_id,
            cells,
            "after" if side == "after" else "before",
            now,
        )
    except Invalid as error:
        return said_no(record, error)
    return given(record, by, f"Restored a value of {name_of(record)}." if cell else "Undone.")


@giving_back.post("/c/<uuid:contact_id>/history/version")
@session_required
def give_version_back(contact_id: UUID) -> ResponseReturnValue:
    record, seq = get_contact_or_404(contact_id), posted.number("seq", -1)
    by = current_actor(derived(posted.uuid("form_id", ""), f"version {seq}"))
    try:
        if not 0 <= seq <= INTEGER_MAX:
            raise Invalid("bad_base", "There is no such version of this contact.")
        key: Key = record.table, record.id
        restore_version(services().store, signed_in_user().book_id, by, key, seq, services().clock())
    except Invalid as error:
        return said_no(record, error)
    return given(record, by, f"Restored {name_of(record)} as it was.")


def derived(form_id: str, what: str) -> str:
    """The change's id: the same for the same button of the same page, so that a double click makes one change."""
    try:
        return str(uuid5(UUID(form_id), what))
    except ValueError:
        return services().new_id()


def current_actor(change_id: str) -> Actor:
    return Actor(ChangeOrigin(user_id=signed_in_user().id), change_id, change_id)


def given(record: Record, by: Actor, text: str) -> ResponseReturnValue:
    with services().store.reading(signed_in_user().book_id) as book:
        happened = book.history_entry(by.id) is not None
    if happened:
        undo = url_for("giving_back.give_back", contact_id=record.id, change=by.id)
        flash({"text": text, "undo": undo}, "undo")  # type: ignore[arg-type]
    else:
        flash("It is so already: nothing had to be changed.")
    return to("giving_back.history", contact_id=record.id)


def said_no(record: Record, error: Invalid) -> ResponseReturnValue:
    flash(str(error), "warn")
    return to("giving_back.history", contact_id=record.id)


# --- the whole book ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A moment that someone may want to go back to, and where that leads."""

    title: str
    more: str
    url: str


@dataclass(frozen=True, slots=True)
class RestoredRow:
    """One contact on its way back."""

    id: str
    name: str
    lines: tuple[ChangedLine, ...]


@giving_back.get("/past")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def past() -> ResponseReturnValue:
    if "at" not in query and "seq" not in query:
        return choose()
    try:
        seq = moment_of(query)
        with services().store.reading(signed_in_user().book_id) as book:
            head = book.book.seq
        found = preview(services().store, signed_in_user().book_id, seq)
    except Invalid as error:
        return choose(str(error))
    return render_template("time_travel/preview.html", seq=seq, head=head, kinds=sorted_out(found), total=len(found))


@giving_back.post("/past")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def go_back() -> ResponseReturnValue:
    by = current_actor(services().new_id())
    seen = posted.number("seen", None)
    try:
        seq = moment_of(posted_or_query)
        taken = restore_book_to(services().store, signed_in_user().book_id, by, seq, services().clock(), seen)
    except Invalid as error:
        if error.code != "changed_since":
            return choose(str(error))
        flash(str(error), "warn")
        return redirect(url_for("giving_back.past", seq=posted_or_query.text("seq", None)), 303)
    text = f"The book is as it was on {moment(seq)}."
    if taken.before > seq:
        undo = url_for("giving_back.go_back", seq=taken.before)
        flash({"text": text, "undo": undo, "whole": True}, "undo")  # type: ignore[arg-type]
    else:
        flash("Undone: the book is as it was before." if taken.changed else text)
    return redirect(url_for("pages.index"), 303)


def choose(error: str = "") -> ResponseReturnValue:
    now = services().clock()
    with services().store.reading(signed_in_user().book_id) as book:
        found = suggestions(book, now)
    typed = query.text("at", "")
    return render_template(
        "time_travel/choose.html", suggestions=found, error=error, typed=typed, now=now
    ), 422 if error else 200


def suggestions(book: ReadTransaction, now: int) -> list[Suggestion]:
    """Before the last big changes, and some times ago: those at which there was something in the book."""
    marks = book.marks(max(now - DAYS * 24 * HOUR, book.book.pruned), MARKS_MAX)
    big = find_bursts(marks, BURST_PAUSE, BURST_LEAST)[:SUGGESTED_MAX]
    authors = book.authors(burst.change_id for burst in big)
    found = [_before(burst, authors.get(burst.change_id)) for burst in big]
    for title, hours in (("An hour ago", 1), ("Yesterday, at this time", 24), ("A week ago", 24 * 7)):
        seq = now - hours * HOUR
        if seq >= book.book.pruned and book.last_seq(seq):
            found.append(Suggestion(title, moment(seq), url_for("giving_back.past", seq=seq)))
    return found


def _before(burst: ChangeBurst, author: Any) -> Suggestion:
    who = "an unknown device" if author is None else author.device or f"{author.user} in the browser"
    title = f"Before {burst.size:,} changes from {who}"
    return Suggestion(title, f"which began {moment(burst.first)}", url_for("giving_back.past", seq=burst.first - 1))


def moment_of(asked: Values) -> int:
    """The seq to go back to, from a seq or a time in UTC. Raises Invalid in words for people."""
    try:
        seq = asked.number("seq", -1) if "seq" in asked else _micros(asked.text("at", ""))
    except Malformed:
        seq = -1
    if not 0 <= seq <= INTEGER_MAX:
        raise Invalid("bad_moment", "Choose a day and a time first.")
    if seq > services().clock():
        raise Invalid("future", "This moment is still to come: choose one that has passed.")
    return seq


def _micros(text: str) -> int:
    try:
        at = datetime.fromisoformat(text).replace(tzinfo=UTC)
        return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    except ValueError:
        return -1


def moment(seq: int) -> str:
    at = datetime.fromtimestamp(seq // 1_000_000, UTC)
    return f"{date(seq)}, {at:%H:%M} UTC"


giving_back.add_app_template_filter(moment)


def sorted_out(found: list[RecordRestore]) -> list[tuple[RestoreKind, int, list[RestoredRow]]]:
    """Per kind how many there are, and the first of them by name."""
    made = []
    for kind in RestoreKind:
        some = sorted((one for one in found if one.kind is kind), key=lambda one: name_of(one.record).casefold())
        made.append((kind, len(some), [_back(one) for one in some[:SHOWN_MAX]]))
    return made


def _back(one: RecordRestore) -> RestoredRow:
    before, after = state_of(one.record), one.wanted
    name = str(after.get("name") or name_of(one.record))
    if one.kind is RestoreKind.DELETED:
        return RestoredRow(one.record.id, name, ())
    cells = [cell for cell in one.wish.cells if one.kind is RestoreKind.CHANGED or cell in after]
    return RestoredRow(one.record.id, name, tuple(changed_lines(before, after, cells)))
