"""`GET /metrics`: what a server counted is what was done, as Prometheus' own parser reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families as families

from app import App
from storage.repositories.device_lag import lag_of
from tests.support.api_client import change
from tests.support.browser import add_device, add_user, app_on, bearer, parts_of
from tests.support.live_server import running
from tests.support.websocket_client import listening

TOKEN = "a token for whoever watches"
Meters = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def app(database_url: str) -> Iterator[App]:
    made = app_on(database_url, metrics_token=TOKEN)
    yield made
    made.extensions["database"].close()


@pytest.fixture
def url(app: App) -> Iterator[str]:
    with running(app, parts_of(app).config) as (address, _):
        yield address


def read(url: str) -> Meters:
    answer = requests.get(url + "/metrics", headers=bearer(TOKEN), timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    samples = [sample for family in families(answer.text) for sample in family.samples]
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for one in samples}


def of(meters: Meters, name: str, **labels: str) -> float:
    return meters[name, tuple(sorted(labels.items()))]


def sync(url: str, token: str, *changes: Any, since: str | None = None) -> dict[str, Any]:
    body = {"changes": list(changes), "since": since}
    answer = requests.post(url + "/sync", json=body, headers=bearer(token), timeout=10)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_syncs_and_their_changes_are_counted_by_verdict(app: App, url: str) -> None:
    add_user(app, "ada")
    _, token = add_device(app)
    sync(url, token, change(), change(), "no change")
    sync(url, token)
    meters = read(url)
    assert of(meters, "offbook_syncs_total", way="http") == 2
    assert of(meters, "offbook_changes_total", verdict="applied") == 2
    assert of(meters, "offbook_changes_total", verdict="rejected") == 1
    assert of(meters, "offbook_rows_total") == 4


def test_requests_are_timed_by_route(app: App, url: str) -> None:
    add_user(app, "ada")
    _, token = add_device(app)
    sync(url, token)
    for path in ("/nothing", "/nowhere", "/healthz"):
        requests.get(url + path, timeout=10)
    requests.request("PROPFIND", url + "/dav/", timeout=10)
    meters = read(url)
    assert of(meters, "offbook_request_seconds_count", method="PROPFIND", route="/dav/", status="401") == 1
    assert of(meters, "offbook_request_seconds_count", method="POST", route="/sync", status="200") == 1
    assert 0 < of(meters, "offbook_request_seconds_sum", method="POST", route="/sync", status="200") < 10
    assert of(meters, "offbook_request_seconds_count", method="GET", route="unknown", status="404") == 2
    assert not any("/nothing" in str(labels) for _, labels in meters)


def test_listeners_are_counted_and_how_long_a_page_took_to_them(app: App, url: str) -> None:
    add_user(app, "ada")
    _, laptop = add_device(app)
    _, phone = add_device(app, device="phone")
    cursor = sync(url, laptop)["cursor"]
    with listening(url, phone, cursor) as socket:
        sync(url, laptop, change(), since=cursor)
        assert len(socket.page()["changes"]) == 1
        sync(url, laptop, change(), since=cursor)
        assert len(socket.page()["changes"]) == 1
        socket.push(1, change())
        socket.answer(1)
        meters = read(url)
        assert of(meters, "offbook_listeners") == 1
        assert of(meters, "offbook_live_seconds_count") >= 1
        assert 0 <= of(meters, "offbook_live_seconds_sum") < 10
        assert of(meters, "offbook_syncs_total", way="live") == 1


def test_how_far_devices_are_is_read_from_the_database(app: App, url: str) -> None:
    add_user(app, "ada")
    _, laptop = add_device(app)
    _, phone = add_device(app, device="phone")
    add_device(app, device="never seen")
    sync(url, phone)
    sync(url, laptop, change(), change())
    meters = read(url)
    assert of(meters, "offbook_devices") == 3
    assert of(meters, "offbook_devices_behind") == 1
    assert 0 < of(meters, "offbook_devices_behind_seconds") < 60
    sync(url, phone)
    assert of(read(url), "offbook_devices_behind") == 0


def test_a_device_that_got_nothing_yet_is_behind_since_it_was_added(app: App) -> None:
    add_user(app, "ada")
    parts = parts_of(app)
    device, _ = add_device(app)
    parts.accounts.record_seen(device, parts.clock(), cursor_seq=0, at_once=True)
    database = app.extensions["database"]
    assert lag_of(database, parts.clock()).behind == 0
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE books SET seq = 1")
    lag = lag_of(database, device.created_at + 5_000_000)
    assert (lag.devices, lag.behind, lag.seconds) == (1, 1, 5.0)


def test_the_database_and_the_process_are_told(app: App, url: str) -> None:
    meters = read(url)
    facts = app.extensions["database"].facts()
    (labels,) = [dict(labels) for name, labels in meters if name == "offbook_database_info"]
    assert (labels["engine"], labels["version"]) == (facts["engine"], str(facts["version"]))
    assert of(meters, "process_resident_memory_bytes") > 10**7


def test_without_the_setting_there_is_nothing(database_url: str) -> None:
    made = app_on(database_url)
    for headers in ({}, bearer(TOKEN), bearer("")):
        assert made.test_client().get("/metrics", headers=headers).status_code == 404
    made.extensions["database"].close()


@pytest.mark.parametrize("headers", [{}, bearer("wrong"), bearer(""), {"Authorization": f"Basic {TOKEN}"}, bearer("é")])
def test_without_the_token_nobody_reads_them(app: App, headers: dict[str, str]) -> None:
    answer = app.test_client().get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert answer.get_json()["code"] == "not_authorized"
    assert "METRICS_TOKEN" in answer.get_json()["detail"]
    assert TOKEN not in answer.text
