"""Passwords: what may be one, and how one is kept (Argon2id). Nothing here is stored or logged.

A check takes about as long for a name that nobody has as for a wrong password, so that time tells no names.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore, Thread
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from offbook.core.errors import Invalid
from storage.repositories.weak_passwords import require_hard_to_guess
from storage.values import HASHES_AT_ONCE

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 1000
"""Longer ones would only make the server work."""

NICENESS = 10
"""Of threads that hash: beside one that does not, each gets a tenth of a processor (sched(7))."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effort:
    """What one hash costs. The defaults are RFC 9106's second recommendation: 64 MiB, about 50 ms."""

    time_cost: int = 3
    memory_kib: int = 64 * 1024
    parallelism: int = 4


class Passwords:
    """Hashes passwords with Argon2id and checks them, a bounded number at once."""

    def __init__(self, effort: Effort) -> None:
        self._hasher = PasswordHasher(effort.time_cost, effort.memory_kib, effort.parallelism)
        self._turns = BoundedSemaphore(HASHES_AT_ONCE)
        self._nobody = self._hash("a password that nobody has")

    def hash(self, password: str, name: str) -> str:
        """The hash of a new password to store; raises Invalid for what may not be the password of ``name``."""
        text = composed(password)
        if len(text) < PASSWORD_LENGTH_MIN or len(password) > PASSWORD_LENGTH_MAX:
            raise Invalid(
                "password_length",
                f"A password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX:,} characters. Choose another one.",
            )
        require_hard_to_guess(text, name)
        return self._hash(password)

    def renewed(self, password: str) -> str:
        """The hash of a password that was right, whatever may be a new one by now."""
        return self._hash(password)

    def matches(self, hashed: str | None, password: str) -> bool:
        """Whether this is the password. None stands for a user that does not exist: the same work, and False."""
        if len(password) > PASSWORD_LENGTH_MAX:
            return False
        try:
            with self._turns:
                giving_way(partial(self._hasher.verify, hashed or self._nobody, normal(password)))
        except (VerificationError, InvalidHashError):
            return False
        return bool(hashed)

    def is_outdated(self, hashed: str) -> bool:
        """Whether the hash was made with other effort than is asked for now."""
        return self._hasher.check_needs_rehash(hashed)

    def _hash(self, password: str) -> str:
        with self._turns:
            return giving_way(partial(self._hasher.hash, normal(password)))


def giving_way(work: Callable[[], T]) -> T:
    """What ``work`` returns or raises, done in a thread that others come before when processors are short.

    A hash is made by as many threads as it has lanes, which on a small machine would leave little for anything else.
    Only Linux lets a thread of a process give way; and since none may take that back, it is a thread for this alone.
    """
    done: Future[T] = Future()

    def run() -> None:
        if sys.platform == "linux":
            os.nice(NICENESS)
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    Thread(target=run, name="offbook-hash", daemon=True).start()
    return done.result()


def normal(password: str) -> bytes:
    """The bytes that are hashed: the same for the same characters, however a keyboard composed them (NIST 800-63B)."""
    return composed(password).encode("utf-8", "surrogatepass")


def composed(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
