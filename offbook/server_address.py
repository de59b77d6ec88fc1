"""Addresses as people type them: what is wrong with one is said in a sentence. Pure.

A password or a token may stand in what was typed, so that no sentence repeats it.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from offbook.core.errors import Invalid

EXAMPLE = "It is like https://contacts.example.org or http://localhost:5000."


def check_server(address: str) -> None:
    """Raise Invalid for what is no address of a server."""
    if not address.isprintable() or " " in address:
        raise _bad("The server's address has spaces or special characters in it: copy it again.")
    if not address.startswith(("http://", "https://")):
        raise _bad("The server's address must begin with http:// or https://.")
    split = taken_apart(address, EXAMPLE)
    if not split.hostname:
        raise _bad("The server's address names no host.")
    if "@" in split.netloc:
        raise _bad("The server's address has a name or a password in it: leave them out, the token says who this is.")
    if "?" in address:
        raise _bad("The server's address has a query in it: leave out what begins with the ?.")
    if "#" in address:
        raise _bad("The server's address has a fragment in it: leave out what begins with the #.")


def taken_apart(address: str, example: str) -> SplitResult:
    """The parts of an address whose host can be one, and whose port too where it has one. Raises Invalid."""
    try:
        split = urlsplit(address)
        (split.hostname or "").encode("idna")
    except ValueError:
        raise _bad("The host in the address is neither a name nor an IP address.", example) from None
    try:
        port = split.port
    except ValueError:
        port = 0
    if port == 0:
        raise _bad("The port in the address must be a number from 1 to 65535.", example)
    return split


def _bad(flaw: str, example: str = EXAMPLE) -> Invalid:
    return Invalid("bad_address", f"{flaw} {example}")
