"""Which addresses are this machine, and what of an address is shown."""

from __future__ import annotations

import pytest

from offbook.addresses import display_address, host_of, is_this_machine, warning_of, without_passwords


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "127.255.0.9", "localhost", "LocalHost", "app.localhost", "::1", "::ffff:127.0.0.1"]
    + ["0.0.0.0", "::", "::1%lo"],
)
def test_what_never_leaves_the_machine(host: str) -> None:
    assert is_this_machine(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "10.0.0.1",
        "128.0.0.1",
        "localhost.example",
        "127.0.0.1.example",
        "notlocalhost",
        "::2",
        "127.evil",
        "fe80::1",
    ],
)
def test_what_does(host: str) -> None:
    assert not is_this_machine(host)


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("http://me:pw@Example.org:5000/x", "example.org"),
        ("http://[::1]:5000", "::1"),
        ("http://localhost.:5000", "localhost"),
        ("http://", ""),
        ("http://[", ""),
    ],
)
def test_the_host_of_an_address(address: str, host: str) -> None:
    assert host_of(address) == host


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("http://example.org:5000/sync", "http://example.org:5000/sync"),
        ("http://me:pw@example.org/live?since=e1.5#x", "http://example.org/live"),
        ("http://me:p/w@d@example.org", "http://example.org"),
        ("me:pw@proxy:3128", "proxy:3128"),
        ("proxy:3128", "proxy:3128"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(address: str, text: str) -> None:
    assert display_address(address) == text


def test_addresses_in_the_words_of_others_lose_their_passwords() -> None:
    text = "Failed to parse: 'http://me:pw@x' and socks5://a:b@c isn't a proxy (me@example.org)"
    assert without_passwords(text) == "Failed to parse: 'http://x' and socks5://c isn't a proxy (me@example.org)"


@pytest.mark.parametrize("server", ["http://example.org", "HTTP://example.org", "http://me:pw@10.0.0.1:5000/books"])
def test_plain_http_to_another_machine_is_warned_of(server: str) -> None:
    warning = warning_of(server)
    assert warning is not None
    assert host_of(server) in warning
    assert "pw" not in warning


@pytest.mark.parametrize("server", [None, "https://example.org", "http://localhost", "http://[::1]:5000", "http://"])
def test_what_nobody_can_listen_in_on_is_not(server: str | None) -> None:
    assert warning_of(server) is None
