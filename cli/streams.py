"""``flask stream …``: which files of `offbook ingest` the page Streams may read."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from cli.current import services
from cli.errors import report_errors

stream = AppGroup("stream", help="Files of `offbook ingest` that the page Streams may read.")


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
