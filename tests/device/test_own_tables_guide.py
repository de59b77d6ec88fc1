"""docs/own-tables.md as it is written: its files, its commands and what they print, with a server that is stopped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.browser import PASSWORD
from tests.support.cli_runner import ROOT
from tests.support.live_server import serving_process

pytestmark = pytest.mark.processes

GUIDE = (ROOT / "docs" / "own-tables.md").read_text()
FILE = re.compile(r"`(\w+\.py)`[^`]*?\n\n```python\n(.+?)^```", re.M | re.S)
CONSOLE = re.compile(r"^```console\n(.+?)^```", re.M | re.S)
ID = re.compile(r"(?<=^[-x] )[0-9a-f]{6}(?= )", re.M)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Each command of a block, and what the guide shows of its output."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


class Terminal:
    """A shell in the project's folder, after `make install`."""

    def __init__(self, folder: Path, instance: Path, url: str) -> None:
        self.folder = folder
        self._url = url
        environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        self._environ = environ | {"INSTANCE_PATH": str(instance), "PATH": path, "PYTHONPATH": str(folder)}
        for entry in ROOT.iterdir():
            if ".db" not in entry.name:
                (folder / entry.name).symlink_to(entry)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text.replace("http://127.0.0.1:5000", self._url))

    def run(self, block: str) -> None:
        """Run the commands of a block. Each prints what the guide shows, where it shows something."""
        for command, shown in commands(block):
            ran = subprocess.run(
                ["sh", "-c", command], cwd=self.folder, env=self._environ, text=True, capture_output=True, timeout=60
            )
            assert ran.returncode == 0, f"{command}: {ran.stderr}"
            if shown:
                assert ID.sub("……", ran.stdout) == shown, command


def test_the_guide_runs_as_it_is_written(tmp_path: Path) -> None:
    folder, instance = tmp_path / "project", tmp_path / "instance"
    folder.mkdir()
    (tables, _), (todo, program), (_, grown) = FILE.findall(GUIDE)
    grow, first_use, offline, online, growth = CONSOLE.findall(GUIDE)
    with ExitStack() as running:
        server = running.enter_context(serving_process(instance))
        port = str(urlsplit(server.url).port)
        terminal = Terminal(folder, instance, server.url)
        terminal.run(f"$ printf '{PASSWORD}' | flask user add ada --password-stdin\n")
        terminal.write(tables, FILE.findall(GUIDE)[0][1])
        terminal.write(todo, program)
        terminal.run(grow)
        terminal.run(first_use)
    terminal.run(offline)
    with serving_process(instance, PORT=port):
        terminal.run(online)
        terminal.write(tables, grown)
        terminal.run(growth)


def test_the_example_is_what_the_guide_shows() -> None:
    (tables, declaration), (todo, program), _ = FILE.findall(GUIDE)
    assert (ROOT / "examples" / "notes" / tables).read_text() == declaration
    assert (ROOT / "examples" / "notes" / todo).read_text() == program
