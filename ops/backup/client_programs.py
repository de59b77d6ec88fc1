"""The programs of a database server that copy its databases. Whatever they say that goes wrong is one sentence here.

A password never stands among a program's arguments, which everyone on the machine can read: it comes by the
environment. What a program writes goes into a file or, part by part, into another program, so that nothing has to fit
into memory.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from sqlalchemy import Engine, TextClause

from offbook.core.messages import Fault
from ops import messages
from ops.backup.files import BackupError

CLOSING_SECONDS = 2.0
PART_BYTES = 1 << 16

Secrets = Mapping[str, str | None]
"""By the name of the variable that carries each."""


def run(words: Sequence[str], package: str, secrets: Secrets, target: IO[bytes] | None = None) -> str:
    """Run a program of ``package``; returns what it says, where that goes to no ``target``. Raises BackupError."""
    require(words[0], package)
    ran = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=target or subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environ(secrets),
        check=False,
    )
    if ran.returncode != 0:
        raise BackupError(_failed(words[0], ran.returncode, ran.stderr))
    return "" if target is not None else ran.stdout.decode(errors="replace")


def read(words: Sequence[str], package: str) -> Iterator[bytes]:
    """What a program writes, in parts. Raises BackupError where there was more to come."""
    require(words[0], package)
    with tempfile.TemporaryFile() as stderr:
        program = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)
        assert program.stdout is not None
        try:
            while part := program.stdout.read(PART_BYTES):
                yield part
        finally:
            program.stdout.close()
            program.wait()
        stderr.seek(0)
        if program.returncode != 0:
            raise BackupError(_failed(words[0], program.returncode, stderr.read()))


def feed(words: Sequence[str], package: str, secrets: Secrets, source: Iterable[bytes]) -> None:
    """Run a program on what ``source`` gives. Where that raises, the program is ended and never sees an end of it.

    Raises BackupError.
    """
    require(words[0], package)
    with tempfile.TemporaryFile() as stderr:
        program = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=stderr, env=_environ(secrets)
        )
        assert program.stdin is not None
        try:
            for part in source:
                program.stdin.write(part)
            program.stdin.close()
        except BrokenPipeError:
            pass  # it has ended, and said why
        except BaseException:
            program.kill()
            raise
        finally:
            program.wait()
            with suppress(BrokenPipeError):
                program.stdin.close()
        stderr.seek(0)
        if program.returncode != 0:
            raise BackupError(_failed(words[0], program.returncode, stderr.read()))


def require(program: str, package: str) -> None:
    """Raise BackupError where it is not installed."""
    if shutil.which(program) is None:
        raise BackupError.of(messages.NO_PROGRAM, program=program, package=package)


def _environ(secrets: Secrets) -> Mapping[str, str]:
    return os.environ | {name: value for name, value in secrets.items() if value}


def _failed(program: str, code: int, stderr: bytes) -> Fault:
    words = " ".join(stderr.decode(errors="replace").split())
    return messages.PROGRAM_FAILED.fault(program=program, reason=words[:500] or code)


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
            message = messages.ONE_CONNECTION if others == 1 else messages.OTHER_CONNECTIONS
            raise BackupError.of(message, count=others)
    engine.dispose()


def beginning(path: Path, size: int) -> bytes:
    """The first ``size`` bytes of a file, fewer where it is shorter."""
    with path.open("rb") as file:
        return file.read(size)
