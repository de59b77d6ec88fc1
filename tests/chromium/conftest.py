"""The real server, and Debian's Chromium to look at it with. What the browser complains about fails the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from app import App
from offbook.core.wire import change_of
from storage import Origin, push
from storage.migrating import upgrade
from tests.browser import PASSWORD, app_on, parts_of, signed_in
from tests.chromium.people import SIZES, Visit
from tests.serving import serving

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --renderer-process-limit=1"
)
TIMEOUT_MS = 10_000
NUMBERS = count(1)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not at /usr/bin/chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, str]]:
    app = app_on(f"sqlite:///{tmp_path_factory.mktemp('site') / 'offbook.db'}")
    upgrade(app.extensions["database"])
    with serving(app) as url:
        yield app, url
    app.extensions["database"].close()


class Contexts:
    """What browsers keep for a person, once for each kind of window: to make one takes longer than most pages.

    A context is lent to one window at a time. Its cookies are cleared, and nothing else is kept: pages may not be, and
    there is no script that stores anything. A blank tab keeps its process alive.
    """

    def __init__(self, chromium: Browser) -> None:
        self._chromium = chromium
        self._free: dict[str, list[BrowserContext]] = {}

    @contextmanager
    def lent(self, **options: Any) -> Iterator[BrowserContext]:
        free = self._free.setdefault(repr(options), [])
        context = free.pop() if free else self._made(**options)
        yield context
        for page in context.pages[1:]:
            page.close()
        context.clear_cookies()
        free.append(context)

    def _made(self, **options: Any) -> BrowserContext:
        context = self._chromium.new_context(**options)
        context.set_default_timeout(TIMEOUT_MS)
        context.new_page()
        return context


@pytest.fixture(scope="session")
def contexts(chromium: Browser) -> Contexts:
    return Contexts(chromium)


@pytest.fixture
def visit(contexts: Contexts, site: tuple[App, str]) -> Iterator[Callable[..., Visit]]:
    """Opens a window of a new user with some contacts, signed in."""
    app, url = site
    complaints: list[str] = []
    with ExitStack() as windows:

        def open_window(
            size: str = "desktop", scheme: str = "light", scripts: bool = True, contacts: int = 3, **options: Any
        ) -> Visit:
            name = f"user{next(NUMBERS)}"
            add_user_with(app, name, contacts)
            options |= SIZES[size] | {"base_url": url, "java_script_enabled": scripts}
            context = windows.enter_context(contexts.lent(**options))
            context.add_cookies([session_of(app, name, url)])
            page = context.new_page()
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            listen(page, complaints)
            page.goto("/")
            return Visit(page, app, name, complaints)

        yield open_window
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
    batch = [change_of(contact(number, parts.new_id()), parts.new_id()) for number in range(contacts)]
    if batch:
        push(parts.store, user.book_id, Origin(user_id=user.id), batch, parts.clock())


def contact(number: int, record_id: str) -> dict[str, Any]:
    details = {"k1": {"kind": "address", "label": "Home", "value": "1 Long Street\nTown", "city": "Town"}}
    data = {"name": f"Person {number:03}", "phone": f"555-{number:04}", "company": "Engines Ltd", "details": details}
    item = {"id": record_id, "table": "contacts", "record_id": record_id, "operation": "INSERT"}
    return item | {"timestamp": "2026-11-20T17:00:00.000Z", "data": data}
