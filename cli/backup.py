"""``flask backup FILE`` and ``flask restore FILE``, for admins.

They know no engine: what a backup is made of is storage's affair. A restore is asked about before it is done, and says
how it is undone.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click
from flask.cli import with_appcontext

from cli.current import current_database, photos_elsewhere, services
from cli.errors import report_errors, report_errors_unmigrated
from offbook.core.formatting import format_size
from ops.backup import backup
from ops.digests import rewrite_digests
from ops.search_texts import rewrite_search_texts
from storage.errors import Unwritable

UNSEALED = (
    "Warning: {file} has no checksum, as those of older versions have none. It was looked at as a whole and is well "
    "formed; but what was changed in it since it was made may not show."
)
WARNING = (
    "What the server took in since {file} was made leaves it. Devices send again what they hold of it; all else goes "
    "back to what it was, passwords and tokens too, and everybody signs in again. Put it back?"
)


@click.command("backup")
@click.argument("file")
@with_appcontext
@report_errors
def make_backup(file: str) -> None:
    """Write the whole database to FILE, which must not be there yet. The server may go on meanwhile."""
    path = Path(file)
    backup.back_up(current_database(), path)
    click.echo(f"{path} holds the whole database as it is now ({format_size(path.stat().st_size)}), and was checked.")
    if folder := photos_elsewhere():
        click.echo(f"It holds no photos: they are in {folder}. Copy that folder now, after the database.")


@click.command("restore")
@click.argument("file")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
@report_errors_unmigrated
def restore_backup(file: str, yes: bool) -> None:
    """Put the backup in FILE in the database's place. What is there now is kept beside it."""
    database, path = current_database(), Path(file)
    checked = backup.check(database, path)
    if checked.manifest is None:
        click.echo(UNSEALED.format(file=path), err=True)
    if not yes:
        click.confirm(WARNING.format(file=path), abort=True)
    folder = backup.folder_of(database, services().config.instance_path)
    kept = backup.restore(database, checked, folder, services().clock(), services().new_id)
    with suppress(Unwritable):  # it was closed when the backup was made; doctor says what is to be done
        rewrite_digests(database)
        rewrite_search_texts(database)
    click.echo(f"{path} is in the database's place. Every device catches up with its next sync.")
    if photos := photos_elsewhere():
        click.echo(f"It holds no photos: put those that were copied with it into {photos}. `flask doctor` counts gaps.")
    if kept is not None:
        click.echo(f"What was there before is in {kept}: `flask restore` with that file undoes this.")
