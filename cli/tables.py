"""``flask tables …``: the tables that apps brought to this server, and how they grow."""

from __future__ import annotations

import json

import click
from flask.cli import AppGroup, with_appcontext

from cli.current import current_database, services
from cli.errors import report_errors, report_errors_unmigrated
from cli.table_files import read_tables
from offbook.contacts.table import BUILT_IN
from offbook.core.declaration.codec import table_to_json
from offbook.core.declaration.rules import app_schema
from offbook.core.formatting import format_count, format_date
from ops import grow
from ops.grow import GrowthReport


@click.group("tables", cls=AppGroup, invoke_without_command=True)
@click.pass_context
@with_appcontext
def tables(context: click.Context) -> None:
    """Show the tables that are synced: name, records, columns, since when. Apps bring them by `grow`."""
    if context.invoked_subcommand is None:
        list_tables()


@report_errors
def list_tables() -> None:
    """A line for each table."""
    for table in grow.table_sizes(current_database()):
        since = "always" if table.since is None else f"since {format_date(table.since)}"
        columns = format_count(table.columns, "column")
        click.echo("\t".join((table.name, format_count(table.records, "record"), columns, since)))


@tables.command("grow")
@click.argument("file")
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@report_errors
def grow_tables(file: str, dry_run: bool, yes: bool) -> None:
    """Make the tables that FILE declares, and add what they lack. Nothing is ever dropped. The server may run.

    FILE is Python with all tables in TABLES, a module of this kind, or JSON.
    """
    database, now_us = current_database(), services().clock()
    wanted = app_schema(read_tables(file), BUILT_IN)
    planned = grow.grow(database, wanted, now_us, dry_run=True)
    print_steps(planned)
    if dry_run or not planned.steps:
        return
    if not yes:
        click.confirm("Do it?", abort=True)
    done = grow.grow(database, wanted, now_us)
    if done.kept is not None:
        click.echo(f"What was there before is kept in {done.kept}.", err=True)
    click.echo("Done. Devices and running servers notice by themselves.")


def print_steps(report: GrowthReport) -> None:
    """A line for each step."""
    for step in report.steps:
        click.echo(step)
    if not report.steps:
        click.echo("Everything that is declared there is here already: nothing is to be done.")


@tables.command("json")
@click.argument("file")
@report_errors_unmigrated
def print_json(file: str) -> None:
    """Print what FILE declares as JSON, which `flask tables grow` takes as well."""
    declared = read_tables(file)
    app_schema(declared, BUILT_IN)
    click.echo(json.dumps([table_to_json(table) for table in declared], indent=2, ensure_ascii=False))
