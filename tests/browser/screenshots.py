"""Every page as a picture, empty, full and faulty, in each variant of a screen: ``make screenshots``.

Nothing is compared: whoever changes templates or styles looks at the pictures.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

from app import App
from offbook.contacts.table import BUILT_IN
from offbook.core.pictures import sha256_of
from offbook.core.protocol.requests import parse_change
from storage.base import ChangeOrigin
from tests.browser.conftest import ARGUMENTS, CHROMIUM, session_of
from tests.support.browser import PASSWORD, app_beside, parts_of
from tests.support.conflict_scenarios import every_kind, pair
from tests.support.live_server import serving
from tests.support.pictures import picture
from tests.support.pushes import push

FULL, EMPTY = "ada", "eve"

VARIANTS: dict[str, dict[str, Any]] = {
    "desktop-light": {"viewport": {"width": 1280, "height": 800}},
    "desktop-dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone-light": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "phone-dark": {
        "viewport": {"width": 390, "height": 844},
        "has_touch": True,
        "is_mobile": True,
        "color_scheme": "dark",
    },
    "narrow": {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True},
    "wide": {"viewport": {"width": 1720, "height": 1000}},
    "zoomed": {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2},
    "landscape": {"viewport": {"width": 844, "height": 390}, "has_touch": True, "is_mobile": True},
    "print": {"viewport": {"width": 794, "height": 1123}},
    "right-to-left": {"viewport": {"width": 1280, "height": 800}, "locale": "ar"},
    "contrast": {"viewport": {"width": 1280, "height": 800}, "forced_colors": "active"},
}
"""What Playwright opens a window with. ``zoomed`` is a window of 1,280 pixels at 200 %."""

NAMES = (
    *("Ada Lovelace", "Grace Hopper", "Alan Turing", "Katherine Johnson", "Annie Easley", "Mary Jackson"),
    *("Wolfeschlegelsteinhausenbergerdorff, Hubert Blaine senior", "نجيب محفوظ", "עמוס עוז", "村上 春樹"),
    *("Barbara Liskov", "Edsger Dijkstra", "Margaret Hamilton", "Radia Perlman", "Donald Knuth", "Frances Allen"),
)


BESIDE_IS_THERE = """() => {
  const history = document.querySelector("[data-history]");
  return innerWidth < 1400 || !history || !history.hidden;
}"""
"""Of a wide screen, which fetches it behind the page."""


class Place(NamedTuple):
    """A page in a state: its file's name, whose window it is, and how one gets there."""

    name: str
    user: str
    go: Callable[[Page, str], None]


def at(path: str) -> Callable[[Page, str], None]:
    """A page by its path; ``{id}`` is a contact with all there is."""

    def go(page: Page, contact: str) -> None:
        page.goto(path.format(id=contact))

    return go


def then(path: str, act: Callable[[Page], object]) -> Callable[[Page, str], None]:
    """The same, and what is done there."""

    def go(page: Page, contact: str) -> None:
        at(path)(page, contact)
        act(page)

    return go


def faulty_form(page: Page) -> None:
    page.locator("#f-family_name").fill("x" * 404)
    page.get_by_text("More fields").click()
    page.locator("#f-birthday").fill("soon")
    page.get_by_role("button", name="Save").click()
    page.wait_for_selector(".input-error")


def faulty_import(page: Page) -> None:
    content = b"First Name,Last Name,Notes\nAda,King,engines\nToo,Long," + b"x" * 20_001
    file: Any = {"name": "contacts.csv", "mimeType": "text/csv", "buffer": content}
    page.locator("[type=file]").set_input_files(file)
    page.get_by_role("button", name="Look at it").click()
    page.wait_for_selector(".numbers")


def new_device(page: Page) -> None:
    page.get_by_label("Name of a new device").fill("Phone")
    page.get_by_role("button", name="Add a phone").click()
    page.wait_for_selector(".qr")


def shared(page: Page) -> None:
    page.locator("#share summary").click()
    page.wait_for_function("document.querySelector('#share img').complete")


