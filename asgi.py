"""One port for everything: an event loop in front, the Flask app in a few threads behind it (web.server.wsgi_bridge).

This module greets the admin and starts what web/server has. It knows nothing of contacts.
"""

from __future__ import annotations

import contextlib
import sys

from flask import Flask

from app import create_app
from config import Config
from ops.move.closed_marker import why_closed
from ops.schema_check import check_schema
from storage.errors import Unwritable
from web.server.process import address_of, listen, raise_file_limit, rest_the_collector, server_of
from web.telemetry import logs


def greet(app: Flask, url: str) -> None:
    """What the console shows at the start: where to go, and as long as there is no user how to make the first."""
    token = app.extensions["offbook"].accounts.open_setup()
    if token is not None:
        print(f"Nobody has an account yet. Make the first one here: {url}/setup/{token}")
    print(f"offbook is at {url}", flush=True)


def main() -> None:
    """Serve until a signal comes. Exits with a sentence where a setting or the database does not allow it."""
    try:
        config = Config.from_environment()
        logs.configure(config.log_format, config.log_level)
        app = create_app(config)
    except ValueError as error:  # a setting that can't be
        sys.exit(str(error))
    for finding in check_schema(app.extensions["database"]):
        if finding.bad:
            sys.exit(finding.sentence)
    closed = why_closed(app.extensions["database"])
    if closed is not None:
        sys.exit(closed.detail)
    raise_file_limit()
    rest_the_collector()
    bound = listen(config.host, config.port)
    try:
        greet(app, address_of(bound))
    except Unwritable as error:  # nobody has an account, and the link to the first one can't be kept
        sys.exit(error.for_admins)
    with contextlib.suppress(KeyboardInterrupt):
        server_of(app, config).run([bound])


if __name__ == "__main__":
    main()
