"""The statements that a connection keeps prepared: one with triggers takes milliseconds to prepare."""

from __future__ import annotations

from collections.abc import Mapping

from offbook import Replica, Response
from tests.device.conftest import Device
from tests.device.fake_server import Server, Wire

SQLITE_OK = 0
PAGES, PAGE_SIZE = 4, 5


class CountingWire(Wire):
    """Notes at each request for a page how many of the statements' acts were prepared by then."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.prepared = 0
        self.by_page: list[int] = []

    def count(self, *_: object) -> int:
        self.prepared += 1
        return SQLITE_OK

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        if path == "/sync":
            self.by_page.append(self.prepared)
        return super().send(method, path, body, headers)


def test_the_first_sync_of_a_new_file_prepares_no_statement_twice(device: Device, server: Server, b: Replica) -> None:
    """What it takes to set the file up leaves room for all that writes contacts."""
    for number in range(PAGES * PAGE_SIZE):
        b.contacts.add(name=f"Ada {number}", details={"k1": {"kind": "email", "value": f"ada{number}@example.org"}})
    b.sync()
    server.page_max = PAGE_SIZE
    counting = CountingWire(server)
    a = device("new", transport=counting)
    a.connection.set_authorizer(counting.count)  # SQLite asks it about all that a statement does, when it prepares it
    a.sync()
    assert a.contacts.count() == PAGES * PAGE_SIZE
    _, *others = counting.by_page
    assert len(others) >= PAGES - 1
    assert others[1] == others[-1] > 0
