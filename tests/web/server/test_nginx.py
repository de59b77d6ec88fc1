"""What nginx adds with the configuration of deploy/, and that its limits and those of the app fit together."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config import MIB, Config
from tests.hosts.balancer import CONFIGURATION, balancing
from tests.support.live_server import connect, echo_app, serving
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
