"""PostgreSQL's backups: pg_dump's custom format, which is one state of the database whoever writes meanwhile.

Putting back is one transaction: it drops what is there and makes what the file holds, or does nothing at all. By itself
pg_restore drops only what the file knows, and would leave the tables of a later schema. It would wait for whoever is
reading, and the schema is upgraded only after it; so it is refused while anybody has the database open, and closed for
whoever comes later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, text

from ops import messages
from ops.backup import postgresql_dump
from ops.backup.client_programs import beginning, feed, read, refuse_others, run
from ops.backup.contents import Loader, declared_by
from ops.backup.files import BackupError
from ops.backup.restore import RestoreRun
from ops.backup.schema import DatabaseSchema, expected_at, scratch_at
from storage.engines.read_only_mode import CLOSE_RESTORED, RESTORED, RESTORING, TABLE

PACKAGE = "postgresql-client"
MAGIC = b"PGDMP"
VERSIONS = "alembic_version"
SECRET = "sslpassword"
"""What only a program's arguments could carry, which everyone reads."""

NOT_PASSED = {"password", "options", "autocommit", "prepare_threshold"}
"""The first goes by the environment, in the place of the second offbook's connections have their own, and the others
are the driver's. All that is left, the driver itself passes to libpq, as the programs do."""

OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)

QUOTED = 'CREATE TABLE "'
"""A dump with quotes around every name was sealed: pg_dump writes none around plain names unless told to."""

MADE = ["pg_restore", "--clean", "--if-exists", "--no-owner", "--no-acl", "--file=-"]
"""Makes of a dump what psql then runs: what is read before is the same."""

DROP_ALL = b"""
SET lock_timeout = '30s';
DO $$
DECLARE found text;
BEGIN
    FOR found IN SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = current_schema() LOOP
        EXECUTE 'DROP TABLE IF EXISTS ' || found || ' CASCADE';
    END LOOP;
END $$;
"""
CLOSE = f"""
RESET search_path;
{CLOSE_RESTORED} ON CONFLICT (name) DO UPDATE SET value = '{RESTORED}' WHERE {TABLE}.value = '{RESTORING}';
""".encode()
"""In the same transaction: from the old database to the new one there is no moment at which others may write."""


BEGIN, COMMIT = b"BEGIN;\n", b"COMMIT;\n"
"""Sent like all else, instead of by ``--single-transaction``: with that psql would commit what came until then, when
this process is killed and its pipe ends."""


def back_up(engine: Engine, path: Path) -> None:
    words = ["pg_dump", "--format=custom", "--no-owner", "--no-acl", "--quote-all-identifiers", f"--file={path}"]
    run([*words, *_place(engine.url)], PACKAGE, _secrets(engine.url))


def revision(path: Path) -> str | None:
    """None where it is no dump, or not of offbook. What the dump lacks at its end, its reader misses."""
    if beginning(path, len(MAGIC)) != MAGIC:
        return None
    try:
        run(["pg_restore", "--file=/dev/null", str(path)], PACKAGE, {})
    except BackupError as error:
        raise BackupError.of(messages.UNREADABLE_DUMP, path=path, reason=str(error)) from None
    lines = run(["pg_restore", "--data-only", f"--table={VERSIONS}", "--file=-", str(path)], PACKAGE, {}).split("\n")
    starts = [place for place, line in enumerate(lines) if line.startswith("COPY ")]
    return lines[starts[0] + 1].strip() if starts else None


def is_marked(path: Path) -> bool:
    return QUOTED in run(["pg_restore", "--schema-only", f"--table={VERSIONS}", "--file=-", str(path)], PACKAGE, {})


def is_used(path: Path) -> bool:
    """It can't be."""
    return False


@contextmanager
def opened(path: Path, revision: str, folder: Path) -> Iterator[tuple[Any, DatabaseSchema]]:
    """A scratch database with the rows of the dump, and the schema that the dump declares."""
    only_settings = read(["pg_restore", "--data-only", f"--table={TABLE}", "--file=-", str(path)], PACKAGE)
    tables = declared_by(postgresql_dump.settings(only_settings)).latest
    with scratch_at(revision, folder, tables) as scratch:
        loader = Loader(scratch, expected_at(revision, tables))
        schema = postgresql_dump.read(read([*MADE, str(path)], PACKAGE), loader)
        loader.finish()
        yield scratch, schema


def put_back(engine: Engine, path: Path, steps: RestoreRun) -> None:
    held = read([*MADE, str(path)], PACKAGE)
    words = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"]
    refuse_others(engine, OTHERS)
    with steps.closed():
        steps.keep()
        feed(
            [*words, *_place(engine.url)],
            PACKAGE,
            _secrets(engine.url),
            chain([BEGIN, DROP_ALL], held, [CLOSE, COMMIT]),
        )
    steps.finish(engine.url)


def file_of(url: URL) -> None:
    """It is none."""


def _place(url: URL) -> list[str]:
    """Where offbook's own connections go, by the whole URL: a dump of another server would be found too late."""
    arguments = {name: str(value) for name, value in _given(url).items() if name not in NOT_PASSED}
    if SECRET in arguments:
        raise BackupError.of(messages.OPTION_REFUSED, name=SECRET, programs="PostgreSQL's programs")
    return ["--no-password", "--dbname=" + " ".join(f"{name}={_quoted(value)}" for name, value in arguments.items())]


def _quoted(value: str) -> str:
    """https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE"""
    escaped = value.replace("\\", r"\\").replace("'", r"\'")
    return f"'{escaped}'"


def _secrets(url: URL) -> Mapping[str, str | None]:
    return {"PGPASSWORD": _given(url).get("password")}


def _given(url: URL) -> dict[str, Any]:
    """What the driver is given of the URL: its query counts for more than what stands before it."""
    _, arguments = url.get_dialect()().create_connect_args(url)
    return dict(arguments)
