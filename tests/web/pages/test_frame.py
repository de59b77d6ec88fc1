"""What stands around every page: the places with their counts, the account's menu, and how a browser shows it all."""

from __future__ import annotations

import re
from html import unescape

import pytest

from app import App
from tests.support.api_client import Caller, caller
from tests.support.browser import Browser, signed_in
from tests.support.conflict_scenarios import every_kind, pair

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database

PLACE = re.compile(r'<li id="place-[^"]+"><a href="([^"]+)"( aria-current="page")?[^>]*>(.*?)</a>', re.DOTALL)
TAGS = re.compile(r"<[^>]+>")


@pytest.fixture
def laptop(app: App, ada: Browser) -> Caller:
    return caller(app, "ada")


def person(laptop: Caller, name: str, label: str) -> str:
    """The address of a new contact with this label."""
    return f"/c/{laptop.add(name=name, details={'k': {'kind': 'group', 'value': label}})['id']}"


def places(page: str) -> dict[str, str]:
    """The places of the sidebar: what is read of each, and its address."""
    return {unescape(" ".join(TAGS.sub(" ", text).split())): address for address, _, text in PLACE.findall(page)}


def current(page: str) -> list[str]:
    """The addresses of the places that are marked as shown."""
    return [address for address, mark, _ in PLACE.findall(page) if mark]


def test_the_sidebar_leads_to_labels_with_their_counts(ada: Browser, laptop: Caller) -> None:
    for name in ("Ann", "Bob"):
        person(laptop, name, "Friends & foes")
    shown = places(ada.get("/trash").text)
    assert shown["Friends & foes 2 contacts"] == "/?label=Friends+%26+foes"
    assert {"All contacts", "Starred", "Recently changed", "Trash", "Labels", "New label"} <= set(shown)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/", "/"),
        ("/?starred=1", "/?starred=1"),
        ("/?sort=changed", "/?sort=changed"),
        ("/?label=friends", "/?label=Friends"),
        ("/trash", "/trash"),
        ("/c/labels", "/c/labels"),
    ],
)
def test_the_place_that_is_shown_is_marked(ada: Browser, laptop: Caller, path: str, place: str) -> None:
    person(laptop, "Ann", "Friends")
    assert current(ada.get(path).text) == [place]


def test_the_inbox_is_a_place_while_something_waits(app: App) -> None:
    two = pair(app)
    ada = signed_in(app, "ada")
    assert "Inbox" not in places(ada.get("/").text)
    every_kind(two)
    assert any(re.fullmatch(r"Inbox \d+ open conflicts", name) for name in places(ada.get("/").text))


def test_the_list_of_the_starred_keeps_its_address_beside_a_contact(ada: Browser, laptop: Caller) -> None:
    contact = person(laptop, "Ann", "Friends")
    assert "Nobody is starred" in ada.get("/?starred=1").text
    ada.post(f"{contact}/star?starred=1", "/", starred="1")
    assert f"{contact}?starred=1" in ada.get("/?starred=1").text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_browser_is_shown_the_theme_that_was_chosen_in_it(ada: Browser, theme: str) -> None:
    assert "data-theme" not in ada.get("/").text
    answer = ada.post("/settings/appearance", "/", theme=theme, next="/trash?after=1")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/trash?after=1")
    page = ada.get("/").text
    assert f'<html lang="en" data-theme="{theme}">' in page
    assert f'<meta name="color-scheme" content="{theme}">' in page
    ada.post("/settings/appearance", "/", theme="system")
    assert "data-theme" not in ada.get("/").text


def test_a_theme_leads_nowhere_else_and_is_none_that_was_made_up(ada: Browser) -> None:
    answer = ada.post("/settings/appearance", "/", theme='"><script>', next="//elsewhere.example")
    assert answer.headers["Location"] == "/"
    ada.client.set_cookie("theme", '"><script>')
    assert "data-theme" not in ada.get("/").text


def test_signing_out_is_not_on_the_name_of_who_is_signed_in(ada: Browser) -> None:
    page = ada.get("/").text
    summary = page[page.index('id="account"') : page.index("</summary>")]
    assert 'class="who-name">ada' in summary
    assert "form" not in summary
