"""``flask move --to URL``: the whole server to another database, and ``flask move --back``: not, after all.

What is done, and what keeps anything from being lost meanwhile, is in ops.move.move; here it is put into lines.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import click
from alembic.util import CommandError
from flask.cli import with_appcontext
from sqlalchemy.exc import DBAPIError

from cli import messages
from cli.current import current_database, photos_elsewhere, services
from cli.errors import report_errors
from ops.move import copy_rows, verify_copy
from ops.move.copy_rows import CopiedRows
from ops.move.move import Unmovable, begin, cancel_move, finish, open_target
from ops.move.verify_copy import BookComparison, TableComparison
from storage.engines.database import Database

PROGRESS_EVERY_SECONDS = 5.0


@click.command("move")
@click.option("--to", metavar="URL", envvar="MOVE_TO", help="The empty database that all goes to. Or MOVE_TO says so.")
@click.option("--back", is_flag=True, help="Let this database take changes again, after a move that was not wanted.")
@with_appcontext
@report_errors
def move(to: str | None, back: bool) -> None:
    """Move the whole server from DATABASE_URL to another database, of any engine.

    From its start on the server takes no changes here; devices keep theirs and try again. Stopped half-way, the same
    command goes on.
    """
    if bool(to) == back:
        raise click.UsageError(messages.TO_OR_BACK.sentence())
    source = current_database()
    try:
        if to:
            move_to(source, open_target(to))
        else:
            move_back(source)
    except (DBAPIError, CommandError) as error:
        raise Unmovable.of(messages.DATABASE_FAILED, reason=reason_of(error)) from None


def reason_of(error: DBAPIError | CommandError) -> str:
    """The first line of the driver's message: the others may hold values."""
    message = error.orig.args[-1] if isinstance(error, DBAPIError) and error.orig and error.orig.args else error
    return str(message).strip().partition("\n")[0].rstrip(".")


def move_to(source: Database, target: Database) -> None:
    """Copy everything, compare both, and say what is to be done next. Raises Unmovable where they differ."""
    place = target.place
    try:
        move_id = begin(source, target, services().new_id)
        click.echo(f"This database takes no changes from here on. All of it is copied to {place}:")
        for line in copied_lines(copy_rows.copy(source, target)):
            click.echo(line)
        click.echo("Both are compared, row by row:")
        rows = require_same_rows(verify_copy.compare(source, target))
        books = require_same_digests(verify_copy.compare_books(source, target))
        finish(source, target, move_id)
    finally:
        target.close()
    click.echo(f"All {rows:,} rows are alike, and so are the sums that devices compare (books: {books:,}).")
    click.echo(
        f"Next: stop the server, set DATABASE_URL to the URL that you gave ({place}), and start it. "
        "Keep the old database until you have looked around; it takes no changes any more."
    )
    if folder := photos_elsewhere():
        click.echo(f"Photos stay in {folder}, and are found there with the same BLOB_URL; on another host, copy it.")


def copied_lines(steps: Iterable[CopiedRows]) -> Iterator[str]:
    """A line per table when it is all there, and one now and then while it is long."""
    printed_at = time.monotonic()
    for step in steps:
        is_done = step.done >= step.total
        if is_done or time.monotonic() - printed_at > PROGRESS_EVERY_SECONDS:
            printed_at = time.monotonic()
            yield f"  {step.table}: {step.done:,}" + ("" if is_done else f" of {step.total:,}")


def require_same_rows(tables: Iterable[TableComparison]) -> int:
    """How many rows there are. Raises Unmovable where the sides differ, and prints in what."""
    rows, is_same = 0, True
    for table in tables:
        rows += table.target_count
        if table.differing:
            is_same = False
            click.echo(
                f"! {table.table}: {table.differing:,} rows differ"
                f" ({table.source_count:,} here, {table.target_count:,} there):"
            )
            for key in table.keys:
                click.echo(f"    {', '.join(map(repr, key))}")
    if not is_same:
        raise Unmovable.of(messages.ROWS_DIFFER)
    return rows


def require_same_digests(comparisons: Iterable[BookComparison]) -> int:
    """How many books there are. Raises Unmovable where the sums that devices compare differ, and prints which."""
    books, is_same = set(), True
    for comparison in comparisons:
        books.add(comparison.book)
        if comparison.source_sum != comparison.target_sum:
            is_same = False
            click.echo(
                f"! book {comparison.book}, {comparison.table}:"
                f" {comparison.source_sum} here, {comparison.target_sum} there"
            )
    if not is_same:
        raise Unmovable.of(messages.SUMS_DIFFER)
    return len(books)


def move_back(source: Database) -> None:
    """Let the source take changes again."""
    place = cancel_move(source)
    click.echo(f"This database takes changes again. What was written at {place} since is not in it.")
