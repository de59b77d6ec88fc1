"""`flask book`: what it says of what was forgotten."""

from __future__ import annotations

import pytest

from app import App
from cli.books import describe_purged
from offbook.core.merge.retention import DAY_US, PurgedRows
from offbook.core.pictures import sha256_of
from tests.support.browser import add_user, parts_of
from tests.support.pictures import picture


@pytest.mark.parametrize(
    ("purged", "dry_run", "words"),
    [
        (PurgedRows(), False, "nothing is old enough to be forgotten"),
        (PurgedRows(tombstones=1), False, "forgot 1 deletion"),
        (PurgedRows(emptied=2, entries=1), True, "would forget the values of 2 deleted records and 1 removed detail"),
        (PurgedRows(changes=1_200, conflicts=1), False, "forgot the text of 1,200 changes and 1 settled conflict"),
    ],
)
def test_what_was_forgotten_ends_a_sentence(purged: PurgedRows, dry_run: bool, words: str) -> None:
    assert describe_purged(purged, dry_run) == words


@pytest.mark.engines("sqlite")
def test_a_prune_removes_photos_that_nothing_names_and_says_so(app: App) -> None:
    add_user(app, "ada")
    blobs, long_ago = parts_of(app).blobs, parts_of(app).clock() - 2 * DAY_US
    blobs.put(1, sha256_of(picture()), picture(), long_ago)
    rehearsed = app.test_cli_runner().invoke(args=["book", "prune", "--dry-run"])
    assert "ada's book: would remove 1 photo that nothing names." in rehearsed.stdout.splitlines()
    assert blobs.holds(1, sha256_of(picture()))
    removed = app.test_cli_runner().invoke(args=["book", "prune"])
    assert "ada's book: removed 1 photo that nothing names." in removed.stdout.splitlines()
    assert not blobs.holds(1, sha256_of(picture()))
    assert "photo" not in app.test_cli_runner().invoke(args=["book", "prune"]).stdout


@pytest.mark.engines("sqlite")
def test_a_books_region_is_set_and_taken_away_by_the_name_of_its_user(app: App) -> None:
    add_user(app, "ada")
    book, run = parts_of(app).accounts.user_named("ada").book_id, app.test_cli_runner().invoke
    assert run(args=["book", "region", "ADA", "de"]).stdout == "ada's book: DE.\n"
    assert parts_of(app).accounts.book(book).region == "DE"
    unknown = run(args=["book", "region", "ada", "XX"])
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "two letters" in unknown.stderr
    assert run(args=["book", "region", "nobody", "DE"]).exit_code == 1
    assert parts_of(app).accounts.book(book).region == "DE"
    assert run(args=["book", "region", "ada", ""]).stdout == "ada's book: no region.\n"
    assert parts_of(app).accounts.book(book).region is None
