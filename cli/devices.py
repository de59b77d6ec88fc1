"""``flask device …``: what syncs. A token is shown once, when it is made, and never comes as an argument."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from cli.current import services
from cli.errors import report_errors
from offbook.core.formatting import format_ago
from offbook.core.text import describe_clock_offset
from storage.values.accounts import Account

device = AppGroup("device", help="What syncs a book.")


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
    accounts, now_us = services().accounts, services().clock()
    owners: list[Account] = [accounts.user_named(user_name)] if user_name else accounts.users()
    for owner in owners:
        for device in accounts.devices(owner.id):
            seen, clock = format_ago(device.last_seen_at, now_us), describe_clock_offset(device.clock_offset_ms)
            click.echo(f"{device.uuid}\t{owner.name}\t{device.name}\tseen {seen}\tclock {clock}")


@device.command("revoke")
@click.argument("device_id", metavar="ID")
@report_errors
def revoke_device(device_id: str) -> None:
    """Let the device ID (see `flask device list`) in no more."""
    revoked = services().accounts.revoke_any_device(device_id, services().clock())
    click.echo(f"Revoked {revoked.name}. It keeps what it has, and syncs no more.")
