"""A link that shows a phone its password once, so that nobody has to type 79 characters.

What is kept can't be read without the link: the password is sealed with a key that only the link has, so that neither a
copy of the database nor a backup opens anything. The key is random, as long as a hash, and seals one password.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256, shake_256
from typing import NamedTuple

from offbook.core.accounts.login_throttle import SECOND_US
from storage.repositories.one_time_values import KEY_LENGTH_MAX, OneTimeValues

OPEN_US = 10 * 60 * SECOND_US
"""How long a link may be opened."""


class PhoneAccess(NamedTuple):
    """What a phone is set up with: a user's name and a device's token."""

    user_name: str
    token: str


class PhoneLinks:
    """The links in a database. Safe to share between threads."""

    def __init__(self, values: OneTimeValues) -> None:
        self._values = values

    def open_link(self, access: PhoneAccess, now_us: int, new_secret: Callable[[], str]) -> str:
        """The secret of a link that shows this, which can't be had a second time."""
        secret = new_secret()
        sealed = seal(json.dumps(access).encode(), secret).hex()
        self._values.keep(key_of(secret), sealed, now_us + OPEN_US, now_us)
        return secret

    def is_open(self, secret: str, now_us: int) -> bool:
        """Whether a link can still be opened."""
        return self._values.has(key_of(secret), now_us)

    def take(self, secret: str, now_us: int) -> PhoneAccess | None:
        """What a link shows, which is then shown no more; None where it was opened before, or too long ago."""
        sealed = self._values.take(key_of(secret), now_us)
        return PhoneAccess(*json.loads(seal(bytes.fromhex(sealed), secret))) if sealed else None


def key_of(secret: str) -> str:
    """What is kept of a secret, to find its value by."""
    return sha256(b"key of a phone's link\0" + secret.encode("utf-8", "surrogatepass")).hexdigest()[:KEY_LENGTH_MAX]


def seal(content: bytes, secret: str) -> bytes:
    """Seal what is open, and open what is sealed: with bytes that nobody can tell from random ones."""
    pad = shake_256(b"seal of a phone's link\0" + secret.encode("utf-8", "surrogatepass")).digest(len(content))
    return bytes(left ^ right for left, right in zip(content, pad, strict=True))
