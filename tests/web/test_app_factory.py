"""The app as Flask's documents make and use it: by the name of a configuration, with db, the models and a shell.

The only tests that make tables beside the migrations: it is what such documents show.
"""

from __future__ import annotations

import gc
import re
import time
import unittest
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from traceback import format_exc

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.cli import FlaskGroup
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

import config
from app import create_app, db
from config import CONFIGS, Config, config_named
from models import Base, Device, User
from services.accounts.passwords import Effort, Passwords
from storage.engines.database import open_engines
from tests.support.browser import app_on

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)


class UserModelTestCase(unittest.TestCase):
    """Written as the documents write it."""

    def setUp(self) -> None:
        self.app = create_app("testing")
        self.app_context = self.app.app_context()
        self.app_context.push()
        db.create_all()

    def tearDown(self) -> None:
        db.session.remove()
        db.drop_all()
        self.app_context.pop()

    def test_a_user_is_added(self) -> None:
        db.session.add(User(name="ada"))
        db.session.commit()
        self.assertEqual(db.session.query(User).count(), 1)
        self.assertEqual(db.session.scalar(select(func.count()).select_from(User)), 1)

    def test_every_test_begins_with_nothing(self) -> None:
        self.assertEqual(db.session.query(User).count(), 0)

    def test_the_app_is_for_testing(self) -> None:
        self.assertTrue(self.app.testing)
        self.assertTrue(self.app.config["TESTING"])

    def test_the_pages_and_the_session_see_one_database(self) -> None:
        self.assertEqual(self.app.test_client().get("/healthz").status_code, 200)

    def test_all_threads_of_the_app_share_the_database(self) -> None:
        def add(name: str) -> None:
            with self.app.app_context():
                db.session.add(User(name=name))
                db.session.commit()

        threads = [Thread(target=add, args=(f"user {number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(db.session.query(User).count(), 8)

    def test_a_user_that_was_added_by_hand_has_a_time_and_no_password(self) -> None:
        db.session.add(User(name="ada"))
        db.session.commit()
        ada = db.session.scalars(select(User)).one()
        self.assertGreater(ada.created_at, 1_700_000_000_000_000)
        self.assertFalse(Passwords(Effort(1, 8, 1)).matches(ada.password_hash, "!"))


def test_the_documents_about_the_models_say_what_happens() -> None:
    """Each line of docs/models.md runs, and its assertions hold."""
    blocks = BLOCK.findall((ROOT / "docs" / "models.md").read_text())
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/models.md", "exec"), names)
    assert len(blocks) == 8


def test_two_apps_for_testing_share_nothing() -> None:
    one, other = create_app("testing"), create_app("testing")
    for app in (one, other):
        with app.app_context():
            db.create_all()
    with one.app_context():
        db.session.add(User(name="ada"))
        db.session.commit()
    with other.app_context():
        assert db.session.query(User).count() == 0
    assert one.config["SECRET_KEY"] != other.config["SECRET_KEY"]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_gone_with_what_opened_it(url: str) -> None:
    database = open_engines(url)
    with database.write_while_closed() as connection:
        connection.execute(text("CREATE TABLE t(a)"))
    with database.read() as connection, pytest.raises(OperationalError, match="readonly"):
        connection.execute(text("DELETE FROM t"))
    file = Path(database.engine.url.database or "")
    assert file.exists()
    database.close()
    del database, connection
    gc.collect()
    assert not file.parent.exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///:memory:?timeout=1"])
def test_a_server_does_not_run_in_memory(url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name a file in DATABASE_URL"):
        Config.from_environment({"INSTANCE_PATH": str(tmp_path), "DATABASE_URL": url})


@pytest.mark.parametrize("name", CONFIGS)
def test_every_configuration_has_a_name(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INSTANCE_PATH", str(tmp_path))
    named = config_named(name)
    assert named.testing == (name == "testing") == isinstance(named, config.TestingConfig)
    assert named.log_level == ("info" if name == "development" else "warning")


def test_a_configuration_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="There is no configuration 'tests': it may be default, production, develop"):
        create_app("tests")


def test_a_shell_knows_db_and_every_model() -> None:
    app = create_app("testing")
    with app.app_context():
        context = app.make_shell_context()
    assert context["db"] is db
    assert context["User"] is User
    assert context["Device"] is Device
    models = {mapper.class_.__name__ for mapper in Base.registry.mappers}
    assert models <= context.keys()


def test_flask_shell_runs_with_them() -> None:
    app = create_app("testing")
    typed = "db.session.add(User(name='ada')); db.session.commit(); print('users', db.session.query(User).count())\n"
    with app.app_context():
        db.create_all()
        done = CliRunner().invoke(FlaskGroup(create_app=lambda: app), ["shell"], input=typed)
    assert done.exit_code == 0, done.output
    assert "users 1" in done.output, done.output


def test_the_app_is_what_flask_calls_one() -> None:
    assert isinstance(create_app("testing"), Flask)


class Unreachable:
    """Nobody has it but itself. Whoever finalizes it gives other threads their turn, and makes the next one."""

    def __init__(self, is_last: Event) -> None:
        self.itself = self
        self.is_last = is_last

    def __del__(self) -> None:
        time.sleep(0.0001)
        if not self.is_last.is_set():
            Unreachable(self.is_last)


def test_an_app_of_a_test_is_made_while_another_thread_formats_tracebacks(tmp_path: Path) -> None:
    """That once let all tests of a process fail that share an app: see tests.support.browser.resting_collector."""
    is_made = Event()

    def format_tracebacks() -> None:
        while not is_made.is_set():
            try:
                assert "a".b + 1  # type: ignore[attr-defined]
            except AttributeError:
                with suppress(SystemError):
                    format_exc()

    thread = Thread(target=format_tracebacks)
    thread.start()
    thresholds = gc.get_threshold()
    gc.set_threshold(50)
    try:
        Unreachable(is_made)
        app_on(f"sqlite:///{tmp_path}/server.db").extensions["database"].close()
    finally:
        gc.set_threshold(*thresholds)
        is_made.set()
        thread.join()
