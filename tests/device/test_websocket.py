"""Where the live channel is, whom it trusts, and what becomes of its errors: what needs no server to be seen."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidProxy, InvalidURI

from offbook import NoLive, Offline
from offbook.live.websocket import address_of, ssl_context, translate_error


@pytest.mark.parametrize(
    ("server", "address"),
    [
        ("http://127.0.0.1:5000", "ws://127.0.0.1:5000/live?since=e%2B1.5"),
        ("https://example.org", "wss://example.org/live?since=e%2B1.5"),
        ("https://example.org/books/", "wss://example.org/books/live?since=e%2B1.5"),
        ("http://me:secret@[::1]:5000", "ws://[::1]:5000/live?since=e%2B1.5"),
    ],
)
def test_the_channel_is_beside_the_server_that_http_uses(server: str, address: str) -> None:
    assert address_of(server, "e+1.5") == address


def test_the_channel_trusts_whom_http_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ssl_context().cert_store_stats()["x509_ca"] > 50
    own = tmp_path / "own.pem"
    own.write_text("no certificate")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(own))
    with pytest.raises(ssl.SSLError):
        ssl_context()


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (ConnectionRefusedError(), Offline),
        (ssl.SSLCertVerificationError(), Offline),
        (InvalidMessage("no HTTP"), Offline),
        (InvalidHandshake("odd"), NoLive),
        (InvalidProxy("x", "odd"), NoLive),
        (InvalidURI("x", "odd"), NoLive),
        (ImportError("python-socks"), NoLive),
        (ZeroDivisionError(), ZeroDivisionError),
    ],
)
def test_an_error_of_the_socket_is_one_of_ours_and_what_nobody_foresaw_stays_what_it_is(
    error: Exception, means: type[Exception]
) -> None:
    assert type(translate_error(error)) is means
