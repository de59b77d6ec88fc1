"""The app on a database of a test's own, and a browser without a screen: it fills in forms as people do."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.test import TestResponse

from app import App, create_app
from config import Config
from services.container import Services
from storage.values.accounts import DeviceInfo
from tests.support.databases import Maker
from tests.support.live_server import migrated
from web.sessions import open_session

PASSWORD = "correct horse battery"
COOKIE = "offbook"
CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


class Compiled(BytecodeCache):
    """Templates, compiled once for all the apps of a test run: most of a test's time went there."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


def app_on(database_url: str, **settings: Any) -> App:
    """The real app, with hashes that cost nothing. What fails in a view fails in the test."""
    usual: dict[str, Any] = {
        "secret_key": "a secret of the tests, which is long enough",
        "argon2_time_cost": 1,
        "argon2_memory_kib": 8,
        "argon2_parallelism": 1,
    }
    with resting_collector():
        app = create_app(Config(database_url=database_url, **usual | settings))
    app.testing = True
    app.jinja_env.bytecode_cache = COMPILED
    return app


@contextmanager
def resting_collector() -> Iterator[None]:
    """Nothing is finalized in between, so that no other thread has its turn while ``ast`` parses.

    Werkzeug parses for each rule of an app, and CPython 3.11 counts the depth of all threads together: another one that
    formats a traceback meanwhile, which parses too, ends the first with a SystemError (bug gh-106905).
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def app_beside(instance: Path) -> Iterator[App]:
    """The app on a server's database, for accounts: an admin's commands do the same, and take a second each."""
    migrated(instance).close()
    made = app_on(Config.from_environment({"INSTANCE_PATH": str(instance)}).database_url)
    try:
        yield made
    finally:
        made.extensions["database"].close()


class Stage:
    """One app for all tests of a process, since to make one takes longer than most tests. Each has its own database.

    No test may change the app: it would act a part in the next one.
    """

    def __init__(self, maker: Maker, empty: Path, folder: Path) -> None:
        self._maker = maker
        self._empty = empty
        self._folder = folder
        self.app = app_on(maker.copy(empty, folder))
        self._as_made = self._parts()

    @contextmanager
    def set(self, template: Path | None = None) -> Iterator[App]:
        """The app on a copy of ``template``, or on a database without rows."""
        self._maker.copy(template or self._empty, self._folder)
        try:
            yield self.app
        finally:
            self.app.extensions["database"].close()
        assert self._parts() == self._as_made, "a test changed the app: let it make one of its own with app_on()"

    def _parts(self) -> list[dict[str, Any]]:
        """``flask db`` adds Flask-Migrate, which is loaded when it is called."""
        extensions = {name: part for name, part in self.app.extensions.items() if name != "migrate"}
        return [dict(self.app.config), dict(self.app.view_functions), extensions]

    def kept(self, name: str) -> Path:
        """What the database holds by now, to set the stage with it again."""
        self.app.extensions["database"].close()
        return self._maker.kept(self._folder, name)


def parts_of(app: App) -> Services:
    found: Services = app.extensions["offbook"]
    return found


class Browser:
    """One person's browser: its own cookies, and the token of each form that it posts."""

    def __init__(self, app: App, address: str = "127.0.0.1") -> None:
        self.client = app.test_client()
        self.address = {"REMOTE_ADDR": address}

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, environ_base=self.address, buffered=True, **options)

    def post(self, path: str, form: str | None = None, **fields: str) -> TestResponse:
        """Post to ``path`` as the form on the page ``form`` (by default the same path) would."""
        token = csrf_of(self.get(form or path).text)
        return self.client.post(path, data={"csrf_token": token, **fields}, environ_base=self.address)

    def sign_in(self, name: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/login", name=name, password=password)


def csrf_of(page: str) -> str:
    found = CSRF.search(page)
    assert found, "there is no form on this page"
    return unescape(found[1])


def add_user(app: App, name: str, *, admin: bool = False) -> int:
    parts = parts_of(app)
    return parts.accounts.add_user(name, PASSWORD, admin, parts.clock(), parts.new_id).id


def signed_in(app: App, name: str) -> Browser:
    """A browser with the cookie that signing in gives; the form itself has tests of its own."""
    browser = Browser(app)
    with app.test_request_context(environ_base=browser.address):
        open_session(parts_of(app).accounts.user_named(name), "password")
        answer = app.process_response(app.response_class())
    cookie = SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]
    browser.client.set_cookie(COOKIE, cookie.value)
    return browser


def add_device(app: App, name: str = "ada", device: str = "laptop") -> tuple[DeviceInfo, str]:
    """A device of the user ``name`` and its token."""
    parts = parts_of(app)
    owner = parts.accounts.user_named(name)
    return parts.accounts.add_device(owner.book_id, owner.id, device, parts.clock(), parts.new_id)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
