"""Names are the same in whatever case and form: for signing in, new users and commands; and what doctor says of it."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from app import App
from models import User
from offbook.core.errors import Invalid, NotFound
from ops.doctor import examine
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from storage.engines.database import Database
from storage.errors import WrongPassword
from storage.repositories.accounts.user_names import fold_name, validate_name
from storage.values.accounts import Account
from tests.cli.test_accounts import run
from tests.support.api_client import caller
from tests.support.browser import PASSWORD, Browser, add_user, parts_of, signed_in

NewId = Callable[[], str]
CHEAP = Effort(time_cost=1, memory_kib=8, parallelism=1)
HOME = "192.0.2.1"
ZOE, ZOE_APART = "Zoë", "Zoe\u0308"
SAME = [("Ada", "ada"), ("Ada", "ADA"), (ZOE, ZOE_APART), (ZOE, "ZOË"), ("Weiß", "WEISS"), ("Σοφία ς", "σοφία Σ"),
        ("Ada Lovelace", " ada\u00a0 lovelace "), ("Ada", "Ａｄａ")]  # fmt: skip
"""Names that are one."""


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database, CHEAP)


@pytest.fixture
def twins(accounts: Accounts, database: Database, now: int, new_id: NewId) -> tuple[Account, Account]:
    """Two users as they were when each spelling could be another person."""
    upper = accounts.add_user("Ada", PASSWORD, False, now, new_id)
    lower = accounts.add_user("another", "lower case battery", False, now, new_id)
    with database.write() as connection:
        connection.execute(update(User).values(folded=None))
        connection.execute(update(User).where(User.id == lower.id).values(name="ada"))
    return upper, accounts.user_named("ada")


def said_of_names(database: Database) -> list[str]:
    return [finding.sentence for finding in examine(database) if "flask user rename" in finding.sentence]


# --- when names are the same -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "other"), SAME)
def test_names_are_compared_without_case_and_in_one_form(name: str, other: str) -> None:
    assert fold_name(name) == fold_name(other)


@pytest.mark.parametrize("other", ["Zoe", "Adá", "A da", "Аda"])
def test_accents_spaces_and_other_alphabets_tell_names_apart(other: str) -> None:
    assert fold_name(other) not in (fold_name("Ada"), fold_name("Zoë"))


@given(st.text(max_size=20))
def test_what_is_folded_stays_as_it_is(name: str) -> None:
    assert fold_name(fold_name(name)) == fold_name(name)
    assert fold_name(unicodedata.normalize("NFD", name)) == fold_name(name)


@pytest.mark.large
def test_every_letter_folds_as_unicode_matches_it() -> None:
    """Unicode 16, D146, the compatibility caseless match: of all characters, each by itself."""

    def matched(letter: str) -> str:
        once = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", letter).casefold())
        return unicodedata.normalize("NFKD", once.casefold())

    letters = [chr(number) for number in range(sys.maxunicode + 1) if not 0xD800 <= number < 0xE000]
    composed = (unicodedata.normalize("NFKC", matched(letter)) for letter in letters)
    assert [a for a, b in zip(letters, composed, strict=True) if fold_name(a) != " ".join(b.split())] == []


def test_a_name_that_folds_to_very_much_is_refused() -> None:
    assert validate_name("ß" * 100)
    with pytest.raises(Invalid) as refused:
        validate_name("\ufdfa" * 20)
    assert refused.value.code == "bad_name"


# --- signing in, and new users ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "typed"), SAME)
def test_a_user_signs_in_by_any_spelling(accounts: Accounts, now: int, new_id: NewId, name: str, typed: str) -> None:
    user = accounts.add_user(name, PASSWORD, False, now, new_id)
    assert accounts.check_password(typed, PASSWORD, HOME, now) == user
    assert accounts.user_named(typed) == user


@pytest.mark.parametrize(("name", "other"), SAME)
def test_a_name_is_taken_in_every_spelling(accounts: Accounts, now: int, new_id: NewId, name: str, other: str) -> None:
    accounts.add_user(name, PASSWORD, False, now, new_id)
    with pytest.raises(Invalid) as refused:
        accounts.add_user(other, PASSWORD, False, now, new_id)
    assert refused.value.code == "name_taken"
    assert repr(validate_name(name)) in str(refused.value)
    assert len(accounts.users()) == 1


def test_of_two_spellings_at_the_same_moment_one_is_taken(accounts: Accounts, now: int) -> None:
    def add(number: int) -> str:
        try:
            accounts.add_user("aDa" if number % 2 else "Ada", PASSWORD, False, now, lambda: f"{number}-{next(ids)}")
        except Invalid as refused:
            return refused.code
        return "added"

    ids = iter(range(1_000))
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(add, range(8))) == ["added"] + ["name_taken"] * 7
    assert len(accounts.users()) == 1


@pytest.mark.engines("sqlite")
def test_bob_signs_in_as_bob_in_the_page(app: App) -> None:
    add_user(app, "Bob")
    assert Browser(app).sign_in("bob").status_code == 302
    assert Browser(app).sign_in(" BOB ").status_code == 302
    assert Browser(app).sign_in("bobby").status_code == 422


@pytest.mark.engines("sqlite")
def test_another_spelling_is_refused_as_taken_everywhere(app: App) -> None:
    boss = caller(app, "Ada", admin=True)
    answer = boss.ask("POST", "/users", json={"name": "ada", "password": PASSWORD})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "taken")
    page = signed_in(app, "Ada").post("/people", name="ADA", password=PASSWORD)
    assert page.status_code == 422
    assert "There is a user named &#39;Ada&#39; already" in page.text
    told = run(app, "user", "add", "aDA", "--password-stdin", typed=PASSWORD)
    assert told.exit_code == 1
    assert "There is a user named 'Ada' already." in told.stderr
    assert [user.name for user in parts_of(app).accounts.users()] == ["Ada"]


# --- names that were others before -----------------------------------------------------------------------------------


def test_users_who_share_a_name_sign_in_by_the_exact_spelling(
    accounts: Accounts, twins: tuple[Account, Account], now: int
) -> None:
    upper, lower = twins
    assert accounts.check_password("Ada", PASSWORD, HOME, now) == upper
    assert accounts.check_password(" ada ", "lower case battery", HOME, now) == lower
    for name, password in (("ada", PASSWORD), ("Ada", "lower case battery"), ("ADA", PASSWORD)):
        with pytest.raises(WrongPassword):
            accounts.check_password(name, password, HOME, now)


def test_a_command_asks_which_of_them_is_meant(accounts: Accounts, twins: tuple[Account, Account]) -> None:
    assert [accounts.user_named(user.name) for user in twins] == list(twins)
    with pytest.raises(NotFound, match="There are several users with this name: say which, 'Ada', 'ada'"):
        accounts.user_named("ADA")


def test_nobody_new_joins_them(accounts: Accounts, twins: tuple[Account, Account], now: int, new_id: NewId) -> None:
    for name in ("ADA", "Ada", "ada"):
        with pytest.raises(Invalid) as refused:
            accounts.add_user(name, PASSWORD, False, now, new_id)
        assert refused.value.code == "name_taken"


def test_doctor_lists_them_until_one_is_renamed(
    accounts: Accounts, database: Database, twins: tuple[Account, Account], now: int
) -> None:
    (sentence,) = said_of_names(database)
    assert "'Ada', 'ada'" in sentence
    assert any(finding.bad for finding in examine(database) if finding.sentence == sentence)
    renamed = accounts.rename_user(twins[1].id, "Ada the younger")
    assert said_of_names(database) == []
    assert accounts.check_password("ADA", PASSWORD, HOME, now) == twins[0]
    assert accounts.check_password("ADA THE YOUNGER", "lower case battery", HOME, now) == renamed
    assert (renamed.id, renamed.book_id, renamed.session_version) == (
        twins[1].id,
        twins[1].book_id,
        twins[1].session_version,
    )


def test_whoever_is_left_alone_with_a_name_is_found_by_any_spelling(
    accounts: Accounts, database: Database, twins: tuple[Account, Account], now: int, new_id: NewId
) -> None:
    """However that came: also where the other was taken out of the database by hand."""
    with database.write() as connection:
        connection.execute(update(User).where(User.id == twins[1].id).values(name="gone"))
    assert accounts.check_password("ADA", PASSWORD, HOME, now) == twins[0]
    with pytest.raises(Invalid):
        accounts.add_user("aDa", PASSWORD, False, now, new_id)


# --- renaming --------------------------------------------------------------------------------------------------------


def test_a_user_is_renamed_and_stays_the_same_person(app: App, ada: Browser) -> None:
    renamed = run(app, "user", "rename", "ADA", "Ada Lovelace")
    assert (renamed.exit_code, renamed.stdout) == (0, "ada is Ada Lovelace now, and signs in so.\n")
    assert "Ada Lovelace" in ada.get("/settings").text, "the session goes on"
    assert Browser(app).sign_in("ada lovelace").status_code == 302
    assert Browser(app).sign_in("ada").status_code == 422


def test_only_the_case_of_a_name_is_changed(app: App) -> None:
    add_user(app, "ada")
    assert run(app, "user", "rename", "ada", "Ada").exit_code == 0
    assert [user.name for user in parts_of(app).accounts.users()] == ["Ada"]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("eve", "Eve", "There is no user named 'eve'."),
        ("ada", "BOB", "There is a user named 'bob' already."),
        ("ada", "  ", "A name has 1 to 100 visible characters."),
        ("ada", "\udcff", "not UTF-8"),
    ],
)
def test_a_rename_that_can_not_be_is_told_in_a_line(app: App, old: str, new: str, why: str) -> None:
    add_user(app, "ada")
    add_user(app, "bob")
    asked = run(app, "user", "rename", old, new)
    assert asked.exit_code == 1
    assert why in asked.stderr
    assert len(asked.stderr.splitlines()) == 1
    assert [user.name for user in parts_of(app).accounts.users()] == ["ada", "bob"]


def test_nobody_is_renamed_who_is_gone(accounts: Accounts) -> None:
    with pytest.raises(NotFound):
        accounts.rename_user(77, "Ada")
