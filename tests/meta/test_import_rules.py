"""Imports run one way: web, cli -> services, ops -> storage -> offbook.core <- offbook.

Read from the source, so that an import inside a function counts as well. A wall is a line of WALLS: a folder, and what
of our own its files may import; or a line of FOREIGN: a folder, and which libraries they must not.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {
    "app",
    "asgi",
    "cli",
    "columns",
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
DATABASES = {"sqlalchemy", "flask_sqlalchemy", "alembic", "sqlite3", "pysqlite3", "psycopg", "pymysql", "redis"}
QT = "PySide6"

PURE = ("offbook.core", "offbook.contacts", "offbook.formats")
"""The rules, the contacts' table and the file formats, which a server shares with a device."""

STORED = ("storage.base", "storage.values", "storage.errors", "storage.failures")
"""What views and commands see of storage: Protocols, values, and what is raised; nothing that runs a statement."""

MODELS = (
    *("storage.blobs.models", "storage.carddav.models", "storage.imports.models"),
    "storage.repositories.accounts.models",
)
"""Tables that stand beside what stores them. models.py gathers them."""

WALLS: Mapping[str, tuple[str, ...]] = {
    "columns.py": (),
    "models.py": ("columns", *MODELS),
    "offbook/core": ("offbook.core",),
    "offbook/contacts": ("offbook.core", "offbook.contacts"),
    "offbook/formats": PURE,
    "offbook": ("offbook",),
    "examples": ("offbook", "examples"),
    "storage": ("storage", "models", "columns", *PURE),
    "services": ("services", "storage", "config", *PURE),
    "ops": ("ops", "storage", "models", *PURE),
    "web/presenters": ("web.presenters", "offbook.core", "offbook.contacts"),
    "web/api": ("web", "services", "ops", "config", *STORED, *PURE),
    "web/pages": ("web", "services", "ops", "config", *STORED, *PURE),
    "web": ("web", "services", "ops", "config", *STORED, *PURE),
    "cli": ("cli", "services", "ops", "config", *STORED, *PURE),
}
"""What of our own each folder's files may import. The wire that ties all together is app.py's."""

APART: Mapping[str, str] = {"web/api": "web.pages", "web/pages": "web.api"}
"""Two ways in to the same services: neither knows the other."""

DATABASE = "storage.engines.database.Database"
DOORS: Mapping[tuple[str, str], str] = {
    ("cli/current.py", DATABASE): "admins move, copy and examine the database itself: commands hand it to ops",
    ("cli/maintenance.py", DATABASE): "the same",
    ("cli/move.py", DATABASE): "the same",
}
"""Imports through a wall, each with its reason."""

FOREIGN: Mapping[str, set[str]] = {
    "storage": WEB_FRAMEWORKS,
    "services": WEB_FRAMEWORKS | DEVICE_NEEDS | DATABASES,
    "ops": WEB_FRAMEWORKS,
    "web": DATABASES,
    "cli": {"sqlite3", "pysqlite3"},
}
"""Libraries that no file of a folder imports: services know neither HTTP nor SQL, pages no database."""

CORE = ("offbook/core", "offbook/contacts")
SERVER = ("ops", "services", "storage", "web", "cli")

NOT_IN_CORE = {
    *("time", "random", "secrets", "sqlite3", "socket", "threading", "asyncio", "os", "subprocess"),
    *("urllib.request", "urllib.error", "urllib.robotparser"),  # urllib.parse takes texts apart, and reaches nothing
}
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
    paths = sorted((ROOT / folder).rglob("*.py")) or [*ROOT.glob(folder)]
    assert paths, f"there is no Python in {folder}"
    return paths


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


