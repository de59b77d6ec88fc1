"""The `offbook` command: reads the command line, runs one command, prints its answer.

This is the edge where errors become sentences and exit codes: nobody ever sees a traceback of what they can do
something about. What the commands are is in offbook/cli.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from offbook.cli import messages, standard_streams
from offbook.cli.environment import DEBUG
from offbook.cli.errors import NoBook, exit_code
from offbook.cli.parser import parse
from offbook.cli.paths import book_path, stream_path
from offbook.cli.result import FAILED, OK, CommandResult
from offbook.core.errors import OffbookError
from offbook.core.messages import Fault, Message
from offbook.core.text import without_control_characters
from offbook.database.connection import BUSY_SECONDS_MAX, SqliteError
from offbook.replica import Replica

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

UNREAD = 141
"""128 + SIGPIPE: whoever read our output had enough of it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return the exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    standard_streams.prepare()
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            code = _run(words)
        with standard_streams.writing():
            sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = UNREAD
    except standard_streams.OutputFault as error:
        code = _print_error(error.fault, False, FAILED)
    standard_streams.close_output()
    return code


def _run(words: list[str]) -> int:
    """Run one command, print its result or its error, and return the exit code."""
    as_json = "--json" in words
    path = None
    try:
        args = parse(words)
        as_json = args.json
        path = book_path(args.db, is_made=args.makes_file) if args.on_book else stream_path(args.db)
        result = _run_on_book(path, args) if args.on_book else args.run(path, args)
    except SystemExit as end:  # --help and --version
        return int(end.code or OK)
    except (BrokenPipeError, standard_streams.OutputFault):
        raise
    except KeyboardInterrupt as end:
        if not end.args:
            raise
        return _print_error(Message("interrupted", str(end)).fault(), as_json, INTERRUPTED)
    except OffbookError as error:
        return _print_error(error.fault, as_json, exit_code(error))
    except (OSError, SqliteError) as error:
        return _print_error(_file_error(error, path), as_json, FAILED)
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        name = f"{type(error).__name__}: {error}"
        return _print_error(messages.OWN_FAULT.fault(name=name, variable=DEBUG), as_json, FAILED)
    return _print_result(result, as_json)


def _run_on_book(path: Path, args: argparse.Namespace) -> CommandResult:
    if not args.makes_file and not path.exists():
        raise NoBook.of(messages.NO_BOOK, path=path)
    with Replica(path) as book:
        result: CommandResult = args.run(book, args)
        return result


def _print_result(result: CommandResult, as_json: bool) -> int:
    """Print it, and return its exit code."""
    with standard_streams.writing():
        if not as_json:
            for line in result.lines:
                print(without_control_characters(line))
            for part in [result.raw] if isinstance(result.raw, bytes) else result.raw or ():
                sys.stdout.buffer.write(part)
        elif result.data is not None:
            _print_json(result.data)
    return result.code


def _print_error(fault: Fault, as_json: bool, exit_code: int) -> int:
    """Print it, and return the exit code."""
    if as_json:
        with standard_streams.writing():
            _print_json({"error": fault.code, "detail": fault.detail})
    else:
        standard_streams.print_error(without_control_characters(f"offbook: {fault.detail}"))
    return exit_code


def _print_json(data: Any) -> None:
    """In ASCII, which every terminal and every program reads alike."""
    print(json.dumps(data, indent=2))


def _file_error(error: OSError | SqliteError, book: Path | None) -> Fault:
    if isinstance(error, OSError) and error.filename is not None:
        return messages.FILE_FAILED.fault(path=str(error.filename), reason=str(error.strerror))
    if getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
        return messages.BOOK_HELD.fault(path=str(book), seconds=BUSY_SECONDS_MAX)
    return messages.BOOK_FAILED.fault(path=str(book), reason=str(error))


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    standard_streams.print_error(f"offbook: {message}")


if __name__ == "__main__":
    sys.exit(main())
