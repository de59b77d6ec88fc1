"""Whether a database can be read and has the schema that this version needs: what each start and command asks first."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from offbook.core.messages import Fault
from ops import messages
from storage.engines.database import Database
from storage.errors import Unwritable
from storage.schema.revisions import revision_of, revisions, why_unknown

HEALTHY = "healthy"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence; ``bad`` where something should be done, which the sentence then says."""

    fault: Fault

    @property
    def sentence(self) -> str:
        """The sentence."""
        return self.fault.detail

    @property
    def bad(self) -> bool:
        """Whether something should be done."""
        return self.fault.code != HEALTHY


def check_schema(database: Database) -> list[Finding]:
    """Whether the schema is the one that this version needs; one finding."""
    wanted = revisions()[-1]
    try:
        current = revision(database)
    except Unwritable as error:
        return [Finding(messages.CANT_BE_READ.fault(reason=error.for_admins))]
    except DBAPIError as error:
        return [Finding(messages.DATABASE_FAILS.fault(reason=driver_message(error)))]
    if current == wanted:
        return [Finding(messages.SCHEMA_UP_TO_DATE.fault(current=str(current)))]
    if current is not None and (newer := why_unknown(current)) is not None:
        return [Finding(newer)]
    return [Finding(messages.SCHEMA_OLD.fault(current=current or "missing", wanted=wanted))]


def revision(database: Database) -> str | None:
    """The schema that the database has; None before the first migration. Raises DBAPIError."""
    with database.read() as connection:
        return revision_of(connection)


def is_readable(database: Database) -> bool:
    """Whether the schema's revision can be read at all."""
    try:
        revision(database)
    except (DBAPIError, Unwritable):
        return False
    return True


def is_migrated(database: Database) -> bool:
    """Whether the schema is the one that this version needs."""
    return not any(finding.bad for finding in check_schema(database))


def driver_message(error: Exception) -> str:
    """The driver's own, without what SQLAlchemy adds."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    words = cause.args[-1] if cause is not None and cause.args else cause
    return str(words).partition("\n")[0]