def deleted(page: Page) -> None:
    page.locator("#delete").click()
    page.wait_for_selector(".flash")


PLACES = (
    Place("list", FULL, at("/")),
    Place("list-empty", EMPTY, at("/")),
    Place("list-nothing-found", FULL, at("/?q=nobody")),
    Place("list-of-label", FULL, at("/?label=Friends")),
    Place("contact", FULL, at("/c/{id}")),
    Place("contact-shared", FULL, then("/c/{id}", shared)),
    Place("contact-history", FULL, at("/c/{id}/history")),
    Place("form", FULL, at("/c/{id}/edit")),
    Place("form-empty", EMPTY, at("/c/new")),
    Place("form-faulty", FULL, then("/c/new", faulty_form)),
    Place("menu", FULL, then("/", lambda page: page.locator("#account > summary").click())),
    Place("labels", FULL, at("/c/labels")),
    Place("labels-empty", EMPTY, at("/c/labels")),
    Place("inbox", FULL, at("/inbox")),
    Place("inbox-empty", EMPTY, at("/inbox")),
    Place("trash", FULL, at("/trash")),
    Place("trash-empty", EMPTY, at("/trash")),
    Place("import", FULL, at("/import")),
    Place("import-faulty", FULL, then("/import", faulty_import)),
    Place("activity", FULL, at("/activity")),
    Place("activity-empty", EMPTY, at("/activity")),
    Place("devices", FULL, at("/devices")),
    Place("devices-empty", EMPTY, at("/devices")),
    Place("phone-added", EMPTY, then("/devices", new_device)),
    Place("people", FULL, at("/people")),
    Place("streams", FULL, at("/streams")),
    Place("settings", FULL, at("/settings")),
    Place("book-as-it-was", FULL, at("/past")),
    Place("error", FULL, at("/nothing")),
    Place("undo", FULL, then("/c/{id}", deleted)),
    Place("contact-deleted", FULL, at("/c/{id}")),
    Place("login", "", at("/login")),
)
"""In this order in each variant: the contact of ``undo`` is another one in each."""


def details(number: int) -> dict[str, Any]:
    """What the contact of the pictures holds beside its fields."""
    return {
        "p2": {"kind": "phone", "label": "Work", "value": "+49 (0)30 123 ext. 5"},
        "a1": {"kind": "address", "label": "Home", "value": "12 St James’s Square\nLondon SW1Y 4JH\nEngland"},
        "u2": {"kind": "url", "label": "Blog", "value": "https://example.org/ada/notes"},
        "g1": {"kind": "group", "value": "Friends"},
        "g2": {"kind": "group", "value": "Analytical Society"},
        "r1": {"kind": "relation", "label": "Spouse", "value": "William King"},
        "d1": {"kind": "date", "label": "Anniversary", "value": "1835-07-08"},
        "c1": {"kind": "custom", "label": "Table at the club", "value": str(number)},
    }


def whole_contact(number: int, photo: str) -> dict[str, Any]:
    """The contact of the pictures: nearly every field."""
    return {
        "name": "Ada Lovelace",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "nickname": "The Enchantress of Number",
        "phone": "+44 20 7946 0123",
        "phone_label": "Mobile",
        "email": "ada@example.org",
        "email_label": "Home",
        "company": "Analytical Engines Ltd",
        "department": "Notes",
        "title": "Countess",
        "birthday": "1815-12-10",
        "website": "https://example.org/ada",
        "phonetic_given": "AY-da",
        "file_as": "Lovelace, Ada",
        "starred": True,
        "photo": photo,
        "notes": "Wrote the notes on the engine: https://example.org/notes/g.\nAsk about Bernoulli numbers.",
        "details": details(number),
    }


ARABIC = {"name": "نجيب محفوظ", "given_name": "نجيب", "family_name": "محفوظ", "company": "دار الشروق", "notes": "كاتب."}


