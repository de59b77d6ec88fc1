"""Declarations of tables in files, as an admin names them: a Python file, a module, or JSON."""

from __future__ import annotations

import json
import runpy
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from cli import messages
from offbook.contacts.table import BUILT_IN
from offbook.core.cells.validation import Json
from offbook.core.declaration.codec import table_from_json
from offbook.core.errors import Invalid, OffbookError
from offbook.core.schema import Schema, Table

NAME = "TABLES"
"""What holds the tables in a module."""


class UnreadableTables(OffbookError):
    """A file or a module declares no tables; says why, and what to do."""

    code = "bad_declaration"


def read_tables(file: str) -> list[Table]:
    """The tables that a file declares, or a module of this name: Python is run.

    Raises UnreadableTables, and Invalid where the declaration is wrong.
    """
    path = Path(file)
    if path.suffix == ".json":
        return _tables_of_json(file, _text_of(path))
    if path.suffix == ".py" or path.exists():
        _require_file(path)
        with _importable(path.parent):
            return _tables_of_module(file, lambda: runpy.run_path(str(path)))
    with _importable(Path()):
        return _tables_of_module(file, lambda: vars(_imported(file)))


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise UnreadableTables.of(messages.NO_FILE, path=path)


def _text_of(path: Path) -> str:
    _require_file(path)
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UnreadableTables.of(messages.FILE_NOT_READ, path=path, reason=str(error.strerror)) from None
    except UnicodeDecodeError:
        raise UnreadableTables.of(messages.FILE_NOT_UTF8, path=path) from None


def _tables_of_json(file: str, text: str) -> list[Table]:
    """A list of declarations, or what ``GET /tables`` answers."""
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnreadableTables.of(messages.FILE_NOT_JSON, file=file, reason=str(error)) from None
    tables = value.get("tables") if isinstance(value, dict) else value
    if not isinstance(tables, list):
        raise UnreadableTables.of(messages.NO_LIST_OF_TABLES, file=file)
    return [table_from_json(item) for item in tables if not _is_built_in(item)]


def _is_built_in(declaration: Json) -> bool:
    """Whether this is what a server tells of a table that each one has."""
    return isinstance(declaration, dict) and declaration.get("name") in BUILT_IN


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Meanwhile modules of this folder can be imported, as where a file of it is run."""
    sys.path.insert(0, str(folder.resolve()))
    try:
        yield
    finally:
        sys.path.remove(str(folder.resolve()))


def _imported(name: str) -> Any:
    if not all(part.isidentifier() for part in name.split(".")):
        raise UnreadableTables.of(messages.NO_FILE, path=name)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise UnreadableTables.of(messages.NO_MODULE, path=name) from None


def _tables_of_module(file: str, run: Callable[[], Mapping[str, Any]]) -> list[Table]:
    try:
        names = run()
    except (Invalid, UnreadableTables):
        raise
    except (Exception, SystemExit) as error:
        raise UnreadableTables.of(
            messages.FILE_FAILS, file=file, place=_line_of(error, file), kind=type(error).__name__, reason=str(error)
        ) from None
    if NAME not in names:
        raise UnreadableTables.of(messages.NO_TABLES_IN_FILE, file=file, name=NAME)
    tables = names[NAME]
    if isinstance(tables, Schema):
        return [table for table in tables.values() if table.name not in BUILT_IN]
    wrong = [tables] if not isinstance(tables, Iterable) else [item for item in tables if not isinstance(item, Table)]
    if wrong:
        raise UnreadableTables.of(messages.NOT_A_TABLE, name=NAME, file=file, text=str(wrong[0])[:80])
    return list(tables)


def _line_of(error: BaseException, file: str) -> str:
    """Where in the file it happened, as far as that can be said."""
    if isinstance(error, SyntaxError):
        return f" in line {error.lineno}"
    path = str(Path(file).resolve())
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if str(Path(frame.filename).resolve()) == path
    ]
    return f" in line {lines[-1]}" if lines else ""
