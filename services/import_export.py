"""A Google Contacts file into a book, and out of it.

A row's id follows from its content: a contact that is in the book already is left as it is, so that a file imported
twice adds nothing. Nor does an import bring back what was deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from offbook.contacts.table import CONTACTS
from offbook.core.merge.batch import Outcome
from offbook.core.model import Change, Operation, Rejection
from offbook.core.protocol.requests import CHANGES_MAX, build_change
from offbook.formats import google_csv
from offbook.formats.google_csv import Contact
from services.sync.portions import push_in_turns
from services.sync.pull import pull
from services.sync.push import Turns
from storage.base import ChangeOrigin, Store
from storage.repositories.contact_queries import ContactQueries


@dataclass(slots=True)
class ImportReport:
    """How many contacts of a file were added, were there already, or had been deleted, and what could not be taken:
    ``problems`` are a row or a name, each with a sentence. All its changes share the
    ``batch``, by which they can be undone."""

    batch: str
    added: int = 0
    already_here: int = 0
    deleted_before: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)


def import_contacts(
    store: Store,
    queries: ContactQueries,
    book_id: int,
    origin: ChangeOrigin,
    file: bytes,
    now_us: int,
    new_id: Callable[[], str],
) -> ImportReport:
    """Add those contacts of a file that the book has never had, in transactions that leave others their turns.

    Raises Malformed where the file can't be read, before anything is written.
    """
    parsed = google_csv.read(google_csv.decode(file))
    report = ImportReport(new_id(), problems=[(f"Row {problem.row}", problem.detail) for problem in parsed.problems])
    for start in range(0, len(parsed.contacts), CHANGES_MAX):
        contacts = parsed.contacts[start : start + CHANGES_MAX]
        is_deleted = queries.known(book_id, [contact["id"] for contact in contacts])
        report.deleted_before += sum(is_deleted.values())
        report.already_here += len(is_deleted) - sum(is_deleted.values())
        fresh = [contact for contact in contacts if contact["id"] not in is_deleted]
        changes = [_insert(contact, new_id(), report.batch, now_us) for contact in fresh]
        for contact, outcome in zip(fresh, _push(store, book_id, origin, changes, now_us), strict=True):
            if outcome.fault is not None:
                report.problems.append((contact["name"], outcome.fault.detail))
            else:
                report.added += 1
    return report


def _push(
    store: Store, book_id: int, origin: ChangeOrigin, changes: Sequence[Change | Rejection], now_us: int
) -> list[Outcome]:
    if not changes:
        return []
    with Turns(store, book_id) as turns:
        parts = push_in_turns(turns, origin, changes, now_us)
    return [outcome for part in parts for outcome in part.outcomes]


def _insert(contact: Contact, change_id: str, batch: str, now_us: int) -> Change | Rejection:
    now_ms, record_id = now_us // 1000, contact["id"]
    return build_change(change_id, CONTACTS, record_id, Operation.INSERT, change_id, now_ms, data=contact, batch=batch)


def export_contacts(store: Store, book_id: int) -> str:
    """A file of every live contact of a book, by name."""
    contacts = sorted(_all_contacts(store, book_id), key=lambda contact: str(contact["name"]).casefold())
    return google_csv.write(contacts)


def _all_contacts(store: Store, book_id: int) -> Iterator[Contact]:
    cursor, more = None, True
    while more:
        page = pull(store, book_id, cursor)
        cursor, more = page.cursor, page.more
        yield from (row["data"] for row in page.changes if row["table"] == CONTACTS.name and row["data"])
