"""What several test files share: fresh databases and replicas, time, ids, Hypothesis profiles, no silent skips."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import insert

from offbook.contacts.table import BUILT_IN
from offbook.database import connection as sqlite
from offbook.database import schema
from storage.engines.adapter import ENGINES
from storage.engines.database import Database, open_engines
from tests.support.databases import MAKERS

if TYPE_CHECKING:
    from app import App
    from tests.support.api_client import Caller
    from tests.support.browser import Browser, Stage

settings.register_profile("fast", max_examples=10, deadline=None)
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=40, deadline=None, derandomize=True, print_blob=True)
settings.register_profile(
    "nightly", max_examples=5000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

REQUIRE_ALL = bool(os.environ.get("OFFBOOK_REQUIRE_ALL"))
"""Set where everything is installed: there a skipped test is a failed one."""

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

BOOK: dict[str, Any] = {"id": 1, "uuid": "b", "name": "Contacts", "epoch": "e", "created_at": 0}

SLOW = ("hosts", "generated", "loads", "kills", "processes", "versions", "worlds", "large", "moves", "servers")
"""The marks of what `make test` leaves out; a test that has several counts for the first."""

TAKES_TURNS = bool(os.environ.get("OFFBOOK_SERVERS_BY_TURNS"))
"""Set where a test that could run on both database servers runs on one of them, or on none: see `_has_its_turn`."""

SERVERS_EVERY = {"hosts": 1, "storage": 2, "ops": 2, "migrations": 2}
"""One test in so many of a folder runs on a database server: more where engines differ, in what is SQL of our own."""

OTHERS_EVERY = 12
"""The same of all other folders: what they test lies above the storage."""

FEW_WORLDS = 10
LEFT_OUT: Counter[str] = Counter()

MEMORY = Path("/dev/shm")
MEMORY_BYTES_MIN = 2**30


def pytest_configure() -> None:
    """Keep files in memory where it has room: tests look at what is written, not whether a disk keeps it."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whatever uses a database runs on each of ENGINES, or on those that the mark ``engines`` names."""
    if "engine_name" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("engines")
        engines = mark.args if mark else sorted(ENGINES)
        metafunc.parametrize("engine_name", engines, indirect=True, scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark whatever runs on a database server, all worlds but the first few, and all that `make test` leaves out."""
    items[:] = [item for item in items if _is_for_its_engine(item) and (not TAKES_TURNS or _has_its_turn(item))]
    for item in items:
        params: dict[str, Any] = (
            item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        )
        names = {mark.name for mark in item.iter_markers()}
        if any(map(_names_server, params.values())):
            item.add_marker("servers")
            names.add("servers")
        if "proof" in names and params.get("seed", 0) >= FEW_WORLDS:
            item.add_marker("worlds")
            names.add("worlds")
        if not names.isdisjoint(SLOW):
            item.add_marker("slow")


def _is_for_its_engine(item: pytest.Item) -> bool:
    """A case of a test may be for fewer engines than the test: it has a mark ``engines`` of its own."""
    mark = item.get_closest_marker("engines")
    params = getattr(getattr(item, "callspec", None), "params", {})
    return mark is None or params.get("engine_name") in (None, *mark.args)


def _has_its_turn(item: pytest.Item) -> bool:
    """Whether it is this engine's turn to run the test. The turns are drawn from the test's name, so they stay."""
    params = getattr(getattr(item, "callspec", None), "params", {}).values()
    engine = next((value for value in params if isinstance(value, str) and value in ("postgresql", "mysql")), "")
    mark = item.get_closest_marker("engines")
    if not engine or (mark is not None and not {"postgresql", "mysql"} <= set(mark.args)):
        return True
    turn = crc32(item.nodeid.replace(engine, "").encode())
    every = SERVERS_EVERY.get(item.path.relative_to(item.config.rootpath).parts[1], OTHERS_EVERY)
    return engine == ("postgresql", "mysql")[turn % 2] and turn // 2 % every == 0


def _names_server(value: Any) -> bool:
    """Whether a test with this parameter runs on a database server."""
    if isinstance(value, tuple):
        return any(map(_names_server, value))
    return isinstance(value, str) and value in ENGINES and value != "sqlite"


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Keep the garbage collector off what is collected: it is there to the end."""
    gc.disable()


def pytest_collection_finish() -> None:
    """From here on it passes over what tests make, more seldom than it would: it took a tenth of their time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        LEFT_OUT[next((name for name in SLOW if item.get_closest_marker(name)), "by name")] += 1


@pytest.fixture(scope="session")
def engine_name(request: pytest.FixtureRequest) -> str:
    return available(request.param)


def available(engine: str) -> str:
    """Skip what needs a database of this engine where there is none."""
    missing = MAKERS[engine].missing()
    if missing:
        pytest.skip(missing)
    return engine


@pytest.fixture(scope="session")
def database_template(engine_name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return MAKERS[engine_name].template(tmp_path_factory.mktemp("template"))


@pytest.fixture
def database_url(engine_name: str, database_template: Path, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database without rows, this test's own."""
    yield MAKERS[engine_name].copy(database_template, tmp_path)
    MAKERS[engine_name].free(tmp_path)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_engines(database_url)
    yield opened
    opened.close()


@pytest.fixture
def book(database: Database) -> Database:
    """The database with one book whose seq is 0."""
    from models import Book

    with database.write() as connection:
        connection.execute(insert(Book), BOOK)
    return database


@pytest.fixture(scope="session")
def stage(engine_name: str, database_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    from tests.support.browser import Stage  # here, since tests of the core need no web framework

    folder = tmp_path_factory.mktemp("stage")
    yield Stage(MAKERS[engine_name], database_template, folder)
    MAKERS[engine_name].free(folder)


@pytest.fixture(scope="session")
def with_laptop(stage: Stage) -> tuple[Path, str]:
    """A template with one user, ada, who has one device, and the token of that. To make them anew takes longer than
    most tests of a device.
    """
    from tests.support.api_client import caller

    with stage.set() as app:
        token = caller(app, "ada").token
        return stage.kept("laptop.db"), token


@pytest.fixture
def app(stage: Stage, request: pytest.FixtureRequest) -> Iterator[App]:
    """The real app, on a database without rows, but for ``laptop`` where a test uses that. It is the same one in every
    test: do not change its settings.
    """
    template, _ = request.getfixturevalue("with_laptop") if "laptop" in request.fixturenames else (None, "")
    with stage.set(template) as app:
        yield app


@pytest.fixture
def ada(app: App) -> Browser:
    """The browser of the app's only user, signed in."""
    from tests.support.api_client import add_missing_user
    from tests.support.browser import signed_in

    add_missing_user(app, "ada")
    return signed_in(app, "ada")


@pytest.fixture
def laptop(app: App, stage: Stage, with_laptop: tuple[Path, str]) -> Caller:
    """A device of a user, ada, who is made where a test has an app of its own."""
    from tests.support.api_client import Caller, caller

    return Caller(app, with_laptop[1]) if app is stage.app else caller(app, "ada")


@pytest.fixture
def phone(app: App, laptop: Caller) -> Caller:
    """Another device of hers."""
    from tests.support.api_client import caller

    return caller(app, "ada", "phone")


@pytest.fixture(scope="session")
def early_version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the whole code of an early version, from git."""
    from tests.support.other_versions import EARLY, extract_version

    return extract_version(tmp_path_factory.mktemp("early"), commit=EARLY)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that every user of this machine may go into: pytest's own are closed to all but one."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where this test's replica is."""
    return tmp_path / "contacts.db"


@pytest.fixture
def replica(path: Path) -> Iterator[sqlite.Connection]:
    """A replica's file without rows, open."""
    connection = sqlite.connect(path)
    connection.schema = BUILT_IN
    schema.install(connection)
    yield connection
    connection.close()


@pytest.fixture
def now() -> int:
    """A time in microseconds since 1970: 2026-11-18T17:06:40Z."""
    return 1_795_021_600_000_000


@pytest.fixture
def new_id() -> Callable[[], str]:
    """Ids in order, so that a failure reads the same twice."""
    numbers = count(1)
    return lambda: str(uuid.UUID(int=next(numbers), version=4))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of xdist tells the one that reports what it left out: each has collected all."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(LEFT_OUT)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    LEFT_OUT.update(getattr(node, "workeroutput", {}).get("left_out", {}) if not LEFT_OUT else {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what was left out by marker, and what was skipped by reason: a missing database skips a thousand tests."""
    if LEFT_OUT and terminalreporter.config.option.markexpr:
        counts_by_name = ", ".join(f"{number} {name}" for name, number in LEFT_OUT.most_common())
        terminalreporter.section("left out")
        terminalreporter.line(f"{LEFT_OUT.total()} tests, which `make test-all` runs: {counts_by_name}")
    files: dict[str, Counter[str]] = defaultdict(Counter)
    for report in terminalreporter.getreports("skipped"):
        if isinstance(report.longrepr, tuple):
            files[report.longrepr[2].removeprefix("Skipped: ")][report.nodeid.partition("::")[0]] += 1
    if files:
        terminalreporter.section("skipped")
    for reason, counts in sorted(files.items()):
        terminalreporter.line(f"{counts.total()} skipped, since {reason}")
        for name, number in sorted(counts.items()):
            terminalreporter.line(f"    {name} ({number})")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _no_skip(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _no_skip(report)


def _no_skip(report: Report) -> Report:
    """Turn a skip into a failure that tells the reason, where nothing may be skipped."""
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped, but OFFBOOK_REQUIRE_ALL is set: {report.longrepr}"
    return report
