"""A process that serves an app: its server, its port, enough files, a garbage collector that rests."""

from __future__ import annotations

import gc
import resource
import socket
from contextlib import nullcontext, suppress

import uvicorn
from flask import Flask

from config import Config
from services.container import Services
from web.live.connections import LiveSockets
from web.server.pools import Pools
from web.server.uvicorn_server import server_for
from web.server.wsgi_bridge import OpenLive, RunApp, WsgiBridge
from web.server.wsgi_call import WsgiApp
from web.telemetry.events import Telemetry


def server_of(app: WsgiApp, config: Config) -> uvicorn.Server:
    """uvicorn, with the app in threads behind it."""
    bridge = WsgiBridge(app, config, live_of(app, config), telemetry_of(app), pools_of(app), run_of(app))
    return server_for(bridge, config)


def live_of(app: WsgiApp, config: Config) -> OpenLive | None:
    """The live channel of an offbook app; any other WSGI app has none."""
    if not isinstance(app, Flask):
        return None
    services: Services = app.extensions["offbook"]
    telemetry: Telemetry = app.extensions["telemetry"]
    return lambda threads: LiveSockets(services, telemetry, threads, config)


def telemetry_of(app: WsgiApp) -> Telemetry | None:
    """The telemetry of an offbook app; any other WSGI app has none."""
    return app.extensions["telemetry"] if isinstance(app, Flask) else None


def pools_of(app: WsgiApp) -> Pools | None:
    """What an offbook app works on apart from all else."""
    return Pools(app) if isinstance(app, Flask) else None


def run_of(app: WsgiApp) -> RunApp:
    """What an offbook app does beside requests while a server runs; any other WSGI app does nothing."""
    if not isinstance(app, Flask):
        return nullcontext
    services: Services = app.extensions["offbook"]
    return services.imports.while_served


def listen(host: str, port: int) -> socket.socket:
    """A listening socket: from here on clients wait instead of being refused. Port 0 takes any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def address_of(bound: socket.socket) -> str:
    """The URL of a listening socket."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def raise_file_limit() -> None:
    """Sockets are files. The soft limit (often 1,024) is what lets half-open sockets lock everyone out."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def rest_the_collector() -> None:
    """Let the garbage collector look at what requests leave behind, and rarely: 15 % more pushes in a second.

    All that was made so far stays for good, and a batch of 1,000 changes alone makes a hundred times as many objects as
    the default threshold of 700, none of them in a cycle.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
