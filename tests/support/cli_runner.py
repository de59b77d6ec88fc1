"""The `offbook` command for tests: run in this process, which is fast, or in one of its own, which is real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from threading import Timer
from typing import Any
from unittest.mock import patch

from offbook.__main__ import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Device:
    """A device: the file of its book. Calling it runs a command on that."""

    file: Path

    def __call__(self, *words: str, typed: str | bytes = "") -> Said:
        data = typed if isinstance(typed, bytes) else typed.encode()
        stdin, out, err = (TextIOWrapper(BytesIO(start), "utf-8", newline="") for start in (data, b"", b""))
        with patch("sys.stdin", stdin), redirect_stdout(out), redirect_stderr(err):
            code = main(["--db", str(self.file), *words])
        return Said(code, text_of(out), text_of(err))

    def started(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """The same in a process of its own. Whoever starts it waits for it."""
        usual = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        command = [sys.executable, "-m", "offbook", "--db", str(self.file), *words]
        return subprocess.Popen(command, cwd=ROOT, **usual | options)

    @contextmanager
    def watching(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """`offbook watch`. It ends after a minute: a line that never comes then fails the test that waits for it."""
        with self.started("watch", *words) as child:
            timer = Timer(60, child.kill)
            timer.start()
            try:
                yield child
            finally:
                timer.cancel()
                child.kill()

    def really(self, *words: str, typed: str = "", **environ: str) -> Said:
        with self.started(*words, stdin=subprocess.PIPE, env=os.environ | environ) as child:
            out, err = child.communicate(typed, timeout=60)
        return Said(child.returncode, out, err)

    def id_of(self, name: str) -> str:
        return str(self("show", name, "--json").json["id"])


def text_of(stream: TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, BytesIO)
    return stream.buffer.getvalue().decode()
