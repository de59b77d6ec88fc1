"""Full disks, real ones where a test can have one: a small file system in memory that is filled to its last byte.

It takes root to mount one. A server of databases has its disk elsewhere, so there every table has a trigger that fails
with the server's own error for a full disk: what is refused, and how it is said, is the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

SMALL = "8m"
FILLER = "filler"


class Disk(Protocol):
    """What a database lies on."""

    def fill(self) -> None:
        """Leave no room for another byte."""

    def free(self) -> None:
        """Make room again."""


class SmallDisk:
    """A file system of its own, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        handle = os.open(self.folder / FILLER, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            while True:
                os.write(handle, bytes(4096))
        except OSError:
            assert shutil.disk_usage(self.folder).free == 0
        finally:
            os.close(handle)

    def free(self) -> None:
        (self.folder / FILLER).unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Gone at the end, with all that is on it; files on it that are open stay until they are closed."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk: run the tests as root, as CI does")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder)], check=True)
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


WRITES = {
    "attempts": "INSERT",
    "books": "UPDATE",
    "card_programs": "INSERT UPDATE",
    "cards": "INSERT",
    "changes": "INSERT",
    "contacts": "INSERT",
    "device_cards": "INSERT UPDATE",
    "devices": "INSERT UPDATE",
    "sessions": "INSERT UPDATE",
    "settings": "INSERT",
    "tutorial_numbers": "INSERT",
    "tutorial_rows": "INSERT",
    "users": "INSERT UPDATE",
}
"""What is written here, by table. A trigger takes MariaDB as long as a hundred rows."""

PAIRS = [(name, way) for name, ways in WRITES.items() for way in ways.split()]


def postgresql_refusal(code: str) -> tuple[str, ...]:
    """Statements after which every write fails with this SQLSTATE."""
    return (
        "CREATE FUNCTION offbook_refused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"RAISE EXCEPTION 'refused by a test' USING ERRCODE = '{code}'; END $$",
        *(
            f"CREATE TRIGGER refused_{way} BEFORE {way} ON {name} EXECUTE FUNCTION offbook_refused()"
            for name, way in PAIRS
        ),
    )


def mariadb_refusal(code: str) -> tuple[str, ...]:
    """Statements after which every write fails with this error; what follows the number is its text."""
    number, _, text = code.partition(" ")
    return tuple(
        f"CREATE TRIGGER refused_{name}_{way} BEFORE {way} ON {name} FOR EACH ROW "
        f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = '{text or 'refused by a test'}'"
        for name, way in PAIRS
    )


REFUSALS = {"postgresql": postgresql_refusal, "mysql": mariadb_refusal}
ALLOWED = {
    "postgresql": ("DROP FUNCTION IF EXISTS offbook_refused CASCADE",),
    "mysql": tuple(f"DROP TRIGGER IF EXISTS refused_{name}_{way}" for name, way in PAIRS),
}
FULL = {"postgresql": "53100", "mysql": "1114"}
"""The errors of a full disk."""


class Refusing:
    """A database on a server, which refuses each write for as long as it is full."""

    def __init__(self, url: str, engine: str, code: str) -> None:
        self._engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._refused = REFUSALS[engine](code)
        self._allowed = ALLOWED[engine]
        self._is_full = False

    def fill(self) -> None:
        self._is_full = True
        self._run(self._refused)

    def free(self) -> None:
        if self._is_full:
            self._run(self._allowed)
        self._is_full = False

    def _run(self, statements: tuple[str, ...]) -> None:
        with self._engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


@contextmanager
def refusing(url: str, engine: str, code: str) -> Iterator[Refusing]:
    disk = Refusing(url, engine, code)
    try:
        yield disk
    finally:
        disk.free()
