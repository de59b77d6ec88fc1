"""``flask user|device|book|stream …``: people, what syncs, and what is kept of it.

Passwords and tokens never come as arguments, which other users of the machine can read; a password is asked for, or
taken from standard input.
"""

from __future__ import annotations

import sys

import click
from flask.cli import AppGroup

from cli.current import services
from cli.errors import is_text, report_errors
from offbook.core.errors import Invalid
from offbook.core.merge.retention import HISTORY_DAYS, TRASH_DAYS, limits_at
from offbook.core.users import REMOVED_DAYS, kept_until, removed_line
from services.retention import prune
from storage.values import Account
from web.presenters.formatting import format_ago, format_clock_offset, format_count, format_date, format_purged

user = AppGroup("user", help="People who sign in.")
device = AppGroup("device", help="What syncs a book.")
book = AppGroup("book", help="What syncs as a whole.")
stream = AppGroup("stream", help="Files of `offbook ingest` that the page Streams may read.")


def read_password(from_stdin: bool) -> str:
    """The first line of standard input, or what is typed twice without being shown."""
    if from_stdin:
        answer = sys.stdin.readline().rstrip("\r\n")
    else:
        answer = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not is_text(answer):
        raise Invalid("bad_text", "The password is not UTF-8, so that no page could take it. Choose another one.")
    return answer


password_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")


@user.command("add")
@click.argument("name")
@password_stdin
@click.option("--admin", is_flag=True, help="May list and add people.")
@report_errors
def add_user(name: str, password_stdin: bool, admin: bool) -> None:
    """Add NAME, with a book of their own."""
    password = read_password(password_stdin)
    added = services().accounts.add_user(name, password, admin, services().clock(), services().new_id)
    click.echo(f"Added {added.name}.")


@user.command("password")
@click.argument("name")
@password_stdin
@report_errors
def change_password(name: str, password_stdin: bool) -> None:
    """Give NAME a new password. Their sessions in browsers end."""
    found = services().accounts.user_named(name)
    services().accounts.set_password(found.id, read_password(password_stdin), services().clock())
    click.echo(f"{found.name} has a new password.")


@user.command("sign-out")
@click.argument("name")
@report_errors
def sign_out(name: str) -> None:
    """End NAME's sessions in all browsers. Devices keep their tokens."""
    found = services().accounts.user_named(name)
    count = services().accounts.end_sessions(found.id, services().clock())
    click.echo(f"{found.name} is signed out everywhere ({format_count(count, 'session')}).")


@user.command("rename")
@click.argument("old")
@click.argument("new")
@report_errors
def rename_user(old: str, new: str) -> None:
    """Call the user OLD NEW from now on. Book, devices, password and sessions stay."""
    found = services().accounts.user_named(old)
    renamed = services().accounts.rename_user(found.id, new)
    click.echo(f"{found.name} is {renamed.name} now, and signs in so.")


@user.command("list")
@report_errors
def list_users() -> None:
    """Show everyone, those in the trash last."""
    for row in (*services().accounts.users(), *services().accounts.users_in_trash()):
        role, state = "admin" if row.admin else "member", state_of(row)
        click.echo("\t".join((row.name, role, f"since {format_date(row.created_at)}", *state)))


def state_of(row: Account) -> list[str]:
    """What is to be said of a user who is not let in."""
    if row.removed_at is not None:
        return ["being purged" if row.is_purging else f"in the trash until {format_date(kept_until(row.removed_at))}"]
    return [] if row.disabled_at is None else [f"disabled since {format_date(row.disabled_at)}"]


@device.command("add")
@click.argument("user_name", metavar="USER")
@click.argument("name")
@report_errors
def add_device(user_name: str, name: str) -> None:
    """Add the device NAME to USER's book. Its token is the last line, and is shown only now."""
    owner = services().accounts.user_named(user_name)
    added, token = services().accounts.add_device(owner.book_id, owner.id, name, services().clock(), services().new_id)
    click.echo(f"Added {added.name}. Its token is shown only now:", err=True)
    click.echo(token)


