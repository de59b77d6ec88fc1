"""The programs of a database server that copy its databases. Whatever they say that goes wrong is one sentence here.

A password never stands among a program's arguments, which everyone on the machine can read: it comes by the
environment. What a program writes goes into a file, and what it reads comes from one, so that nothing has to fit into
memory.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from sqlalchemy import Engine, TextClause

from storage.backup_files import BackupError

CLOSING_SECONDS = 2.0


def run(
    words: Sequence[str],
    package: str,
    secrets: Mapping[str, str | None],
    source: IO[bytes] | None = None,
    target: IO[bytes] | None = None,
) -> str:
    """Run a program of ``package``; returns what it says, where that goes to no ``target``. Raises BackupError."""
    environ = os.environ | {name: value for name, value in secrets.items() if value}
    try:
        ran = subprocess.run(
            words,
            stdin=source or subprocess.DEVNULL,
            stdout=target or subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environ,
            check=False,
        )
    except FileNotFoundError:
        raise BackupError(f"The program {words[0]} is not installed: install the package {package}.") from None
    if ran.returncode != 0:
        said = " ".join(ran.stderr.decode(errors="replace").split())
        raise BackupError(f"{words[0]} failed ({said[:500] or ran.returncode}): the database is as it was.")
    return "" if target is not None else ran.stdout.decode(errors="replace")


def refuse_others(engine: Engine, query: TextClause) -> None:
    """Raise BackupError where somebody else has the database open: ``query`` counts them.

    A connection that was closed just now is still counted for a moment.
    """
    deadline = time.monotonic() + CLOSING_SECONDS
    engine.dispose()
    with engine.connect() as connection:
        connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        while others := connection.scalar(query) or 0:
            if time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            raise BackupError(_in_use(others))
    engine.dispose()


def _in_use(others: int) -> str:
    connections = "1 other connection has" if others == 1 else f"{others} other connections have"
    return f"{connections} the database open: stop the server, then restore again. Nothing was done."


def option_refused(name: str, programs: str) -> str:
    return (
        f"The option {name} of DATABASE_URL can't be given to {programs}: leave it out, for this command at least. "
        "Nothing was done."
    )


def beginning(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)
