"""The pages about accounts: devices, people, settings; and GET /users."""

from __future__ import annotations

import re
import uuid
from base64 import b64encode
from collections.abc import Iterator
from html import unescape

import pytest
from werkzeug.test import TestResponse

from app import App
from tests.support.browser import Browser, Stage, add_device, add_user, bearer, parts_of, signed_in

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database

TOKEN = re.compile(r"ob_[0-9a-f]{32}_[\w-]{43}")


@pytest.fixture
def app(stage: Stage) -> Iterator[App]:
    with stage.set() as app:
        add_user(app, "ada", admin=True)
        add_user(app, "bob")
        yield app


@pytest.fixture
def ada(app: App) -> Browser:
    return signed_in(app, "ada")


@pytest.fixture
def bob(app: App) -> Browser:
    return signed_in(app, "bob")


# --- devices ---------------------------------------------------------------------------------------------------------


def test_a_new_device_s_token_is_shown_once_with_what_to_paste(app: App, ada: Browser) -> None:
    page = ada.post("/devices", name="Ada's laptop").text
    tokens = set(TOKEN.findall(page))
    assert len(tokens) == 1
    assert "offbook init --server http://localhost" in page
    assert f'Replica("contacts.db", server="http://localhost", token="{tokens.copy().pop()}")' in unescape(page)
    assert 'src="data:image/svg+xml' in page
    assert parts_of(app).accounts.device_by_token(tokens.pop())
    assert not TOKEN.search(ada.get("/devices").text)


def test_the_page_with_the_token_is_not_kept(ada: Browser) -> None:
    assert ada.post("/devices", name="laptop").headers["Cache-Control"] == "no-store"


def test_a_device_is_renamed_and_revoked(app: App, ada: Browser) -> None:
    device, token = add_device(app)
    ada.post(f"/devices/{device.uuid}/rename", "/devices", name="old laptop")
    assert "old laptop" in ada.get("/devices").text
    ada.post(f"/devices/{device.uuid}/revoke", "/devices")
    assert parts_of(app).accounts.device_by_token(token) is None
    assert "old laptop" not in ada.get("/devices").text


def test_a_page_with_a_token_that_is_loaded_once_more_adds_no_second_device(app: App, ada: Browser) -> None:
    once = str(uuid.uuid4())
    for path in ("/devices", "/devices/phones"):
        token = TOKEN.search(ada.post(path, "/devices", name="laptop", once=once).text)
        again = ada.post(path, "/devices", name="laptop", once=once)
        assert (again.status_code, again.headers["Location"]) == (303, "/devices")
        assert "added already" in ada.get("/devices").text
        once = str(uuid.uuid4())
    assert token
    assert len(parts_of(app).accounts.devices(parts_of(app).accounts.user_named("ada").id)) == 2


def test_the_names_of_devices_differ(app: App, ada: Browser) -> None:
    for name in ("laptop", "Laptop", "phone"):
        ada.post("/devices", name=name)
    devices = parts_of(app).accounts.devices(parts_of(app).accounts.user_named("ada").id)
    assert sorted(device.name for device in devices) == ["Laptop 2", "laptop", "phone"]
    (phone,) = (device for device in devices if device.name == "phone")
    for name in ("laptop", "laptop 3"):
        ada.post(f"/devices/{phone.uuid}/rename", "/devices", name=name)
        assert 'class="item-name">laptop 3<' in ada.get("/devices").text


def test_what_can_not_be_undone_asks_once(app: App, ada: Browser) -> None:
    device, _ = add_device(app)
    page = ada.get("/devices?after=password").text
    for path in (f"/devices/{device.uuid}/revoke", "/devices/revoke-all"):
        before = page.partition(f'action="{path}"')[0]
        assert before.rfind("<details") > before.rfind("</details>"), "its button is behind a question"


def test_a_device_needs_a_name(app: App, ada: Browser) -> None:
    device, _ = add_device(app)
    for path in ("/devices", f"/devices/{device.uuid}/rename"):
        answer = ada.post(path, "/devices", name="  ")
        assert answer.status_code == 422
        assert "visible characters" in answer.text


def test_a_name_is_shown_and_never_run(ada: Browser) -> None:
    page = ada.post("/devices", name="<script>alert(1)</script>").text + ada.get("/devices").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_devices_show_when_they_were_seen_and_how_their_clock_goes(app: App, ada: Browser) -> None:
    device, _ = add_device(app)
    assert "Never seen" in ada.get("/devices").text
    parts_of(app).accounts.record_seen(device, parts_of(app).clock(), 180_000, {"bad_value": 3})
    page = ada.get("/devices").text
    assert "just now" in page
    assert "3 minutes ahead" in page


