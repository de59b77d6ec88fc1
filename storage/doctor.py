"""What a look at the database finds: whether it is whole, safe against a power cut, and as this version wants it."""

from __future__ import annotations

from dataclasses import dataclass

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from storage.engines import Database
from storage.migrating import config_for
from storage.moving import why_closed


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence; ``bad`` where something should be done, which the sentence then says."""

    sentence: str
    bad: bool = False


def examine(database: Database) -> list[Finding]:
    found = schema(database)
    if not any(finding.bad for finding in found):
        found += openness(database)
    return [*found, *settings(database), *integrity(database)]


def schema(database: Database) -> list[Finding]:
    wanted = ScriptDirectory.from_config(config_for(database)).get_current_head()
    with database.read() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found == wanted:
        return [Finding(f"The schema is up to date ({found}).")]
    return [Finding(f"The schema is {found or 'missing'} and should be {wanted}: run `flask db upgrade`.", bad=True)]


def openness(database: Database) -> list[Finding]:
    closed = why_closed(database)
    return [] if closed is None else [Finding(closed, bad=True)]


def settings(database: Database) -> list[Finding]:
    facts = database.facts()
    told = ", ".join(f"{name} {value}" for name, value in facts.items() if name not in ("engine", "version", "fixed"))
    found = [Finding(f"The database is {facts['engine']} {facts['version']} ({told}).")]
    if not facts.get("fixed", True):
        sentence = "This SQLite has a race that can corrupt the database: install the pysqlite3 package, or 3.51.3."
        found.append(Finding(sentence, bad=True))
    if facts.get("synchronous", "full") not in ("full", "extra"):
        found.append(Finding("A power cut can undo what was acknowledged: a commit must wait for the disk.", bad=True))
    if facts.get("order", "by code point") != "by code point":
        found.append(Finding("Names are sorted otherwise than on devices: run `flask db upgrade`.", bad=True))
    return found


def integrity(database: Database) -> list[Finding]:
    faults = database.faults()
    if not faults:
        return [Finding("The database is whole.")]
    return [Finding(f"The database is damaged ({fault}): restore a backup.", bad=True) for fault in faults]
