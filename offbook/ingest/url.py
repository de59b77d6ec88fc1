"""Where a stream comes from, and what of that may be seen. Pure.

A token may stand anywhere in a URL: as a password, in the query, as a part of the path. It must end in no file, no log
and on no page, so that only ``shown`` leaves this process, and no error here repeats what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from offbook.addresses import host_of, is_this_machine, split_address
from offbook.core.errors import Invalid
from offbook.ingest import messages
from offbook.ingest.errors import BadAddress

HIDDEN = "…"
EXAMPLE = "It is like wss://example.org/feed."

LIKE_A_TOKEN = re.compile(r"(?=.*([0-9]|[a-z].*[A-Z]|[A-Z].*[a-z]))[\w.~+=%-]{20,}", re.ASCII)
"""Of a path: as long as a key, from the letters that keys are made of, and no plain words."""

SECRET_LENGTH_MIN = 6
"""What is shorter is not looked for in what a server says: it would blot out half of every sentence."""

HEADER = re.compile(
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e\xa0-\xff]([\t\x20-\x7e\xa0-\xff]*[\x21-\x7e\xa0-\xff])?)"
)
"""RFC 9110, section 5. Beyond ASCII only what Latin-1 has, which is how it is sent."""

OURS = re.compile("host|connection|upgrade|sec-websocket-.*", re.IGNORECASE)
"""Headers that the handshake itself is made of."""


@dataclass(frozen=True, slots=True)
class Address:
    """A URL that was checked, and the headers that go with it. ``shown`` is the URL without what may be a secret."""

    url: str = field(repr=False)
    shown: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def warning(self) -> str | None:
        """A sentence where what is secret can be read on its way; None where it can't, or nothing is."""
        host = host_of(self.url)
        if not self.secrets or urlsplit(self.url).scheme != "ws" or is_this_machine(host):
            return None
        return (
            f"What is secret in the URL and the headers goes to {host} without encryption, and whoever is on the way "
            "can read it: use wss:// where the server has it."
        )

    def scrubbed(self, text: str) -> str:
        """What someone else says, without our secrets: a server may repeat a token that it does not like."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


def address_of(url: str, headers: Iterable[str] = ()) -> Address:
    """Raises BadAddress. ``headers`` are lines like ``Authorization: Bearer …``."""
    split = _split(url)
    pairs = tuple(_header(line) for line in headers)
    secrets = {*_secrets(split), *(word for _, value in pairs for word in (value, *value.split()))}
    return Address(
        url, _shown(split), pairs, frozenset(secret for secret in secrets if len(secret) >= SECRET_LENGTH_MIN)
    )


def _split(url: str) -> SplitResult:
    if not url.isprintable() or " " in url:
        raise BadAddress.of(messages.ODD_CHARACTERS)
    try:
        split = split_address(url, EXAMPLE)
    except Invalid as flaw:
        raise BadAddress(str(flaw)) from None
    if split.scheme in ("http", "https"):
        raise BadAddress.of(messages.OTHER_SCHEME, right=split.scheme.replace("http", "ws"), scheme=split.scheme)
    if split.scheme not in ("ws", "wss") or not split.hostname:
        raise BadAddress.of(messages.NOT_A_WEBSOCKET)
    if "#" in url:
        raise BadAddress.of(messages.FRAGMENT)
    if split.username is not None and split.password is None:
        raise BadAddress.of(messages.NO_PASSWORD)
    return split


def _shown(split: SplitResult) -> str:
    host = split.netloc.rpartition("@")[2].lower()
    path = "/".join(HIDDEN if LIKE_A_TOKEN.fullmatch(part) else part for part in split.path.split("/"))
    query = "&".join(f"{name}={HIDDEN}" if has_value else HIDDEN for name, has_value, _ in _query(split))
    return urlunsplit((split.scheme, host, path, query, ""))


def _query(split: SplitResult) -> Iterator[tuple[str, str, str]]:
    yield from (part.partition("=") for part in split.query.split("&") if part)


def _secrets(split: SplitResult) -> Iterator[str]:
    raw = [split.username or "", split.password or ""]
    raw += [value if has_value else name for name, has_value, value in _query(split)]
    raw += [part for part in split.path.split("/") if LIKE_A_TOKEN.fullmatch(part)]
    for text in raw:
        yield from (text, unquote(text))


def _header(line: str) -> tuple[str, str]:
    match = HEADER.fullmatch(line.strip())
    if match is None:
        raise BadAddress.of(messages.BAD_HEADER)
    name, value = match[1], match[2]
    if OURS.fullmatch(name):
        raise BadAddress.of(messages.HEADER_OF_HANDSHAKE, name=name)
    return name, value
