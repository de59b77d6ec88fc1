"""How far a request goes through the code: how many functions and files it crosses, and how often it changes the file.

Whoever reads the way of a request opens these files. The counts have no goal: they are there to compare with earlier
ones. ``python -m bench.hops`` prints them.

The requests are real ones, to a server in this process. Each is made twice, since the first one fills caches.
"""

from __future__ import annotations

import re
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from werkzeug.test import Client

from app import App, create_app
from config import Config
from offbook import Replica, Response
from storage.engines.database import open_engines
from storage.engines.migrations import upgrade

ROOT = Path(__file__).parent.parent
PRODUCT = ("offbook/", "ops/", "services/", "storage/", "web/")
INPUT = re.compile(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"')
EXPRESSIONS = ("<genexpr>", "<listcomp>", "<dictcomp>", "<setcomp>", "<lambda>")
"""What Python runs as functions and a reader takes for a part of the function around it."""

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
PASSWORD = "only for the bench"


class Hops(NamedTuple):
    """What a request crossed: different functions, the files they are in, and how often it went on in another file.

    A return to the file of the caller is one such change, too.
    """

    functions: int
    files: int
    changes: int


class Tracer:
    """Follows the calls of functions of the product, and the returns from them, while it is switched on."""

    def __init__(self) -> None:
        self._functions: set[tuple[str, str]] = set()
        self._file: str | None = None
        self._changes = 0

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        match event:
            case "call" if (path := product_file(frame)) is not None:
                self._functions.add((path, frame.f_code.co_qualname))
                self._go_to(path)
            case "return" if product_file(frame) is not None:
                caller = frame.f_back
                while caller is not None and product_file(caller) is None:
                    caller = caller.f_back
                if caller is not None:
                    self._go_to(product_file(caller))

    def _go_to(self, path: str | None) -> None:
        self._changes += self._file is not None and path != self._file
        self._file = path

    def hops(self) -> Hops:
        return Hops(len(self._functions), len({path for path, _ in self._functions}), self._changes)


def product_file(frame: FrameType) -> str | None:
    """The path of the file of ours that a frame runs in, or None."""
    path = frame.f_code.co_filename.removeprefix(f"{ROOT}/")
    return path if path.startswith(PRODUCT) and not frame.f_code.co_name.endswith(EXPRESSIONS) else None


def hops_of(work: Callable[[], object]) -> Hops:
    tracer = Tracer()
    sys.setprofile(tracer)
    try:
        work()
    finally:
        sys.setprofile(None)
    return tracer.hops()


@contextmanager
def pause() -> Iterator[None]:
    """Note nothing meanwhile."""
    tracer = sys.getprofile()
    sys.setprofile(None)
    try:
        yield
    finally:
        sys.setprofile(tracer)


@dataclass
class InProcess:
    """A replica's transport to a server in this process, whose own calls are not noted."""

    client: Client
    token: str

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        with pause():
            answer = self.client.open(path, method=method, data=body, headers={**headers, **bearer(self.token)})
            return Response(answer.status_code, dict(answer.headers), answer.get_data())


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Server:
    """The app on a fresh database, with one user and one device."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'hops.db'}"
        database = open_engines(url)
        upgrade(database)
        database.close()
        self.app: App = create_app(Config(database_url=url, instance_path=folder, secret_key="x" * 64))
        services = self.app.extensions["offbook"]
        now_us = services.clock()
        self.user = services.accounts.add_user("bench", PASSWORD, False, now_us, services.new_id)
        _, self.token = services.accounts.add_device(self.user.book_id, self.user.id, "bench", now_us, services.new_id)
        self.device = self.app.test_client()
        self.cursor: str | None = None

    def add(self) -> str:
        """Push a new contact, and answer its id."""
        contact = str(uuid.uuid4())
        self.push({"operation": "INSERT", "record_id": contact, "data": {"name": "Ada Lovelace", "phone": "555"}})
        return contact

    def push(self, changes: dict[str, Any]) -> None:
        item = {"id": str(uuid.uuid4()), "table": "contacts", "timestamp": "2026-11-18T17:06:40.000Z", **changes}
        body = {"changes": [item], "since": self.cursor}
        answer = self.device.post("/sync", json=body, headers=bearer(self.token))
        assert answer.status_code == 200, answer.text
        page = answer.get_json()
        assert [result["verdict"] for result in page["results"]] == ["applied"]
        self.cursor = page["cursor"]


def pushed_change(server: Server) -> Hops:
    """One change to `POST /sync`, answered with its verdict and the page after the cursor."""
    server.add()
    return hops_of(server.add)


def edited_form(server: Server) -> Hops:
    """A contact's form with another phone number, posted by a browser that is signed in; without the page after it."""
    browser = server.app.test_client()
    login = TOKEN.search(browser.get("/login").text)
    assert login
    browser.post("/login", data={"csrf_token": login[1], "name": "bench", "password": PASSWORD})
    path = f"/c/{server.add()}/edit"

    def save(phone: str) -> Hops:
        page = browser.get(path).text
        inputs = INPUT.findall(page.partition('class="contact-form"')[2])
        fields = {name: unescape(value) for name, value in inputs} | {"phone_value": phone}
        hops = hops_of(lambda: statuses.append(browser.post(path, data=fields).status_code))
        assert statuses.pop() == HTTPStatus.SEE_OTHER
        return hops

    statuses: list[int] = []
    save("1")
    hops = save("2")
    assert 'value="2"' in browser.get(path).text, "nothing was saved"
    return hops


def pulled_row(server: Server, folder: Path) -> Hops:
    """A sync of a replica that has nothing to send and is given one row."""
    with Replica(folder / "hops-device.db", transport=InProcess(server.app.test_client(), server.token)) as replica:
        for _ in range(2):
            replica.sync()
            server.add()
        return hops_of(replica.sync)


def figures(folder: Path) -> Iterator[tuple[str, Hops]]:
    server = Server(folder)
    yield "a pushed change", pushed_change(server)
    yield "an edit in a form", edited_form(server)
    yield "a row pulled by a replica", pulled_row(server, folder)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="offbook-bench-") as folder:
        for name, hops in figures(Path(folder)):
            print(f"{name:<26} {hops.functions:>4} functions {hops.files:>4} files {hops.changes:>4} changes of file")


if __name__ == "__main__":
    main()
