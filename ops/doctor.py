"""What a look at the database finds: is it whole, safe against a power cut, quick, and as this version wants it?

Each look is made before a migration too, as far as there is something to look at.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from models import Book
from offbook.core.accounts.users import Access, Rights
from offbook.core.formatting import format_count
from ops import messages
from ops.digests import count_to_rewrite
from ops.move.closed_marker import why_closed
from ops.query_plans import full_scans, missing_indexes
from ops.schema_check import Finding, check_schema, driver_message, is_migrated, is_readable
from ops.search_texts import count_old_search_texts
from storage.engines import write_probe
from storage.engines.database import Database
from storage.engines.read_only_mode import ReadOnlyMode
from storage.errors import Unwritable
from storage.repositories.accounts import user_names
from storage.repositories.accounts.devices import RIGHTS


def examine(database: Database) -> list[Finding]:
    """All that can be found out by reading it. That it can't be read at all is a finding of ``check_schema``."""
    findings = check_schema(database)
    if is_readable(database):
        findings += [*settings(database), *integrity(database)]
    if is_migrated(database):
        findings += [*writing(database), *openness(database), *names(database), *digests(database)]
        findings += [*search_texts(database), *indexes(database)]
    return findings


def writing(database: Database) -> list[Finding]:
    """Whether it takes a write, found out by one."""
    refused = write_probe.probe(database)
    if refused is None:
        return [Finding(messages.TAKES_WRITES.fault())]
    if isinstance(refused, ReadOnlyMode):  # openness() says more
        return []
    return [Finding(refused.admin_fault)]


def openness(database: Database) -> list[Finding]:
    """Why the database takes no changes, if a move or a restore closed it."""
    closed = why_closed(database)
    return [] if closed is None else [Finding(closed)]


def names(database: Database) -> list[Finding]:
    """Whether each user is found by every spelling of the name."""
    with database.read() as connection:
        shared = user_names.find_clashes(connection)
    if not shared:
        return [Finding(messages.NAMES_DIFFER.fault())]
    return [Finding(messages.NAMES_CLASH.fault(users=", ".join(map(repr, spellings)))) for spellings in shared]


def digests(database: Database) -> list[Finding]:
    """Whether each record's digest is of today's form."""
    count = count_to_rewrite(database)
    if not count:
        return [Finding(messages.DIGESTS_NEW.fault())]
    have = format_count(count, "record has", "records have")
    return [Finding(messages.DIGESTS_OLD.fault(have=have))]


def search_texts(database: Database) -> list[Finding]:
    """Whether each record is found, and in its place, as this version does it."""
    count = count_old_search_texts(database)
    if not count:
        return [Finding(messages.SEARCH_TEXTS_NEW.fault())]
    have = format_count(count, "record is", "records are")
    return [Finding(messages.SEARCH_TEXTS_OLD.fault(have=have))]


def newest_seq(database: Database) -> int:
    """Of all books: the time of the last change, by the clock as it was then. 0 where nothing was changed yet."""
    with database.read() as connection:
        return connection.execute(select(func.max(Book.seq))).scalar_one() or 0


@dataclass(frozen=True, slots=True)
class UserCounts:
    """How many users are let in, are so as admins, are disabled, are in the trash; and when the first went there."""

    let_in: int
    admins: int
    disabled: int
    removed: int
    first_removed_at: int | None


def people(database: Database) -> UserCounts:
    """How many users there are in each state."""
    with database.read() as connection:
        rows = [Rights(*row) for row in connection.execute(select(*RIGHTS))]
    counts = Counter(rights.access for rights in rows)
    return UserCounts(
        let_in=counts[Access.ACTIVE],
        admins=sum(rights.is_active_admin for rights in rows),
        disabled=counts[Access.DISABLED],
        removed=counts[Access.REMOVED],
        first_removed_at=min((rights.removed_at for rights in rows if rights.removed_at is not None), default=None),
    )


def settings(database: Database) -> list[Finding]:
    """The engine, its version and the settings in force, and which of them are unsafe."""
    facts = database.facts()
    words = ", ".join(f"{name} {value}" for name, value in facts.items() if name not in ("engine", "version", "fixed"))
    findings = [Finding(messages.ENGINE.fault(engine=facts["engine"], version=facts["version"], facts=words))]
    if not facts.get("fixed", True):
        findings.append(Finding(messages.RACY_SQLITE.fault()))
    if facts.get("synchronous", "full") not in ("full", "extra"):
        findings.append(Finding(messages.COMMITS_EARLY.fault()))
    if facts.get("order", "by code point") != "by code point":
        findings.append(Finding(messages.SORTED_OTHERWISE.fault()))
    return findings


def integrity(database: Database) -> list[Finding]:
    """Whether the stored data itself is whole; reads all of it."""
    try:
        faults = database.faults()
    except Unwritable as error:
        return [Finding(messages.CANT_BE_READ_WHOLE.fault(reason=error.for_admins))]
    except DBAPIError as error:
        faults = [driver_message(error)]
    if not faults:
        return [Finding(messages.WHOLE.fault())]
    return [Finding(messages.DAMAGED.fault(flaw=str(fault))) for fault in faults]


def indexes(database: Database) -> list[Finding]:
    """Whether the statements that must find their rows by an index do."""
    missing = missing_indexes(database)
    if missing:
        return [Finding(messages.INDEX_MISSING.fault(name=name, statement=make)) for name, make in missing]
    names = dict.fromkeys(question.name for question in full_scans(database))
    if names:
        return [Finding(messages.READS_TOO_MUCH.fault(questions=", ".join(names)))]
    return [Finding(messages.INDEXES_USED.fault())]
