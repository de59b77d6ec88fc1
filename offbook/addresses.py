"""Addresses of servers and proxies: which of them are this machine, how they are shown, and which proxy is used.

A user name or a password in an address is never shown: whatever leaves this module as text for people is without them.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

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


def shown(address: str) -> str:
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


# --- proxies ---------------------------------------------------------------------------------------------------------


def proxy_of(address: str) -> str | None:
    """The proxy that the environment names for HTTP to this address. To this machine, and to no host, there is none."""
    from requests.utils import get_environ_proxies, select_proxy

    host = host_of(address)
    if not host or is_this_machine(host):
        return None
    return select_proxy(address, get_environ_proxies(address))
