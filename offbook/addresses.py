"""Addresses of servers and proxies: what is wrong with a typed one, which are this machine, which proxy is used.

A user name or a password in an address is never shown: whatever leaves this module as text for people is without them.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from offbook import messages
from offbook.core.errors import Invalid

EXAMPLE = "It is like https://contacts.example.org or http://localhost:5000."

THIS_MACHINE = re.compile(r"(.+\.)?localhost|127(\.[0-9]{1,3}){1,3}", re.IGNORECASE)
"""RFC 6761, section 6.3: every name under localhost. 127.1 is short for 127.0.0.1 wherever names are resolved."""

USER_PART = re.compile(r"(?<=//)[^\s'\"]*@")
"""As much as it can be: a password that holds a slash is not shown either."""


def host_of(address: str) -> str:
    """The host that an address names; empty where it names none."""
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_this_machine(host: str) -> bool:
    """Whether what is sent to this host never leaves the machine. Decided by the name alone: nothing is looked up."""
    try:
        number = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return THIS_MACHINE.fullmatch(host) is not None
    number = getattr(number, "ipv4_mapped", None) or number
    return number.is_loopback or number.is_unspecified


def display_address(address: str) -> str:
    """An address as people may see it. A proxy's may come without its scheme."""
    whole = address if "//" in address else f"//{address}"
    return without_passwords(whole).partition("?")[0].partition("#")[0].removeprefix("//")


def without_passwords(text: str) -> str:
    """Text of a library or of another machine in which addresses may stand."""
    return USER_PART.sub("", text)


def warning_of(server: str | None) -> str | None:
    """A sentence where the token of this server can be read on its way; None where it can't."""
    host = host_of(server or "")
    if server is None or not server.lower().startswith("http://") or not host or is_this_machine(host):
        return None
    return (
        f"The token and all contacts go to {host} without encryption: whoever is on the way can read both, and use the "
        "token. Use an address with https:// as soon as the server has one."
    )


# --- typed ---------------------------------------------------------------------------------------------------------


def check_server(address: str) -> None:
    """Raise Invalid for what is no address of a server. No sentence repeats what was typed: it may hold a password."""
    if not address.isprintable() or " " in address:
        raise Invalid.of(messages.ODD_CHARACTERS, example=EXAMPLE)
    if not address.startswith(("http://", "https://")):
        raise Invalid.of(messages.NO_SCHEME, example=EXAMPLE)
    split = split_address(address, EXAMPLE)
    if not split.hostname:
        raise Invalid.of(messages.NO_HOST, example=EXAMPLE)
    if "@" in split.netloc:
        raise Invalid.of(messages.SECRET_IN_ADDRESS, example=EXAMPLE)
    if "?" in address:
        raise Invalid.of(messages.QUERY_IN_ADDRESS, example=EXAMPLE)
    if "#" in address:
        raise Invalid.of(messages.FRAGMENT_IN_ADDRESS, example=EXAMPLE)


def split_address(address: str, example: str) -> SplitResult:
    """The parts of an address whose host can be one, and whose port too where it has one. Raises Invalid."""
    try:
        split = urlsplit(address)
        (split.hostname or "").encode("idna")
    except ValueError:
        raise Invalid.of(messages.BAD_HOST, example=example) from None
    try:
        port = split.port
    except ValueError:
        port = 0
    if port == 0:
        raise Invalid.of(messages.BAD_PORT, example=example)
    return split


# --- proxies ---------------------------------------------------------------------------------------------------------


def proxy_of(address: str) -> str | None:
    """The proxy that the environment names for HTTP to this address. To this machine, and to no host, there is none."""
    from requests.utils import get_environ_proxies, select_proxy

    host = host_of(address)
    if not host or is_this_machine(host):
        return None
    return select_proxy(address, get_environ_proxies(address))
