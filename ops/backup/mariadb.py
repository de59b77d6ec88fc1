"""MariaDB's backups: what mariadb-dump writes in one transaction, which is one state of the database.

Putting back drops the tables that are there and runs the file. MariaDB takes back no change of a table, so that this is
no transaction: it is refused while anybody has the database open, closed for whoever comes later, and what goes wrong
in the middle says where the database of before is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, text
from sqlalchemy.util import asbool

from ops import messages
from ops.backup import mariadb_dump, seal
from ops.backup.client_programs import beginning, feed, refuse_others, require, run
from ops.backup.contents import Loader, declared_by
from ops.backup.files import BackupError
from ops.backup.restore import RestoreRun
from ops.backup.schema import DatabaseSchema, expected_at, scratch_at
from storage.engines.read_only_mode import CLOSE_RESTORED, TABLE

PACKAGE = "mariadb-client"
OTHERS = text(
    "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"
    " AND command <> 'Killed'"
)
HEADS = (b"-- MariaDB dump", b"/*M!")
END = b"-- Dump completed"
"""Without a date after it the dump was sealed: mariadb-dump writes one unless told not to."""

END_BYTES = 200
VERSIONS = b"INSERT INTO `alembic_version` VALUES"
VERSION = re.compile(rb"\('(\w+)'\)")
SETTINGS = f"`{TABLE}`".encode()
NEW, OLD = f"{TABLE}_new", f"{TABLE}_old"
SETTINGS_BEGIN = f"DROP TABLE IF EXISTS `{TABLE}`".encode()
STATEMENTS = (b"DROP ", b"CREATE ", b"LOCK ", b"INSERT ", b"/*!40000 ALTER ")
CLOSE = f"{CLOSE_RESTORED.replace(TABLE, NEW, 1)} ON DUPLICATE KEY UPDATE name = name;\n".encode()
OPTIONS = {
    "host": "--host",
    "port": "--port",
    "user": "--user",
    "unix_socket": "--socket",
    "ssl_ca": "--ssl-ca",
    "ssl_capath": "--ssl-capath",
    "ssl_cert": "--ssl-cert",
    "ssl_key": "--ssl-key",
    "ssl_cipher": "--ssl-cipher",
}
"""What the programs are given of a URL, by the name that it has there."""

OF_THE_DRIVER = {"charset", "use_unicode", "connect_timeout", "read_timeout", "write_timeout", "ssl_check_hostname"}
"""What else a URL may say: none of it is about which database is meant."""


def back_up(engine: Engine, path: Path) -> None:
    words = ["mariadb-dump", "--single-transaction", "--quick", "--hex-blob", "--skip-lock-tables", "--no-tablespaces"]
    words.append("--skip-dump-date")
    with path.open("wb") as file:
        run([*words, *_place(engine.url)], PACKAGE, _secrets(engine.url), target=file)
    if not _is_whole(path):
        raise BackupError.of(messages.PARTIAL_DUMP)


def revision(path: Path) -> str | None:
    """None where it is no dump, or not of offbook."""
    if not beginning(path, 20).startswith(HEADS):
        return None
    if not _is_whole(path):
        raise BackupError.of(messages.DUMP_CUT_OFF, path=path)
    with path.open("rb") as file:
        for line in file:
            if line.startswith(VERSIONS):  # the row is on the same line or on the next
                revisions = VERSION.search(line + next(file))
                return revisions and revisions[1].decode()
    return None


def is_marked(path: Path) -> bool:
    return _last_line(path) == END


def is_used(path: Path) -> bool:
    """It can't be."""
    return False


@contextmanager
def opened(path: Path, revision: str, folder: Path) -> Iterator[tuple[Any, DatabaseSchema]]:
    """A scratch database with the rows of the dump, and the schema that the dump declares."""
    with path.open("rb") as file:
        tables = declared_by(mariadb_dump.settings(file)).latest
    with scratch_at(revision, folder, tables) as scratch, path.open("rb") as file:
        loader = Loader(scratch, expected_at(revision, tables))
        schema = mariadb_dump.read(file, loader)
        loader.finish()
        yield scratch, schema


def put_back(engine: Engine, path: Path, steps: RestoreRun) -> None:
    place = _place(engine.url)
    require("mariadb", PACKAGE)
    refuse_others(engine, OTHERS)
    with steps.closed():
        steps.keep()
    with engine.begin() as connection:
        connection.exec_driver_sql("SET FOREIGN_KEY_CHECKS = 0")
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
        names = set(connection.exec_driver_sql(query).scalars())
        for name in names - {TABLE}:  # that has the mark, to the last
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS `{name}`")
    engine.dispose()
    with path.open("rb") as file:
        feed(["mariadb", *place], PACKAGE, _secrets(engine.url), closing(file, TABLE in names))
    steps.finish(engine.url)


def closing(dump: Iterable[bytes], replaces: bool) -> Iterator[bytes]:
    """The lines of a dump, which has its own table of settings: with the mark of a closed database in there too.

    That table is filled under another name and renamed with its mark, so that wherever the restore is killed there is
    one. ``replaces`` is whether there is one before.
    """
    within = False
    for line in dump:
        within = within or line.startswith(SETTINGS_BEGIN)
        if not within:
            yield line
        elif line.startswith(b"UNLOCK TABLES"):
            yield CLOSE + line + _renamed(replaces)
            within = False
        elif line.startswith(STATEMENTS):
            yield line.replace(SETTINGS, f"`{NEW}`".encode(), 1)
        else:
            yield line


def _renamed(replaces: bool) -> bytes:
    """One statement renames both, or neither."""
    away, drop = (f"{TABLE} TO {OLD}, ", f"DROP TABLE {OLD};\n") if replaces else ("", "")
    return f"RENAME TABLE {away}{NEW} TO {TABLE};\n{drop}".encode()


def file_of(url: URL) -> None:
    """It is none."""


def _is_whole(path: Path) -> bool:
    return _last_line(path).startswith(END)


def _last_line(path: Path) -> bytes:
    """The last line before the seal; empty where it has no end."""
    size = seal.content_bytes(path)
    with path.open("rb") as file:
        file.seek(max(0, size - END_BYTES))
        *_, last, rest = b"\n", *file.read(min(END_BYTES, size)).split(b"\n")
    return b"" if rest else last


def _place(url: URL) -> list[str]:
    """Where offbook's own connections go, by the whole URL: a dump of another server would be found too late."""
    query = {name: str(value) for name, value in url.query.items()}
    for name in query:
        if name not in OPTIONS and name not in OF_THE_DRIVER:
            raise BackupError.of(messages.OPTION_REFUSED, name=name, programs="MariaDB's programs")
    arguments = {"host": url.host or "localhost", "port": url.port, "user": url.username, **query}
    if "unix_socket" in query:
        del arguments["host"], arguments["port"]
    words = [f"{option}={arguments[name]}" for name, option in OPTIONS.items() if arguments.get(name)]
    words.append("--protocol=" + ("socket" if "unix_socket" in query else "tcp"))
    if query.keys() & {"ssl_ca", "ssl_capath"} and asbool(query.get("ssl_check_hostname", "true")):
        words.append("--ssl-verify-server-cert")
    return [*words, url.database or ""]


def _secrets(url: URL) -> Mapping[str, str | None]:
    return {"MYSQL_PWD": None if url.password is None else str(url.password)}
