"""Pages that change by themselves while somebody else edits, and never under a typing hand."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update
from werkzeug.serving import make_server

from app import App, create_app
from config import Config
from models import Base
from tests.browser.conftest import add_user_with, session_of
from tests.browser.looks import flaws_as_it_looks
from tests.browser.users import Visit, scroll_to
from tests.support.browser import PASSWORD, parts_of
from tests.support.conflict_scenarios import pair
from tests.support.live_server import serving, serving_process

Open = Callable[..., Visit]


def two_windows(visit: Open, size: str = "desktop") -> tuple[Visit, Visit]:
    """Of one person; the second is live."""
    here = visit(size)
    there = visit(size, of=here)
    there.expect_chip("Live")
    return here, there


def stays(page: Page) -> Callable[[], bool]:
    """Whether the page is still the one that it was, and was not loaded again."""
    page.evaluate("window.stays = true")
    return lambda: page.evaluate("window.stays === true")


# --- what others do --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_an_edit_shows_in_another_window_without_a_reload(visit: Open, size: str) -> None:
    here, there = two_windows(visit, size)
    here.open("Person 001")
    there.open("Person 001")
    is_the_same = stays(there.page)
    here.page.get_by_role("link", name="Edit").click()
    here.field("Name").fill("Ada Lovelace")
    here.field("Company").fill("Looms Ltd")
    here.save()
    there.expect_contact("Ada Lovelace")
    expect(there.page.locator(".contact-work")).to_have_text("Looms Ltd")
    expect(there.page.locator(".news h2, h2.news")).to_have_text("Ada Lovelace")
    expect(there.page).to_have_title("Ada Lovelace · offbook")
    expect(there.page.locator(".row.news")).to_contain_text("Looms Ltd")
    expect(there.rows()).to_contain_text(["Ada Lovelace", "Person 000", "Person 002"])
    here.page.get_by_role("button", name="Delete").click()
    here.expect_flash("Deleted Ada Lovelace.")
    there.expect_contact("Ada Lovelace is in the trash")
    expect(there.page.locator("[data-count]")).to_have_text("2 contacts")
    assert is_the_same()


def test_the_list_stays_where_it_is_seen(visit: Open) -> None:
    ada = visit(contacts=230)
    ada.expect_chip("Live")
    scroll_to(ada.page, 130)
    line = ada.page.locator(".row-link", has_text="Person 130")
    line.focus()
    place = line.bounding_box()
    ada.device_adds("Aaron", "Abigail", "Person 129 b")
    expect(ada.page.locator("[data-count]")).to_have_text("233 contacts")
    expect(ada.page.locator(".row", has_text="Person 129 b")).to_be_visible()
    expect(line).to_be_focused()
    assert line.bounding_box() == place
    ada.page.keyboard.press("k")
    expect(ada.page.locator(".row-link:focus")).to_contain_text("Person 129 b")


def test_a_search_stays_and_finds_what_comes(visit: Open) -> None:
    ada = visit()
    ada.page.get_by_role("searchbox").fill("lovelace")
    expect(ada.page.get_by_role("heading", name="Nothing found")).to_be_visible()
    ada.device_adds("Ada Lovelace", "Charles Babbage")
    expect(ada.rows()).to_have_text(["AL Ada Lovelace "], use_inner_text=False)
    expect(ada.page.get_by_role("searchbox")).to_be_focused()


def test_many_changes_at_once_are_few_requests(visit: Open) -> None:
    ada = visit(contacts=0)
    ada.expect_chip("Live")
    asked: list[str] = []
    ada.page.on("request", lambda one: asked.append(one.url) if one.headers.get("x-fragment") else None)
    for batch in range(10):
        ada.device_adds(*(f"Person {batch} {number:03}" for number in range(60)))
    expect(ada.page.locator("[data-count]")).to_have_text("600 contacts")
    assert len(asked) < 8


# --- what is typed ---------------------------------------------------------------------------------------------------


def test_what_is_typed_stays_and_saving_merges(visit: Open) -> None:
    here, there = two_windows(visit)
    there.open("Person 000")
    there.page.get_by_role("link", name="Edit").click()
    there.rows().first.hover()
    there.page.get_by_role("button", name="Star Person 000").click()
    there.field("Job title").press_sequentially("Count")
    note = there.page.locator(".form-news")
    here.open("Person 000")
    here.page.get_by_role("link", name="Edit").click()
    here.field("Company").fill("Looms Ltd")
    here.save()
    expect(note).to_contain_text("Meanwhile you, on another page, changed the company. Saving merges that with yours.")
    expect(there.page.locator("#live-said")).to_contain_text("changed the company")
    expect(there.field("Company")).to_have_value("Engines Ltd")
    there.device_pushes(there.change(there.page.locator("[data-form]").get_attribute("data-id") or "", "DELETE"))
    expect(note).to_contain_text("Meanwhile the laptop deleted this contact. Saving brings it back.")
    expect(here.page.locator(".contact h2")).to_contain_text("is in the trash")
    there.page.keyboard.type("ess")
    expect(there.field("Job title")).to_have_value("Countess")
    there.save()
    there.expect_flash("your edit brought it back")
    for window in (here, there):
        expect(window.page.locator(".contact-work")).to_have_text("Countess · Looms Ltd")
        expect(window.page.locator(".form-news")).to_have_count(0)


def test_the_inbox_fills_by_itself_and_waits_for_what_is_typed_there(visit: Open) -> None:
    ada = visit(contacts=0)
    two = pair(ada.app, ada.name)
    inbox = visit(of=ada, path="/inbox").page
    expect(inbox.locator("#live span")).to_have_text("Live")
    two.conflict(phone=("1", "2"))
    expect(inbox.locator(".conflict")).to_have_count(1)
    expect(inbox.locator("#places .badge")).to_have_text("1 open conflict")
    expect(ada.page.locator("#places .badge")).to_have_text("1 open conflict")
    inbox.get_by_text("Type another").click()
    inbox.get_by_role("textbox").fill("555-3")
    two.conflict(title=("Countess", "Analyst"))
    expect(inbox.locator("#places .badge")).to_have_text("2 open conflicts")
    expect(inbox.locator(".conflict")).to_have_count(1)
    expect(inbox.get_by_role("textbox")).to_have_value("555-3")
    inbox.get_by_role("button", name="Save").click()
    expect(inbox.locator("#flashes")).to_contain_text("“555-3”")
    expect(inbox.locator(".conflict")).to_have_count(1)
    expect(ada.page.locator("#places .badge")).to_have_text("1 open conflict")


# --- the network -----------------------------------------------------------------------------------------------------


def test_what_changed_while_the_server_was_away_is_there_when_it_is_back(chromium: Browser, app: App) -> None:
    add_user_with(app, "ada", 3)
    with chromium.new_context() as context:
        page = context.new_page()
        ada = Visit(page, app, "ada", [])
        with serving(app) as url:
            context.add_cookies([session_of(app, "ada", url)])
            page.goto(url)
            ada.expect_chip("Live")
        ada.expect_chip("Reconnecting")
        ada.device_adds("Ada Lovelace")
        with serving(app, port=urlsplit(url).port or 0):
            ada.expect_chip("Live")
            expect(ada.rows().first).to_contain_text("Ada Lovelace")


def test_no_network_is_told_aloud_and_so_is_its_end(visit: Open) -> None:
    ada = visit()
    ada.open("Person 001")
    ada.expect_chip("Live")
    said = ada.page.locator("#live-said")
    expect(said).to_have_text("")
    ada.page.context.set_offline(True)
    ada.expect_chip("Offline")
    expect(said).to_contain_text("Offline.")
    ada.device_edits(company="Looms Ltd")
    ada.page.context.set_offline(False)
    expect(ada.page.locator(".contact-work")).to_have_text("Looms Ltd")
    ada.expect_chip("Live")
    expect(said).to_have_text("Live again.")


@pytest.mark.processes
def test_a_server_that_is_silent_is_not_taken_for_live(chromium: Browser, tmp_path: Path) -> None:
    with serving_process(tmp_path) as server, chromium.new_context(base_url=server.url) as context:
        app = create_app(Config.from_environment({"INSTANCE_PATH": str(tmp_path)}))
        add_user_with(app, "ada", 1)
        context.add_cookies([session_of(app, "ada", server.url)])
        page = context.new_page()
        page.clock.install()
        page.goto("/")
        ada = Visit(page, app, "ada", [])
        ada.expect_chip("Live")
        server.child.send_signal(signal.SIGSTOP)
        page.clock.run_for(25_000)
        page.clock.run_for(10_000)
        ada.expect_chip("Reconnecting")
        server.child.send_signal(signal.SIGCONT)
        page.clock.run_for(400)
        ada.expect_chip("Live")
        app.extensions["database"].close()


def test_a_server_without_a_live_channel_is_told_so(visit: Open, app: App, chromium: Browser) -> None:
    add_user_with(app, "ada", 1)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.port}"
    with chromium.new_context(base_url=url) as context:
        context.add_cookies([session_of(app, "ada", url)])
        page = context.new_page()
        page.goto("/")
        Visit(page, app, "ada", []).expect_chip("Not live")
    server.shutdown()
    thread.join()


# --- who may ---------------------------------------------------------------------------------------------------------


def test_whoever_is_signed_out_elsewhere_is_told_and_goes_on_after_signing_in(visit: Open) -> None:
    ada = visit()
    ada.expect_chip("Live")
    ada.open("Person 000")
    ada.page.get_by_role("link", name="Edit").click()
    ada.field("Job title").fill("Countess")
    parts = parts_of(ada.app)
    parts.accounts.set_password(parts.accounts.user_named(ada.name).id, PASSWORD + "!", parts.clock())
    ada.expect_chip("Signed out")
    with ada.page.context.expect_page() as opened:
        ada.page.get_by_role("link", name="Sign in").click()
    door = opened.value
    door.get_by_label("Name").fill(ada.name)
    door.get_by_label("Password").fill(PASSWORD + "!")
    door.get_by_role("button", name="Sign in").click()
    expect(door.locator("#live span")).to_have_text("Live")
    ada.page.evaluate("dispatchEvent(new Event('online'))")
    ada.expect_chip("Live")
    expect(ada.field("Job title")).to_have_value("Countess")
    ada.save()
    ada.expect_flash("Saved.")


def test_a_cursor_that_can_not_be_served_costs_nothing_that_was_typed(visit: Open) -> None:
    ada = visit()
    ada.expect_chip("Live")
    is_the_same = stays(ada.page)
    ada.page.locator("#create").click()
    ada.field("Name").fill("Grace")
    books = Base.metadata.tables["books"]
    mine = books.c.id == parts_of(ada.app).accounts.user_named(ada.name).book_id
    with ada.app.extensions["database"].write() as connection:
        connection.execute(update(books).where(mine).values(epoch=parts_of(ada.app).new_id()))
    ada.device_adds("Ada Lovelace")
    expect(ada.rows().first).to_contain_text("Ada Lovelace")
    ada.expect_chip("Live")
    ada.device_adds("Abigail")
    expect(ada.rows().first).to_contain_text("Abigail")
    expect(ada.field("Name")).to_have_value("Grace")
    assert is_the_same()


# --- how it looks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "dark")])
def test_axe_finds_nothing_serious_in_what_live_pages_tell(visit: Open, size: str, scheme: str) -> None:
    ada = visit(size, scheme, bypass_csp=True)  # axe itself sets styles while it measures
    ada.expect_chip("Live")
    ada.open("Person 000")
    ada.page.get_by_role("link", name="Edit").click()
    ada.field("Job title").fill("Countess")
    ada.device_pushes(ada.change(ada.page.locator("[data-form]").get_attribute("data-id") or "", "DELETE"))
    expect(ada.page.locator(".form-news")).to_be_visible()
    flaws = {"Live": flaws_as_it_looks(ada.page)}
    ada.page.context.set_offline(True)
    ada.expect_chip("Offline")
    flaws["Offline"] = flaws_as_it_looks(ada.page)
    ada.page.context.clear_cookies()
    ada.page.context.set_offline(False)
    ada.expect_chip("Signed out")
    flaws["Signed out"] = flaws_as_it_looks(ada.page)
    assert {state: found for state, found in flaws.items() if found} == {}


def test_without_scripts_nothing_claims_to_be_live(visit: Open) -> None:
    ada = visit(scripts=False)
    expect(ada.page.locator("#live")).to_be_hidden()
