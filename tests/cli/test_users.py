"""`flask user disable|enable|remove|restore|admin` and the purge that `flask book prune` makes, as they are typed."""

from __future__ import annotations

import pytest
from click.testing import Result

from app import App
from offbook.core.accounts.users import Access, UserAction
from offbook.core.merge.retention import DAY_US
from tests.support.api_client import caller, contents
from tests.support.browser import add_user, parts_of


@pytest.fixture(autouse=True)
def ada(app: App) -> int:
    return add_user(app, "ada", admin=True)


@pytest.fixture
def eve(app: App) -> int:
    return add_user(app, "eve")


def run(app: App, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=list(words))


def access(app: App, name: str) -> Access:
    return parts_of(app).accounts.any_user_named(name).rights.access


def removed_days_ago(app: App, user_id: int, days: int) -> None:
    parts_of(app).user_rights.act(user_id, parts_of(app).clock() - days * DAY_US, UserAction.REMOVE)


@pytest.mark.parametrize(
    ("word", "printed", "after", "back"),
    [
        ("disable", "eve is disabled", Access.DISABLED, "enable"),
        ("remove", "eve is in the trash, with the book, and can be restored until", Access.REMOVED, "restore"),
    ],
)
def test_a_user_goes_and_comes_back(app: App, eve: int, word: str, printed: str, after: Access, back: str) -> None:
    gone = run(app, "user", word, "eve")
    assert (gone.exit_code, gone.stdout.startswith(printed)) == (0, True)
    assert access(app, "eve") is after
    assert run(app, "user", back, "eve").exit_code == 0
    assert access(app, "eve") is Access.ACTIVE


def test_a_user_becomes_an_admin_and_is_none_again(app: App, eve: int) -> None:
    assert run(app, "user", "admin", "eve").stdout == "eve is an admin now.\n"
    assert run(app, "user", "admin", "eve", "--off").stdout == "eve is no admin any more.\n"
    assert not parts_of(app).accounts.user_named("eve").admin


@pytest.mark.parametrize("words", [("disable", "ada"), ("remove", "ada"), ("admin", "ada", "--off")])
def test_the_last_admin_stays_and_the_command_says_why(app: App, eve: int, words: tuple[str, ...]) -> None:
    refused = run(app, "user", *words)
    assert refused.exit_code == 1
    assert refused.stderr == ("Error: ada is the last admin who can sign in: make somebody else an admin first.\n")
    assert access(app, "ada") is Access.ACTIVE


def test_the_list_says_who_is_not_let_in(app: App, ada: int, eve: int) -> None:
    for name in ("bob", "dan"):
        add_user(app, name)
    run(app, "user", "disable", "bob")
    run(app, "user", "remove", "eve")
    lines = [line.split("\t") for line in run(app, "user", "list").stdout.splitlines()]
    assert [line[0] for line in lines] == ["ada", "bob", "dan", "eve"]
    states = {line[0]: line[3].split(" ")[0] for line in lines if len(line) > 3}
    assert states == {"bob": "disabled", "eve": "in"}


@pytest.mark.parametrize(
    "words",
    [
        ("user", "password", "eve"),
        ("device", "add", "eve", "x"),
        ("device", "list", "eve"),
        ("book", "policy", "eve", "ask"),
    ],
)
def test_nothing_else_is_done_to_who_is_in_the_trash(app: App, eve: int, words: tuple[str, ...]) -> None:
    run(app, "user", "remove", "eve")
    refused = run(app, *words)
    assert refused.exit_code == 1
    assert "in the trash" in refused.stderr
    assert "flask user restore" in refused.stderr


# --- the purge -------------------------------------------------------------------------------------------------------


def test_a_prune_purges_who_was_removed_thirty_days_ago_and_nobody_else(app: App, eve: int) -> None:
    before = contents(app)
    late, recent = add_user(app, "late"), add_user(app, "recent")
    caller(app, "late").add(name="Gone")
    removed_days_ago(app, late, 30)
    removed_days_ago(app, recent, 29)
    printed = run(app, "book", "prune")
    assert printed.exit_code == 0
    assert "late and the book: deleted for good." in printed.stdout.splitlines()
    assert [user.name for user in parts_of(app).accounts.users_in_trash()] == ["recent"]
    assert run(app, "book", "prune", "--removed-days", "29", "recent").exit_code == 0
    assert contents(app) == before


def test_a_rehearsed_prune_purges_nobody(app: App, eve: int) -> None:
    removed_days_ago(app, eve, 31)
    before = contents(app)
    printed = run(app, "book", "prune", "--dry-run")
    assert "eve and the book: would be deleted for good." in printed.stdout
    assert contents(app) == before


def test_a_prune_of_one_book_leaves_others_in_the_trash(app: App, eve: int) -> None:
    removed_days_ago(app, eve, 31)
    assert "eve" not in run(app, "book", "prune", "ada").stdout
    assert access(app, "eve") is Access.REMOVED


def test_days_that_make_no_sense_are_told_so(app: App, eve: int) -> None:
    refused = run(app, "book", "prune", "--removed-days", "-1")
    assert (refused.exit_code, "counted back from now" in refused.stderr) == (1, True)