def is_within(module: str, prefixes: Iterable[str]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def breaches(folder: str, path: Path, name: str) -> list[str]:
    """What a file that stands at ``name`` imports through the walls of ``folder``."""
    return [
        f"{name} imports {module}"
        for module in imports(path)
        if (name, module) not in DOORS
        and (
            (top(module) in OURS and not is_within(module, WALLS.get(folder, OURS)))
            or is_within(module, [APART.get(folder, "nothing")])
            or top(module) in FOREIGN.get(folder, ())
        )
    ]


def offenders(folder: str, forbidden: set[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in files(folder)
        for module in imports(path)
        if is_within(module, forbidden)
    ]


@pytest.mark.parametrize("folder", WALLS)
def test_a_folder_imports_what_its_wall_lets_through(folder: str) -> None:
    assert [line for path in files(folder) for line in breaches(folder, path, str(path.relative_to(ROOT)))] == []


PLANTED = sorted({*OURS, "storage.sql.store", "storage.engines.database", "web.pages.contacts.views", "web.api.sync"})


@pytest.mark.parametrize("folder", WALLS)
def test_a_wall_bites(folder: str, tmp_path: Path) -> None:
    """Of a planted import of each of our packages, inside a function, those are found that may not come in."""
    for package in PLANTED:
        path = tmp_path / f"{package}.py"
        path.write_text(f"def sly():\n    from {package} import something\n")
        is_let_in = is_within(package, WALLS[folder]) and not is_within(package, [APART.get(folder, "nothing")])
        broken = breaches(folder, path, path.name)
        assert broken == ([] if is_let_in else [f"{package}.py imports {package}.something"])


@pytest.mark.parametrize("folder", FOREIGN)
def test_a_library_that_a_folder_must_not_know_is_found(folder: str, tmp_path: Path) -> None:
    for library in FOREIGN[folder]:
        path = tmp_path / f"{library}.py"
        path.write_text(f"import {library}\n")
        assert breaches(folder, path, path.name) == [f"{library}.py imports {library}"]


@pytest.mark.parametrize(("name", "module"), DOORS)
def test_every_door_is_used(name: str, module: str) -> None:
    assert module in imports(ROOT / name)


@pytest.mark.parametrize("folder", CORE)
def test_the_core_imports_the_standard_library_and_itself(folder: str) -> None:
    everything = {top(module) for path in files(folder) for module in imports(path)}
    assert everything <= {*sys.stdlib_module_names, "offbook"}


def test_the_core_reaches_nothing_outside() -> None:
    assert [line for folder in CORE for line in offenders(folder, NOT_IN_CORE)] == []


def test_the_core_takes_time_ids_and_randomness_as_arguments() -> None:
    hidden = [
        f"{path.relative_to(ROOT)}:{node.lineno} calls {ast.unparse(node.func)}"
        for folder in CORE
        for path in files(folder)
        for node in nodes(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func).removeprefix("datetime.") in HIDDEN_INPUTS
    ]
    assert hidden == []


def test_a_device_needs_only_what_it_installs() -> None:
    allowed = sys.stdlib_module_names | DEVICE_NEEDS | {"offbook", QT}
    everything = {top(module) for path in files("offbook") for module in imports(path)}
    assert everything - allowed == set()


def test_qt_has_one_door_and_nobody_else_goes_through_it() -> None:
    """So that a device without Qt has all but offbook.qt."""
    assert {line.partition(" ")[0] for line in offenders("offbook", {QT})} == {"offbook/qt.py"}
    through = [path.name for path in files("offbook") for module in imports(path) if module.startswith("offbook.qt")]
    assert through == []
    assert [line for folder in SERVER for line in offenders(folder, {QT})] == []


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
    importers = [line for folder in SERVER for line in offenders(folder, {name})]
    assert [line for line in importers if not line.startswith(homes)] == []


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


def test_views_run_no_transactions() -> None:
    """Services do: a view calls one, with actor, clock and ids as arguments."""
    opened = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in files("web")
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in {"reading", "writing"}
    ]
    assert opened == []


def test_models_hold_no_behaviour() -> None:
    outside = {"__future__", "typing", "sqlalchemy"}
    assert {top(module) for module in imports(ROOT / "columns.py")} <= outside
    for path in (ROOT / f"{name.replace('.', '/')}.py" for name in MODELS):
        assert {top(module) for module in imports(path)} <= outside | {"columns"}
    assert {top(module) for module in imports(ROOT / "models.py")} <= outside | {"columns", "storage"}


def test_nothing_makes_tables_beside_the_migrations() -> None:
    """It would hide that a migration is missing. Only the test of what Flask's documents show does as they do."""
    allowed = "tests/web/test_app_factory.py:"
    folders = (*SERVER, "tests")
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
