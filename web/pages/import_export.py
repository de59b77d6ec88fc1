"""A Google Contacts file in, and out again.

A row's id follows from its content: a contact that is in the book already is left as it is, so that a file imported
twice adds nothing. Nor does an import bring back what was deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from offbook.core.errors import Malformed
from offbook.core.model import Change, Operation, Rejection
from offbook.core.protocol.requests import CHANGES_MAX, change_of
from offbook.core.protocol.rows import iso_millis
from offbook.core.schema import CONTACTS
from offbook.formats import google_csv
from services.pull import pull
from services.push import Turns, push_in_turns
from storage.base import ChangeOrigin
from web.auth import session_required
from web.current import services
from web.server.pools import Pool, runs_in
from web.sessions import signed_in_user

imports = Blueprint("imports", __name__)

Contact = dict[str, Any]


@dataclass(slots=True)
class Report:
    """What became of a file's rows. ``problems`` are (row or name, sentence)."""

    added: int = 0
    here: int = 0
    in_trash: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)


@imports.get("/import")
@session_required
def choose() -> ResponseReturnValue:
    return render_template("import_export/upload.html", total=services().contacts.count(signed_in_user().book_id))


@imports.post("/import")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def take() -> ResponseReturnValue:
    file = request.files.get("file")
    if file is None or not file.filename:
        return refused("Choose a file first.")
    try:
        found = google_csv.read(google_csv.decode(file.stream.read()))
    except Malformed as flaw:
        return refused(str(flaw))
    report = Report(problems=[(f"Row {problem.row}", problem.detail) for problem in found.problems])
    contacts = iter(found.contacts)
    while batch := list(islice(contacts, CHANGES_MAX)):
        add(report, batch)
    return render_template("import_export/result.html", report=report, file=file.filename)


@imports.get("/export.csv")
@session_required
@runs_in(Pool.WHOLE_BOOKS)
def export() -> ResponseReturnValue:
    contacts = sorted(everyone(signed_in_user().book_id), key=lambda contact: str(contact["name"]).casefold())
    name = {"Content-Disposition": 'attachment; filename="contacts.csv"'}
    return Response(google_csv.write(contacts), mimetype="text/csv", headers=name)


def refused(error: str) -> ResponseReturnValue:
    return render_template(
        "import_export/upload.html", total=services().contacts.count(signed_in_user().book_id), error=error
    ), 422


def add(report: Report, batch: Sequence[Contact]) -> None:
    """Add those contacts of a batch that the book has never had."""
    known = services().contacts.known(signed_in_user().book_id, [contact["id"] for contact in batch])
    fresh = [contact for contact in batch if contact["id"] not in known]
    report.in_trash += sum(known.values())
    report.here += len(known) - sum(known.values())
    if not fresh:
        return
    now, origin = services().clock(), ChangeOrigin(user_id=signed_in_user().id)
    changes = [change_for(contact, now) for contact in fresh]
    with Turns(services().store, signed_in_user().book_id) as turns:
        pushed = push_in_turns(turns, origin, changes, now)
    for contact, outcome in zip(fresh, chain.from_iterable(part.outcomes for part in pushed), strict=True):
        if outcome.fault is not None:
            report.problems.append((contact["name"], outcome.fault.detail))
        else:
            report.added += 1


def change_for(contact: Contact, now: int) -> Change | Rejection:
    change_id = services().new_id()
    item = {
        "id": change_id,
        "table": CONTACTS.name,
        "record_id": contact["id"],
        "operation": Operation.INSERT.value,
        "timestamp": iso_millis(now // 1000),
        "data": {name: value for name, value in contact.items() if name != "id"},
    }
    return change_of(item, change_id)


def everyone(book_id: int) -> Iterator[Contact]:
    """Every live contact of a book, in wire form."""
    cursor, more = None, True
    while more:
        page = pull(services().store, book_id, cursor)
        cursor, more = page.cursor, page.more
        yield from (row["data"] for row in page.changes if row["table"] == CONTACTS.name and row["data"])
