"""What a device must have to run offbook: the package itself, and little time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import offbook

SERVER_ONLY = ("flask", "sqlalchemy", "storage", "web", "models", "orjson", "PIL", "phonenumbers")


def run(folder: Path, script: str) -> str:
    """In a fresh interpreter that finds nothing of the project but the package."""
    (folder / "path").mkdir()
    (folder / "path" / "offbook").symlink_to(Path(offbook.__file__).parent)
    command = [sys.executable, "-c", script]
    environ = {"PYTHONPATH": str(folder / "path")}
    return subprocess.run(command, capture_output=True, cwd=folder, env=environ, check=True, text=True).stdout


def test_a_device_needs_nothing_of_the_server(tmp_path: Path) -> None:
    script = f"""
import sys
from offbook import Replica
with Replica("contacts.db") as book:
    book.contacts.add(name="Ada")
    assert book.contacts.list()[0]["name"] == "Ada"
print([name for name in {SERVER_ONLY!r} if name in sys.modules], "requests" in sys.modules)
"""
    assert run(tmp_path, script).strip() == "[] False"


def test_the_core_does_not_load_the_replica(tmp_path: Path) -> None:
    script = (
        "import sys, offbook.core; print([one for one in ('sqlite3', 'pysqlite3', 'requests') if one in sys.modules])"
    )
    assert run(tmp_path, script).strip() == "[]"


def test_all_public_names_are_there() -> None:
    assert all(isinstance(getattr(offbook, name), type) for name in offbook.__all__)
