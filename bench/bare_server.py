"""A server that answers and does nothing else: ``python -m bench.bare_server asgi`` or ``flask``.

``asgi`` is uvicorn with an app of two messages; ``flask`` is a Flask view behind offbook's own front. What offbook
takes beyond them is its own.
"""

from __future__ import annotations

import sys
from typing import Any

import flask
import uvicorn

from config import Config
from web.server.process import address_of, listen, server_of

BODY = b'{"rows":[],"cursor":"0","more":false}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """The body of a request is read, and the same few bytes are the answer to each."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


def flask_app() -> flask.Flask:
    """An app with one view, which reads the request's body."""
    app = flask.Flask("bare")

    @app.route("/", methods=["GET", "POST"])
    def view() -> flask.Response:
        flask.request.get_data()
        return flask.Response(BODY, mimetype="application/json")

    return app


def main(kind: str) -> None:
    """Serve until a signal comes, and say where."""
    bound = listen("127.0.0.1", 0)
    if kind == "flask":
        app = flask_app()
        server = server_of(lambda environ, start: app(environ, start), Config())
    else:
        server = uvicorn.Server(uvicorn.Config(answer, log_level="warning", lifespan="off", ws="none"))
    print(f"offbook is at {address_of(bound)}", flush=True)
    server.run([bound])


if __name__ == "__main__":
    main(sys.argv[1])