def fill(app: App, contacts: int) -> list[str]:
    """Two users, one with contacts, conflicts, devices and a trash. Returns a whole contact for each variant."""
    parts = parts_of(app)
    laptop = pair(app, FULL)
    every_kind(laptop)
    parts.accounts.add_user(EMPTY, PASSWORD, False, parts.clock(), parts.new_id)
    user = parts.accounts.user_named(FULL)
    content = picture("PNG", 300, 300)
    parts.blobs.put(user.book_id, sha256_of(content), content, parts.clock())
    whole = [parts.new_id() for _ in VARIANTS]
    rows = [(contact_id, whole_contact(number, sha256_of(content))) for number, contact_id in enumerate(whole)]
    rows[list(VARIANTS).index("right-to-left")][1].update(ARABIC)
    for number in range(contacts):
        group = {"g1": {"kind": "group", "value": "Analytical Society"}} if number % 3 else {}
        name = NAMES[number % len(NAMES)] + (f" {number // len(NAMES)}" if number >= len(NAMES) else "")
        data = {"name": name, "phone": f"020 7946 {number:04}", "email": f"p{number}@example.org", "details": group}
        rows.append((parts.new_id(), data))
    send(app, *(item("INSERT", contact_id, parts.new_id(), data) for contact_id, data in rows))
    edits = [("phone_label", "Home"), ("company", "Engines"), ("company", "Analytical Engines Ltd")]
    for contact_id in whole:
        for field, value in edits:
            record = parts.contacts.get(user.book_id, contact_id)
            assert record is not None
            send(app, item("UPDATE", contact_id, parts.new_id(), {field: value}) | {"base": record.seq})
    return whole


def send(app: App, *items: dict[str, Any]) -> None:
    """Push these changes for whoever has the full book."""
    parts = parts_of(app)
    user = parts.accounts.user_named(FULL)
    batch = [parse_change(BUILT_IN, one, "") for one in items]
    push(parts.store, user.book_id, ChangeOrigin(user_id=user.id), batch, parts.clock())


def item(operation: str, contact_id: str, change_id: str, data: dict[str, Any]) -> dict[str, Any]:
    """A change as it is sent."""
    base = {"id": change_id, "table": "contacts", "record_id": contact_id, "operation": operation, "data": data}
    return base | {"timestamp": "2026-11-20T17:00:00.000Z"}


def windows(browser: Browser, app: App, url: str, variant: str) -> Iterator[tuple[str, Page]]:
    """A window of each user, and of nobody."""
    options = {"reduced_motion": "reduce", **VARIANTS[variant]}
    for user in (FULL, EMPTY, ""):
        context = browser.new_context(base_url=url, **options)
        if user:
            context.add_cookies([session_of(app, user, url)])
        page = context.new_page()
        if variant == "print":
            page.emulate_media(media="print")
        yield user, page


def take(browser: Browser, app: App, url: str, folder: Path, contacts: list[str], only: re.Pattern[str]) -> None:
    """The pictures of all variants, each in a folder of its own."""
    for variant, contact in zip(VARIANTS, contacts, strict=True):
        pages = dict(windows(browser, app, url, variant))
        for place in PLACES:
            if only.search(f"{variant}/{place.name}"):
                page = pages[place.user]
                page.emulate_media(media="screen")
                place.go(page, contact)
                page.wait_for_load_state("load")
                page.wait_for_function(BESIDE_IS_THERE)
                if variant == "print":
                    page.emulate_media(media="print")
                page.screenshot(path=folder / variant / f"{place.name}.png", full_page=variant == "print")
        for page in pages.values():
            page.context.close()


def main() -> None:
    """Take them, into the folder that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("screenshots"))
    parser.add_argument("--only", type=re.compile, default=re.compile(""), help="variant/page, as a pattern")
    arguments = parser.parse_args()
    with TemporaryDirectory() as instance, app_beside(Path(instance)) as app, serving(app) as url:
        contacts = fill(app, 60)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS.split())
            take(browser, app, url, arguments.folder, contacts, arguments.only)
            browser.close()
    print(f"The pictures are in {arguments.folder}.")


if __name__ == "__main__":
    main()
