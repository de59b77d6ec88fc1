"""Imports run one way: web, cli -> storage -> offbook.core <- offbook.

Read from the source, so that an import inside a function counts as well. A wall is a line in WALLS: whose files, and
what they may import or must not.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {
    "app",
    "asgi",
    "cli",
    "config",
    "extensions",
    "models",
    "offbook",
    "ops",
    "routes",
    "services",
    "storage",
    "web",
}
WEB_FRAMEWORKS = {"flask", "flask_login", "flask_migrate", "flask_sqlalchemy", "flask_wtf", "werkzeug", "uvicorn"}
DEVICE_NEEDS = {"requests", "rich", "pysqlite3", "urllib3", "websockets"}
QT = "PySide6"

BELOW_THE_PAGES = ("ops", "services", "storage")

PURE = {"offbook/core": ("offbook.core",), "offbook/contacts": ("offbook.core", "offbook.contacts")}
"""Folders of rules, and what they may import beside the standard library."""

NOT_IN_CORE = {"time", "random", "secrets", "sqlite3", "socket", "threading", "asyncio", "os", "subprocess", "urllib"}
"""Parts of the standard library that reach outside: clocks, chance, files, network."""

HIDDEN_INPUTS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid1",
    "uuid4",
    "open",
}


def files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"there is no Python in {folder}"
    return found


@cache
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(), str(path))))


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, written out; ``from a import b`` gives a.b."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def top(module: str) -> str:
    return module.partition(".")[0]


def offenders(folder: str, forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files(folder)
        for module in imports(path)
        if top(module) in forbidden
    ]


def test_the_core_imports_the_standard_library_and_itself() -> None:
    foreign = [
        f"{path.relative_to(ROOT)} imports {module}"
        for folder, allowed in PURE.items()
        for path in files(folder)
        for module in imports(path)
        if top(module) not in sys.stdlib_module_names and not module.startswith(allowed)
    ]
    assert foreign == []


def test_the_core_reaches_nothing_outside() -> None:
    assert [line for folder in PURE for line in offenders(folder, NOT_IN_CORE)] == []


def test_the_core_takes_time_ids_and_randomness_as_arguments() -> None:
    hidden = [
        f"{path.relative_to(ROOT)}:{node.lineno} calls {ast.unparse(node.func)}"
        for folder in PURE
        for path in files(folder)
        for node in nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("datetime.") in HIDDEN_INPUTS
    ]
    assert hidden == []


def test_a_device_needs_nothing_of_the_server() -> None:
    assert offenders("offbook", OURS - {"offbook"}) == []


def test_a_device_needs_only_what_it_installs() -> None:
    allowed = sys.stdlib_module_names | DEVICE_NEEDS | {"offbook", QT}
    everything = {top(module) for path in files("offbook") for module in imports(path)}
    assert everything - allowed == set()


def test_qt_has_one_door_and_nobody_else_goes_through_it() -> None:
    """So that a device without Qt has all but offbook.qt."""
    assert {line.partition(" ")[0] for line in offenders("offbook", {QT})} == {"offbook/qt.py"}
    through = [path.name for path in files("offbook") for module in imports(path) if module.startswith("offbook.qt")]
    assert through == []
    assert [line for folder in (*BELOW_THE_PAGES, "web") for line in offenders(folder, {QT})] == []


def test_an_example_needs_a_device_and_no_server() -> None:
    assert offenders("examples", OURS - {"offbook"}) == []


def test_storage_knows_neither_pages_nor_flask() -> None:
    above = {"web", "app", "asgi", "cli", "routes", "extensions"}
    assert [line for folder in BELOW_THE_PAGES for line in offenders(folder, WEB_FRAMEWORKS | above)] == []


def test_storage_borrows_the_core_and_no_more_of_a_device() -> None:
    borrowed = {
        module
        for folder in BELOW_THE_PAGES
        for path in files(folder)
        for module in imports(path)
        if top(module) == "offbook" and not module.startswith(("offbook.core", "offbook.contacts", "offbook.formats"))
    }
    assert borrowed == set()


def test_pages_ask_a_store_and_never_the_database() -> None:
    database = {"models", "extensions", "sqlalchemy", "flask_sqlalchemy", "sqlite3", "pysqlite3"}
    assert offenders("web", database) + offenders("services", database) == []


@pytest.mark.parametrize(
    ("name", "homes"),
    [
        ("sqlite3", ("storage/engines/sqlite.py",)),
        ("pysqlite3", ("storage/engines/sqlite.py",)),
        ("pymysql", ("storage/engines/mariadb.py",)),
        ("psycopg", ("storage/engines/postgresql.py", "storage/commit_notifications.py")),
        ("redis", ("storage/commit_notifications.py",)),
    ],
)
def test_nothing_but_the_engine_and_the_news_knows_a_driver(name: str, homes: tuple[str, ...]) -> None:
    """What only one database can do has one place on the server, so that another engine needs no search."""
    found = [line for folder in BELOW_THE_PAGES for line in offenders(folder, {name})]
    assert [line for line in found if not line.startswith(homes)] == []


def test_views_read_the_values_of_a_request_in_one_place() -> None:
    """There they are checked: no view gets text or numbers that an engine can't hold (web.request_values)."""
    places = {"args", "form", "values", "view_args", "authorization"}
    reading = {
        path.name
        for path in files("web")
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in places and ast.unparse(node.value) == "request"
    }
    assert reading == {"request_values.py"}


def test_models_hold_no_behaviour() -> None:
    assert {top(module) for module in imports(ROOT / "models.py")} <= {"__future__", "typing", "sqlalchemy"}


def test_nothing_makes_tables_beside_the_migrations() -> None:
    """It would hide that a migration is missing. Only the test of what Flask's documents show does as they do."""
    allowed = "tests/web/test_app_factory.py:"
    folders = (*BELOW_THE_PAGES, "web", "tests")
    names = [*ROOT.glob("*.py"), *(path for folder in folders for path in files(folder))]
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in names
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in {"create_all", "drop_all"}
    ]
    assert [call for call in calls if not call.startswith(allowed)] == []
    assert any(call.startswith(allowed) for call in calls)


def test_the_walls_see_an_import_inside_a_function(tmp_path: Path) -> None:
    path = tmp_path / "sly.py"
    path.write_text("def f():\n    from flask import Flask\n    import sqlalchemy.orm\n")
    assert list(imports(path)) == ["flask.Flask", "sqlalchemy.orm"]
