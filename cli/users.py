"""``flask user disable|enable|remove|restore|admin``: what admins do to users. They are added to the group here."""

from __future__ import annotations

import click

from cli.accounts import user
from cli.current import services
from cli.errors import report_errors
from offbook.core.users import Act
from web.presenters.user_actions import done

__all__ = ["user"]


@user.command("disable")
@click.argument("name")
@report_errors
def disable_user(name: str) -> None:
    """Let NAME in no more, at once and until enabled again. Devices keep all, and book and devices stay."""
    act_on(name, Act.DISABLE)


@user.command("enable")
@click.argument("name")
@report_errors
def enable_user(name: str) -> None:
    """Let NAME in again. Devices sync on by themselves."""
    act_on(name, Act.ENABLE)


@user.command("remove")
@click.argument("name")
@report_errors
def remove_user(name: str) -> None:
    """Put NAME into the trash, with the book, for 30 days. Then `flask book prune` deletes both for good."""
    act_on(name, Act.REMOVE)


@user.command("restore")
@click.argument("name")
@report_errors
def restore_user(name: str) -> None:
    """Bring NAME back from the trash, with the book and the devices."""
    act_on(name, Act.RESTORE)


@user.command("admin")
@click.argument("name")
@click.option("--off", is_flag=True, help="Take the right away.")
@report_errors
def set_admin(name: str, off: bool) -> None:
    """Make NAME an admin, or with --off an ordinary user. One admin who can sign in always stays."""
    act_on(name, Act.END_ADMIN if off else Act.MAKE_ADMIN)


def act_on(name: str, act: Act) -> None:
    found = services().accounts.any_user_named(name)
    rights = services().user_rights.act(found.id, services().clock(), act)
    click.echo(done(found.name, act, rights))
