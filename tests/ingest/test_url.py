"""URLs and headers: what may be used, and what of it is ever shown."""

from __future__ import annotations

import pytest

from offbook.ingest.errors import BadAddress
from offbook.ingest.url import address_of

KEY = "9f86d081884c7d659a2feaa0"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://example.org/feed", "wss://example.org/feed"),
        ("ws://Example.ORG:8080", "ws://example.org:8080"),
        ("ws://[::1]:8080/a", "ws://[::1]:8080/a"),
        (f"wss://ada:{KEY}@example.org/feed", "wss://example.org/feed"),
        (f"wss://example.org/feed?token={KEY}&streams=a/b&", "wss://example.org/feed?token=…&streams=…"),
        (f"wss://example.org/feed?{KEY}", "wss://example.org/feed?…"),
        (f"wss://example.org/v2/{KEY}/trades", "wss://example.org/v2/…/trades"),
        ("wss://example.org/v2/AbCdEfGhIjKlMnOpQrStUv", "wss://example.org/v2/…"),
        ("wss://example.org/ws/btcusdt@aggTrade@100ms", "wss://example.org/ws/btcusdt@aggTrade@100ms"),
        ("wss://example.org/announcements-of-the-harbour", "wss://example.org/announcements-of-the-harbour"),
    ],
)
def test_a_url_is_shown_without_what_may_be_a_secret(url: str, shown: str) -> None:
    assert address_of(url).shown == shown


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://example.org", "begins with ws://, not http://"),
        ("https://example.org", "begins with wss://, not https://"),
        ("ftp://example.org", "must begin with ws:// or wss://"),
        ("example.org/feed", "must begin with ws:// or wss://"),
        ("", "must begin with ws:// or wss://"),
        ("wss://", "name a host"),
        ("wss:///feed", "name a host"),
        ("wss://example.org:0", "port in the address must be a number from 1 to 65535"),
        ("wss://example.org:65536", "port in the address must be a number from 1 to 65535"),
        ("wss://example.org:-1", "port in the address must be a number from 1 to 65535"),
        ("wss://example.org:port", "port in the address must be a number from 1 to 65535"),
        ("wss://[::1", "neither a name nor an IP address"),
        (f"wss://{'a' * 64}.org", "neither a name nor an IP address"),
        ("wss://example.org/a b", "spaces"),
        ("wss://example.org/a\nb", "spaces"),
        ("wss://example.org/feed#part", "#"),
        ("wss://example.org/feed#", "#"),
        ("wss://ada@example.org", "without a password"),
    ],
)
def test_what_is_no_websocket_s_url_is_refused_in_a_sentence(url: str, told: str) -> None:
    with pytest.raises(BadAddress, match=told):
        address_of(url)


def test_no_refusal_repeats_what_was_typed() -> None:
    for url in (f"http://x/{KEY}", f"wss://x/{KEY} ", f"wss://{KEY}@x", f"wss://x/?a={KEY}#b", f"{KEY}"):
        with pytest.raises(BadAddress) as refused:
            address_of(url)
        assert KEY not in str(refused.value)


def test_a_header_is_a_name_and_a_value() -> None:
    lines = ["Authorization: Bearer abc", "X-Api-Key:\t1 ", "Cookie: a=b; c=d"]
    assert address_of("ws://x", lines).headers == (
        ("Authorization", "Bearer abc"),
        ("X-Api-Key", "1"),
        ("Cookie", "a=b; c=d"),
    )


@pytest.mark.parametrize(
    "line", ["", "Authorization", "Author ization: x", ": x", "A: x\r\nB: y", "A: \x00", "A: €", "A:", "A:  "]
)
def test_what_is_no_header_is_refused(line: str) -> None:
    with pytest.raises(BadAddress, match="NAME: VALUE"):
        address_of("ws://x", [line])


@pytest.mark.parametrize("name", ["Host", "upgrade", "Connection", "Sec-WebSocket-Key"])
def test_a_header_that_makes_the_websocket_is_refused(name: str) -> None:
    with pytest.raises(BadAddress, match=name):
        address_of("ws://x", [f"{name}: x"])


def test_what_a_server_repeats_of_a_secret_is_hidden() -> None:
    address = address_of(
        f"wss://ada:pass%2Fword@example.org/{KEY}?token=query-token", ["Authorization: Bearer header-token"]
    )
    said = f"no pass/word or pass%2Fword, {KEY}, query-token or header-token, Bearer header-token; ada may stay"
    assert address.scrubbed(said) == "no … or …, …, … or …, …; ada may stay"


def test_an_address_printed_by_accident_shows_no_secret() -> None:
    assert KEY not in repr(address_of(f"wss://example.org/?token={KEY}", [f"Authorization: {KEY}"]))


@pytest.mark.parametrize(
    ("url", "headers"),
    [("ws://example.org/feed?key=secret", []), ("WS://example.org", ["Authorization: Bearer secret"])],
)
def test_a_secret_that_can_be_read_on_its_way_is_warned_of(url: str, headers: list[str]) -> None:
    warning = address_of(url, headers).warning
    assert warning is not None
    assert "to example.org without encryption" in warning
    assert "secret-" not in warning


@pytest.mark.parametrize(
    "url", ["wss://example.org/feed?key=secret", "ws://localhost/feed?key=secret", "ws://example.org/feed"]
)
def test_what_is_no_secret_or_goes_encrypted_or_nowhere_is_not(url: str) -> None:
    assert address_of(url).warning is None
