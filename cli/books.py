"""``flask book …``: a book's policy, its region, and what is forgotten of it."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from cli.current import services
from cli.errors import report_errors
from offbook.core.accounts.users import REMOVED_DAYS, removed_before
from offbook.core.formatting import format_count, format_date
from offbook.core.merge.retention import HISTORY_DAYS, TRASH_DAYS, PurgedRows, limits_at
from offbook.core.text import join_with_and
from services.retention import prune
from storage.values.accounts import Account

book = AppGroup("book", help="What syncs as a whole.")


@book.command("policy")
@click.argument("user_name", metavar="USER")
@click.argument("policy")
@report_errors
def set_policy(user_name: str, policy: str) -> None:
    """Choose how USER's book settles concurrent edits: merge, last-write-wins or ask."""
    owner = services().accounts.user_named(user_name)
    services().accounts.set_policy(owner.book_id, policy)
    click.echo(f"{owner.name}'s book: {policy}.")


@book.command("region")
@click.argument("user_name", metavar="USER")
@click.argument("region", metavar="CC")
@report_errors
def set_region(user_name: str, region: str) -> None:
    """Say by a country's two letters where numbers in USER's book are from; "" for nowhere."""
    owner = services().accounts.user_named(user_name)
    chosen = services().accounts.set_region(owner.book_id, region)
    click.echo(f"{owner.name}'s book: {chosen or 'no region'}.")


@book.command("prune")
@click.argument("user_name", metavar="[USER]", required=False)
@click.option("--history-days", type=int, default=HISTORY_DAYS, show_default=True, help="How long all is kept.")
@click.option("--trash-days", type=int, default=TRASH_DAYS, show_default=True, help="How long the deleted keep values.")
@click.option("--removed-days", type=int, default=REMOVED_DAYS, show_default=True, help="How long removed users stay.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be forgotten.")
@report_errors
def prune_books(user_name: str | None, history_days: int, trash_days: int, removed_days: int, dry_run: bool) -> None:
    """Forget what is old in USER's book, or in every one: history, tombstones, the trash, photos that nothing names.
    What lives stays.

    Users who were removed long enough ago are deleted for good, with their books.
    """
    now_us = services().clock()
    limits, removed_before_us = limits_at(now_us, history_days, trash_days), removed_before(now_us, removed_days)
    accounts = services().accounts
    users = [accounts.any_user_named(user_name)] if user_name else [*accounts.users(), *accounts.users_in_trash()]
    owners = [user for user in users if user.removed_at is None]
    for book_id, name in {owner.book_id: owner.name for owner in owners}.items():
        counts = prune(services().store, book_id, limits, dry_run)
        click.echo(f"{name}'s book: {describe_purged(counts, dry_run)}.")
        if photos := services().blobs.remove_unnamed(book_id, now_us, dry_run):
            did = "would remove" if dry_run else "removed"
            click.echo(f"{name}'s book: {did} {format_count(photos, 'photo')} that nothing names.")
    if not dry_run:
        services().blobs.remove_old_files(now_us)
    for user in users:
        if user.removed_at is not None:
            click.echo(f"{user.name} and the book: {purge_user(user, user.removed_at, removed_before_us, dry_run)}.")


def describe_purged(purged: PurgedRows, dry_run: bool) -> str:
    """What a prune forgot, or would forget, as the end of a sentence."""
    counts = (
        ("", purged.tombstones, "deletion"),
        ("the values of ", purged.emptied, "deleted record"),
        ("", purged.entries, "removed detail"),
        ("the text of ", purged.changes, "change"),
        ("", purged.conflicts, "settled conflict"),
    )
    parts = [before + format_count(count, noun) for before, count, noun in counts if count]
    if not parts:
        return "nothing is old enough to be forgotten"
    return f"{'would forget' if dry_run else 'forgot'} {join_with_and(parts)}"


def purge_user(user: Account, removed_at: int, removed_before_us: int, dry_run: bool) -> str:
    """Purge a user whose time in the trash is over. Returns what became of them, as the end of a sentence."""
    if removed_at > removed_before_us and not user.is_purging:
        return f"in the trash since {format_date(removed_at)}"
    if dry_run:
        return "would be deleted for good"
    services().user_rights.purge(user.id, removed_before_us)
    return "deleted for good"
