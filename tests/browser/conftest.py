"""The real server, and the system's Chromium to look at it with. What the browser complains about fails the test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from app import App
from offbook.contacts.table import BUILT_IN
from offbook.core.protocol.requests import parse_change
from storage.base import ChangeOrigin
from tests.browser.users import SIZES, Scheme, Visit
from tests.support.browser import PASSWORD, app_beside, parts_of, signed_in
from tests.support.live_server import serving
from tests.support.pushes import push

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
"""The shell has no windows to draw: it takes half of the time."""
UNUSED = (
    "WebUIOmniboxPopup,WebUIOmniboxAimPopup,"
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,OptimizationHints,PaintHolding"
)
"""Features to do without. The first two are pages of the address bar: every window loads them into processes of their
own, which takes as long as a page of ours. The others are of Playwright's list, since only the last list counts."""
COLD = "--no-opt,--no-maglev"
"""No script runs long enough here to be worth optimizing: axe took a quarter longer."""
ARGUMENTS = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
    f"--disable-sync --renderer-process-limit=1 --js-flags={COLD} --disable-features={UNUSED}"
)
TIMEOUT_MS = 10_000
NUMBERS = count(1)


class Window:
    """One browser for as long as tests of this folder follow each other.

    While it is open, asyncio takes Playwright's loop for one that runs in pytest's own thread, and nothing else can run
    a loop there: tests of other folders do, so it is closed before them.
    """

    def __init__(self) -> None:
        self._browser: Browser | None = None
        self._stack = ExitStack()

    def open(self) -> Browser:
        if self._browser is None:
            playwright = self._stack.enter_context(sync_playwright())
            self._browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
            self._stack.callback(self._browser.close)
        return self._browser

    def close(self) -> None:
        self._browser = None
        self._stack.close()


WINDOW = Window()


@pytest.fixture(scope="module")
def chromium() -> Browser:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium-headless-shell, or chromium")
    return WINDOW.open()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    try:
        yield
    finally:
        if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
            WINDOW.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, str]]:
    with app_beside(tmp_path_factory.mktemp("site")) as app, serving(app) as url:
        yield app, url


@pytest.fixture
def visit(chromium: Browser, site: tuple[App, str]) -> Iterator[Callable[..., Visit]]:
    """Opens a window of a new user with some contacts, signed in; ``of`` somebody, another window of that person.

    ``user`` names somebody who is there already.
    """
    app, url = site
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_window(
        size: str = "desktop",
        scheme: Scheme = "light",
        scripts: bool = True,
        contacts: int = 3,
        of: Visit | None = None,
        path: str = "/",
        user: str = "",
        **options: Any,
    ) -> Visit:
        name = of.name if of else user or f"user{next(NUMBERS)}"
        if of is None and not user:
            add_user_with(app, name, contacts)
        options |= SIZES[size] | {"reduced_motion": "reduce", "java_script_enabled": scripts}
        context = chromium.new_context(base_url=url, color_scheme=scheme, **options)
        context.set_default_timeout(TIMEOUT_MS)
        context.on("page", lambda page: listen(page, complaints))
        context.add_cookies([session_of(app, name, url)])
        contexts.append(context)
        page = context.new_page()
        page.goto(path)
        return Visit(page, app, name, complaints)

    yield open_window
    for context in contexts:
        context.close()
    assert complaints == []


def listen(page: Page, complaints: list[str]) -> None:
    """Errors of scripts, and what the content policy blocked. A form's 422 is an answer, not an error."""

    def note(kind: str, text: str) -> None:
        if kind in ("error", "warning") and "status of 4" not in text:
            complaints.append(text)

    page.on("console", lambda message: note(message.type, message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))


def session_of(app: App, name: str, url: str) -> Any:
    cookie = signed_in(app, name).client.get_cookie("offbook")
    assert cookie is not None
    return {"name": cookie.key, "value": cookie.value, "domain": urlsplit(url).hostname, "path": "/"}


def add_user_with(app: App, name: str, contacts: int) -> None:
    parts = parts_of(app)
    user = parts.accounts.add_user(name, PASSWORD, True, parts.clock(), parts.new_id)
    batch = [parse_change(BUILT_IN, contact(number, parts.new_id()), parts.new_id()) for number in range(contacts)]
    if batch:
        push(parts.store, user.book_id, ChangeOrigin(user_id=user.id), batch, parts.clock())


def contact(number: int, record_id: str) -> dict[str, Any]:
    details = {"k1": {"kind": "address", "label": "Home", "value": "1 Long Street\nTown", "city": "Town"}}
    data = {"name": f"Person {number:03}", "phone": f"555-{number:04}", "company": "Engines Ltd", "details": details}
    item = {"id": record_id, "table": "contacts", "record_id": record_id, "operation": "INSERT"}
    return item | {"timestamp": "2026-11-20T17:00:00.000Z", "data": data}
