"""``flask user …``: people, and what admins do to them.

Passwords never come as arguments, which other users of the machine can read: one is asked for, or taken from standard
input.
"""

from __future__ import annotations

import sys

import click
from flask.cli import AppGroup

from cli import messages
from cli.current import services
from cli.errors import is_text, report_errors
from offbook.core.accounts.users import UserAction, describe_act, kept_until
from offbook.core.errors import Invalid
from offbook.core.formatting import format_count, format_date
from storage.values.accounts import Account

user = AppGroup("user", help="People who sign in.")


def read_password(from_stdin: bool) -> str:
    """The first line of standard input, or what is typed twice without being shown."""
    if from_stdin:
        answer = sys.stdin.readline().rstrip("\r\n")
    else:
        answer = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not is_text(answer):
        raise Invalid.of(messages.PASSWORD_NOT_UTF8)
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
    user = services().accounts.user_named(name)
    services().accounts.set_password(user.id, read_password(password_stdin), services().clock())
    click.echo(f"{user.name} has a new password.")


@user.command("sign-out")
@click.argument("name")
@report_errors
def sign_out(name: str) -> None:
    """End NAME's sessions in all browsers. Devices keep their tokens."""
    user = services().accounts.user_named(name)
    count = services().accounts.end_sessions(user.id, services().clock())
    click.echo(f"{user.name} is signed out everywhere ({format_count(count, 'session')}).")


@user.command("rename")
@click.argument("old")
@click.argument("new")
@report_errors
def rename_user(old: str, new: str) -> None:
    """Call the user OLD NEW from now on. Book, devices, password and sessions stay."""
    user = services().accounts.user_named(old)
    renamed = services().accounts.rename_user(user.id, new)
    click.echo(f"{user.name} is {renamed.name} now, and signs in so.")


@user.command("list")
@report_errors
def list_users() -> None:
    """Show everyone, those in the trash last."""
    for user in (*services().accounts.users(), *services().accounts.users_in_trash()):
        role, since = "admin" if user.admin else "member", f"since {format_date(user.created_at)}"
        click.echo("\t".join((user.name, role, since, *state_of(user))))


def state_of(user: Account) -> list[str]:
    """Why a user can't sign in, as a column of the list; none for one who can."""
    if user.removed_at is not None:
        return ["being purged" if user.is_purging else f"in the trash until {format_date(kept_until(user.removed_at))}"]
    return [] if user.disabled_at is None else [f"disabled since {format_date(user.disabled_at)}"]


@user.command("disable")
@click.argument("name")
@report_errors
def disable_user(name: str) -> None:
    """Let NAME in no more, at once and until enabled again. Devices keep all, and book and devices stay."""
    act_on(name, UserAction.DISABLE)


@user.command("enable")
@click.argument("name")
@report_errors
def enable_user(name: str) -> None:
    """Let NAME in again. Devices sync on by themselves."""
    act_on(name, UserAction.ENABLE)


@user.command("remove")
@click.argument("name")
@report_errors
def remove_user(name: str) -> None:
    """Put NAME into the trash, with the book, for 30 days. Then `flask book prune` deletes both for good."""
    act_on(name, UserAction.REMOVE)


@user.command("restore")
@click.argument("name")
@report_errors
def restore_user(name: str) -> None:
    """Bring NAME back from the trash, with the book and the devices."""
    act_on(name, UserAction.RESTORE)


@user.command("admin")
@click.argument("name")
@click.option("--off", is_flag=True, help="Take the right away.")
@report_errors
def set_admin(name: str, off: bool) -> None:
    """Make NAME an admin, or with --off an ordinary user. One admin who can sign in always stays."""
    act_on(name, UserAction.END_ADMIN if off else UserAction.MAKE_ADMIN)


def act_on(name: str, act: UserAction) -> None:
    """Do this to the user NAME, also to one in the trash, and print what became of them."""
    user = services().accounts.any_user_named(name)
    rights = services().user_rights.act(user.id, services().clock(), act)
    click.echo(describe_act(user.name, act, rights))