@pytest.mark.parametrize(
    ("offset", "tag", "seems"),
    [(-3 * 3_600_000, "3 hours behind", "older"), (10 * 8_766 * 3_600_000, "10 years ahead", "newer")],
)
def test_a_clock_that_is_wrong_is_a_warning_that_says_what_to_do(
    app: App, ada: Browser, offset: int, tag: str, seems: str
) -> None:
    device, _ = add_device(app)
    parts_of(app).accounts.record_seen(device, parts_of(app).clock(), offset)
    page = ada.get("/devices").text
    assert f'<span class="tag warn">Clock {tag}</span> Nothing is lost by that; set it right' in page
    assert f"do not count as {seems} than they are" in page


def test_a_clock_that_is_some_seconds_off_is_no_warning(app: App, ada: Browser) -> None:
    device, _ = add_device(app)
    parts_of(app).accounts.record_seen(device, parts_of(app).clock(), 59_000)
    page = ada.get("/devices").text
    assert "<span>Clock 59 seconds ahead</span>" in page
    assert "tag warn" not in page


def test_another_user_s_device_is_not_there(app: App, bob: Browser) -> None:
    device, token = add_device(app, "ada", "tablet of ada")
    assert device.name not in bob.get("/devices").text
    assert bob.post(f"/devices/{device.uuid}/rename", "/devices", name="mine").status_code == 404
    assert bob.post(f"/devices/{device.uuid}/revoke", "/devices").status_code == 404
    assert parts_of(app).accounts.device_by_token(token)


# --- people ----------------------------------------------------------------------------------------------------------


def test_admins_list_and_add_people(app: App, ada: Browser) -> None:
    assert "bob" in ada.get("/people").text
    ada.post("/people", name="carol", password="a first password")
    assert "carol" in ada.get("/people").text
    assert Browser(app).sign_in("carol", "a first password").status_code == 302
    assert not parts_of(app).accounts.user_named("carol").admin


def test_a_person_who_can_not_be_added_is_told_why(ada: Browser) -> None:
    answer = ada.post("/people", name="bob", password="a first password")
    assert answer.status_code == 422
    assert "already" in answer.text


def test_people_are_for_admins(app: App, bob: Browser) -> None:
    assert bob.get("/people").status_code == 403
    assert bob.post("/people", "/settings", name="eve", password="a first password").status_code == 403
    assert len(parts_of(app).accounts.users()) == 2
    assert "/people" not in bob.get("/settings").text


# --- GET /users ------------------------------------------------------------------------------------------------------


def names(answer: TestResponse) -> list[str]:
    assert answer.json is not None
    return [user["name"] for user in answer.json["users"]]


def test_users_are_listed_for_an_admin_and_for_an_admin_s_device(app: App, ada: Browser) -> None:
    _, token = add_device(app, "ada")
    client = app.test_client()
    assert names(ada.get("/users")) == ["ada", "bob"]
    assert names(client.get("/users", headers=bearer(token))) == ["ada", "bob"]
    assert names(client.get("/users", auth=("whatever", token))) == ["ada", "bob"]


def test_users_are_not_listed_for_others(app: App, bob: Browser) -> None:
    _, token = add_device(app, "bob")
    assert bob.get("/users").status_code == 403
    assert app.test_client().get("/users", headers=bearer(token)).status_code == 403
    assert app.test_client().get("/users").status_code == 401


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        (None, 'Bearer realm="offbook"'),
        ("Bearer wrong", 'Bearer realm="offbook"'),
        ("Basic " + b64encode(b"x:wrong").decode(), 'Basic realm="offbook"'),
        ("Basic not-base64", 'Bearer realm="offbook"'),
        ("Bearer", 'Bearer realm="offbook"'),
        ("Digest username=x", 'Bearer realm="offbook"'),
    ],
)
def test_a_device_without_a_good_token_is_asked_for_one(app: App, header: str | None, challenge: str) -> None:
    answer = app.test_client().get("/users", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == challenge


# --- settings --------------------------------------------------------------------------------------------------------


def test_the_region_of_numbers_is_shown_and_chosen(app: App, ada: Browser) -> None:
    ada.post("/settings/region", "/settings", region="de")
    assert re.search(r'name="region" value="DE"', ada.get("/settings").text)
    refused = ada.post("/settings/region", "/settings", region="XX")
    assert (refused.status_code, "two letters" in refused.text) == (422, True)
    assert parts_of(app).accounts.book(parts_of(app).accounts.user_named("bob").book_id).region is None
    ada.post("/settings/region", "/settings", region="")
    assert re.search(r'name="region" value=""', ada.get("/settings").text)


def test_the_policy_is_shown_and_chosen(app: App, ada: Browser) -> None:
    assert re.search(r'value="merge"\s+checked', ada.get("/settings").text)
    ada.post("/settings/policy", "/settings", policy="ask")
    assert re.search(r'value="ask"\s+checked', ada.get("/settings").text)
    assert ada.post("/settings/policy", "/settings", policy="whatever").status_code == 422
    assert parts_of(app).accounts.book(parts_of(app).accounts.user_named("bob").book_id).policy == "merge"
