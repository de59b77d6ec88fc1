"""What asgi.py starts, with limits that end within a test: `python -m tests.web.server.quick_server`."""

from __future__ import annotations

from dataclasses import replace

from app import create_app
from asgi import greet
from config import Config
from tests.web.server.conversations import LIMITS
from web.server.process import address_of, listen, raise_file_limit, rest_the_collector, server_of
from web.telemetry import logs


def main() -> None:
    config = replace(Config.from_environment(), **LIMITS)
    logs.configure(config.log_format, config.log_level)
    app = create_app(config)
    raise_file_limit()
    rest_the_collector()
    bound = listen(config.host, config.port)
    greet(app, address_of(bound))
    server_of(app, config).run([bound])


if __name__ == "__main__":
    main()