@device.command("list")
@click.argument("user_name", metavar="[USER]", required=False)
@report_errors
def list_devices(user_name: str | None) -> None:
    """Show USER's devices, or everyone's: id, user, name, last seen, clock."""
    accounts, now = services().accounts, services().clock()
    owners: list[Account] = [accounts.user_named(user_name)] if user_name else accounts.users()
    for owner in owners:
        for row in accounts.devices(owner.id):
            seen = f"seen {format_ago(row.last_seen_at, now)}"
            click.echo(
                f"{row.uuid}\t{owner.name}\t{row.name}\t{seen}\tclock {format_clock_offset(row.clock_offset_ms)}"
            )


@device.command("revoke")
@click.argument("device_id", metavar="ID")
@report_errors
def revoke_device(device_id: str) -> None:
    """Let the device ID (see `flask device list`) in no more."""
    revoked = services().accounts.revoke_any_device(device_id, services().clock())
    click.echo(f"Revoked {revoked.name}. It keeps what it has, and syncs no more.")


@book.command("policy")
@click.argument("user_name", metavar="USER")
@click.argument("policy")
@report_errors
def set_policy(user_name: str, policy: str) -> None:
    """Choose how USER's book settles concurrent edits: merge, last-write-wins or ask."""
    owner = services().accounts.user_named(user_name)
    services().accounts.set_policy(owner.book_id, policy)
    click.echo(f"{owner.name}'s book: {policy}.")


@book.command("prune")
@click.argument("user_name", metavar="[USER]", required=False)
@click.option("--history-days", type=int, default=HISTORY_DAYS, show_default=True, help="How long all is kept.")
@click.option("--trash-days", type=int, default=TRASH_DAYS, show_default=True, help="How long the deleted keep values.")
@click.option("--removed-days", type=int, default=REMOVED_DAYS, show_default=True, help="How long removed users stay.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be forgotten.")
@report_errors
def prune_books(user_name: str | None, history_days: int, trash_days: int, removed_days: int, dry_run: bool) -> None:
    """Forget what is old in USER's book, or in every one: history, tombstones, the trash. What lives stays.

    Users who were removed long enough ago are deleted for good, with their books.
    """
    now = services().clock()
    lines, line = limits_at(now, history_days, trash_days), removed_line(now, removed_days)
    accounts = services().accounts
    every = [accounts.any_user_named(user_name)] if user_name else [*accounts.users(), *accounts.users_in_trash()]
    owners = [owner for owner in every if owner.removed_at is None]
    for book_id, name in {owner.book_id: owner.name for owner in owners}.items():
        found = prune(services().store, book_id, lines, dry_run)
        click.echo(f"{name}'s book: {format_purged(found, dry_run)}.")
    for removed in every:
        if removed.removed_at is not None:
            click.echo(f"{removed.name} and the book: {purged(removed, line, dry_run)}.")


def purged(removed: Account, line: int, dry_run: bool) -> str:
    """Purge a user whose time is over, unless it is a rehearsal; what became of them, as the end of a sentence."""
    assert removed.removed_at is not None
    if removed.removed_at > line and not removed.is_purging:
        return f"in the trash since {format_date(removed.removed_at)}"
    if dry_run:
        return "would be deleted for good"
    services().user_rights.purge(removed.id, line)
    return "deleted for good"


@stream.command("add")
@click.argument("file")
@report_errors
def add_stream(file: str) -> None:
    """Let admins see the stream in FILE on the page Streams. Only what is added here is ever read."""
    added = services().streams.add(file, services().clock(), services().new_id)
    click.echo(f"The page Streams shows {added.name} now ({added.path}).")


@stream.command("list")
@report_errors
def list_streams() -> None:
    """Show every stream that may be read: name and file."""
    for source in services().streams.all():
        click.echo(f"{source.name}\t{source.path}")


@stream.command("remove")
@click.argument("file")
@report_errors
def remove_stream(file: str) -> None:
    """Show the stream in FILE no more. FILE stays as it is, and may be gone already."""
    removed = services().streams.remove(file)
    click.echo(f"The page Streams shows {removed.name} no more ({removed.path}).")
