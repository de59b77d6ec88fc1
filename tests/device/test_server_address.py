"""The address of a server as it is typed: what is taken, and the sentence for what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from offbook import Invalid, Replica
from tests.support.cli_runner import Device

SECRET = "canary-9f86d081884c7d65"

FLAWS = [
    ("localhost:5000", "must begin with http://"),
    ("ftp://localhost", "must begin with http://"),
    ("//localhost", "must begin with http://"),
    ("http://", "names no host"),
    ("http:///path", "names no host"),
    ("http://:5000", "names no host"),
    ("https://?", "names no host"),
    ("http://[::1", "neither a name nor an IP address"),
    ("http://a..b", "neither a name nor an IP address"),
    (f"http://{'a' * 64}.org", "neither a name nor an IP address"),
    ("http://a b", "spaces or special characters"),
    ("http://a\x07", "spaces or special characters"),
    ("http://localhost:0", "number from 1 to 65535"),
    ("http://localhost:65536", "number from 1 to 65535"),
    ("http://localhost:99999999999999999999", "number from 1 to 65535"),
    ("http://localhost:-1", "number from 1 to 65535"),
    ("http://localhost:port", "number from 1 to 65535"),
    ("http://localhost:50.5", "number from 1 to 65535"),
    ("http://localhost:٥٠", "number from 1 to 65535"),
    (f"http://localhost:{SECRET}", "number from 1 to 65535"),
    (f"http://localhost/?token={SECRET}", "has a query"),
    ("http://localhost?", "has a query"),
    (f"http://localhost/#{SECRET}", "has a fragment"),
    ("http://localhost/#", "has a fragment"),
    (f"http://ada:{SECRET}@localhost", "a name or a password"),
    (f"http://{SECRET}@localhost", "a name or a password"),
    ("http://@localhost", "a name or a password"),
]


@pytest.mark.parametrize(("address", "flaw"), FLAWS)
def test_what_is_no_address_of_a_server_is_refused_in_a_sentence(address: str, flaw: str, path: Path) -> None:
    """By the package and by the command alike; and no sentence repeats what may be a secret."""
    with pytest.raises(Invalid, match=flaw) as refused, Replica(path, server=address, token="ob_t"):
        pass
    assert refused.value.code == "bad_address"
    answer = Device(path)("init", "--server", address, typed="ob_t\n")
    assert (answer.code, answer.out, answer.err) == (2, "", f"offbook: {refused.value}\n")
    assert SECRET not in str(refused.value)
    with Replica(path) as book:
        assert book.status().server is None


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("http://localhost", "http://localhost"),
        (" https://contacts.example.org/ ", "https://contacts.example.org"),
        ("https://example.org:65535/a/b//", "https://example.org:65535/a/b"),
        ("http://[::1]:1", "http://[::1]:1"),
        ("http://bücher.example", "http://bücher.example"),
    ],
)
def test_an_address_is_kept_as_it_was_typed_without_slashes_at_its_end(typed: str, kept: str, path: Path) -> None:
    assert Device(path)("init", "--server", typed, "--json", typed="ob_t\n").json["server"] == kept


def test_an_address_that_a_book_has_already_still_opens_it(path: Path) -> None:
    """Earlier versions kept whatever they were given, and an app gives it again each time that it starts."""
    odd = "http://localhost:99999/"
    with Replica(path) as book:
        book.connection.execute("UPDATE sync_state SET server = ?", (odd,))
    with Replica(path, server=odd, token="ob_t") as book:
        assert book.contacts.add(name="Ada")
        assert book.status().server == odd
