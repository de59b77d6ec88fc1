"""What every command does alike: what is wrong is one line, for whoever typed it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from cli import messages
from cli.current import current_database
from offbook.core.errors import Invalid, OffbookError
from ops.schema_check import check_schema, driver_message
from storage.errors import Unwritable
from storage.failures import not_written, schema_failures

P = ParamSpec("P")
R = TypeVar("R")


def report_errors(command: Callable[P, R]) -> Callable[P, R]:
    """The command, with one line and exit code 1 for whatever is wrong: for a missing schema too."""

    @wraps(command)
    def migrated(*args: P.args, **kwargs: P.kwargs) -> R:
        require_schema()
        return command(*args, **kwargs)

    return report_errors_unmigrated(migrated)


def report_errors_unmigrated(command: Callable[P, R]) -> Callable[P, R]:
    """As ``report_errors``, for what may be done to a database that is empty, older or damaged."""

    @wraps(command)
    def reported(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            for value in kwargs.values():
                require_text(value)
            return command(*args, **kwargs)
        except Unwritable as error:
            raise click.ClickException(error.for_admins) from None
        except OffbookError as error:
            raise click.ClickException(str(error)) from None
        except not_written() as error:
            raise click.ClickException(messages.COMMAND_FAILED.sentence(reason=driver_message(error))) from None
        except schema_failures() as error:
            raise click.ClickException(messages.SCHEMA_FAILED.sentence(reason=str(error))) from None

    return reported


def require_text(value: object) -> None:
    """Raise Invalid for bytes that are no text: Python reads them as lone surrogates, which can't be stored."""
    if isinstance(value, str) and not is_text(value):
        raise Invalid.of(messages.NOT_UTF8, text=value)


def is_text(text: str) -> bool:
    """Whether all of it can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def require_schema() -> None:
    """Raise ClickException where the database has not the schema of this version."""
    for finding in check_schema(current_database()):
        if finding.bad:
            raise click.ClickException(finding.sentence)
