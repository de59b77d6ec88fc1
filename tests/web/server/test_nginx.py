"""What nginx adds with the configuration of deploy/, and that its limits and those of the app fit together."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from config import MIB, Config
from tests.hosts.balancer import CONFIGURATION, balancing
from tests.support.browser import app_beside
from tests.support.dav_client import basic, phone, sync_body
from tests.support.live_server import connect, echo_app, serving, serving_process
from tests.support.polling import wait_until
from tests.web.server.front_ends import Front, behind_nginx
from tests.web.server.raw_client import head, talk

REQUESTS_MAX = 5


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    few = {"limit_conn offbook_requests 256": f"limit_conn offbook_requests {REQUESTS_MAX}"}
    with behind_nginx(tmp_path_factory.mktemp("nginx"), **few) as front:
        yield front


def test_a_client_that_says_no_more_is_still_answered(front: Front) -> None:
    (answer,) = talk(front.url, head("GET", "/healthz", {"Host": "localhost"}), half_close=True)
    assert answer.status == 200


def test_an_old_client_without_a_host_is_answered(front: Front) -> None:
    (answer,) = talk(front.url, head("GET", "/healthz", {}, "1.0"))
    assert answer.status == 200


def test_a_body_never_passes_for_a_request_of_somebody_else(front: Front) -> None:
    """The connection between nginx and the app is shared: an answer too many would be the next one's."""
    hidden = head("GET", "/healthz", {"Host": "localhost"}) * 1000  # so many that nginx sends the head alone
    wishes = {"Host": "localhost", "Connection": "Upgrade", "Upgrade": "h2c", "Content-Length": str(len(hidden))}
    for _ in range(20):
        (answer,) = talk(front.url, head("POST", "/nowhere", wishes) + hidden, half_close=True)
        assert answer.status == 404
        (answer,) = talk(front.url, head("GET", "/changes", {"Host": "localhost", "Connection": "close"}))
        assert answer.status == 401


def test_one_address_has_only_so_many_requests_on_their_way(front: Front) -> None:
    """nginx waits for each byte of a body anew: who drips could hold all its connections."""
    slow = head("POST", "/sync", {"Host": "localhost", "Content-Length": "9"})
    one_more = head("GET", "/healthz", {"Host": "localhost", "Connection": "close"})
    with ExitStack() as stack:
        for _ in range(REQUESTS_MAX):
            stack.enter_context(connect(front.url)).sendall(slow + b"{")
        wait_until(lambda: [answer.status for answer in talk(front.url, one_more)] == [429])


def test_who_says_nothing_before_tls_is_let_go(tmp_path: Path) -> None:
    with serving(echo_app) as url:
        port = int(url.rpartition(":")[2])
        quick = {"client_header_timeout 10s": "client_header_timeout 1s"}
        with balancing(tmp_path, port, port, changes=quick) as balancer:
            address = "127.0.0.1", int(balancer.url.rpartition(":")[2])
            with socket.create_connection(address, timeout=10) as silent:
                assert silent.recv(1) == b""


def test_carddav_works_by_https_below_a_path(tmp_path: Path) -> None:
    """As docs/phones.md has it: discovery, all methods, and cards as long as they may be."""
    root = "    location / {\n        proxy_pass http://offbook;"
    office = "    location /office/ {\n        proxy_pass http://offbook/;"
    well_known = "    location = /.well-known/carddav { return 301 /office/dav/; }\n"
    below = {root: well_known + office, 'X-Forwarded-Prefix ""': "X-Forwarded-Prefix /office"}
    with app_beside(tmp_path) as app:
        token = phone(app).token
    with serving_process(tmp_path, TRUSTED_PROXIES="1") as process, ExitStack() as stack:
        port = urlsplit(process.url).port or 0
        balancer = stack.enter_context(balancing(tmp_path, port, port, changes=below))
        session = stack.enter_context(requests.Session())
        session.trust_env = False
        session.verify = str(balancer.certificate)
        address = urlsplit(balancer.url)
        found = session.request("PROPFIND", f"{balancer.url}/.well-known/carddav", allow_redirects=False)
        assert (found.status_code, urlsplit(found.headers["Location"]).path) == (301, "/office/dav/")
        assert session.request("PROPFIND", f"{balancer.url}/office/dav/").status_code == 401
        session.headers["Authorization"] = basic("ada", token)
        listed = session.request("PROPFIND", f"{balancer.url}/office/dav/", headers={"Depth": "1"})
        assert "<D:href>/office/dav/ada/</D:href>" in listed.text
        assert address.scheme == "https"
        book = f"{balancer.url}/office/dav/ada/contacts/"
        for length, status in ((5 * MIB, 201), (17 * MIB, 413)):
            long = "X-LONG:" + "x" * length
            lines = ("BEGIN:VCARD", "VERSION:3.0", "UID:u", "FN:Ada", "N:;Ada;;;", long, "END:VCARD")
            card = "\r\n".join((*lines, ""))
            answer = session.put(f"{book}{length}.vcf", card, headers={"Content-Type": "text/vcard"})
            assert answer.status_code == status, answer.text
        report = sync_body()
        told = session.request("REPORT", book, data=report, headers={"Content-Type": "application/xml"})
        assert f"<D:href>/office/dav/ada/contacts/{5 * MIB}.vcf</D:href>" in told.text
        assert session.delete(f"{book}{5 * MIB}.vcf").status_code == 204


def test_nginx_keeps_connections_to_the_app_for_a_shorter_time_than_the_app() -> None:
    """Or it would send a request into one that the app is closing: 502, and the host counts as dead for a second."""
    (upstream,) = re.findall(r"upstream offbook {.+?^}", CONFIGURATION.read_text(), re.DOTALL | re.MULTILINE)
    (seconds,) = re.findall(r"keepalive_timeout (\d+)s;", upstream)
    assert int(seconds) < Config.keep_alive_seconds


def test_nginx_takes_bodies_as_long_as_the_app_does() -> None:
    text = CONFIGURATION.read_text()
    limits = {int(size) * MIB for size in re.findall(r"client_max_body_size (\d+)m;", text)}
    assert limits == {Config.body_bytes_max, Config.file_bytes_max}
    for path in ("/import", "/contacts/import"):
        (location,) = re.findall(rf"location = {path} {{.+?}}", text, re.DOTALL)
        assert f"client_max_body_size {Config.file_bytes_max // MIB}m;" in location
        assert "proxy_request_buffering off;" in location, "a stranger's would be stored"


def test_a_stranger_hears_by_the_head_of_a_file_that_it_is_not_taken(front: Front) -> None:
    wishes = {"Host": "localhost", "Content-Length": str(90 * MIB), "Accept": "application/json"}
    (answer,) = talk(front.url, head("POST", "/contacts/import", wishes))
    assert answer.status == 401
    wishes["Content-Length"] = str(101 * MIB)
    (answer,) = talk(front.url, head("POST", "/contacts/import", wishes))
    assert answer.status == 413
