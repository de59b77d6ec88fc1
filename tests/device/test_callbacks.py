"""What a started replica tells its app, and in which order: what the server changed, its link, and what failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from offbook import NotAuthorized, Offline, Replica, Response
from offbook.core.connection import Seconds
from offbook.live import worker
from tests.device.conftest import Device
from tests.device.fake_server import Server, Wire, lost_request, problem, says
from tests.support.callback_recorder import Witness

REVOKED = problem(401, "not_authorized", "The server does not know this token.")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SECONDS", Seconds(retry_min=0.02, poll=0.05, pause=600))


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def a(device: Device) -> Replica:
    """The one that is started."""
    return device("a")


@pytest.fixture
def b(device: Device) -> Replica:
    """Another one, which syncs when it is told."""
    return device("b")


def wire(replica: Replica) -> Wire:
    found = replica._transport
    assert isinstance(found, Wire)
    return found


# --- what the server changed -----------------------------------------------------------------------------------------


def test_contacts_that_the_server_changed_are_told_by_their_ids(a: Replica, b: Replica, witness: Witness) -> None:
    ada, bob = b.contacts.add(name="Ada"), b.contacts.add(name="Bob")
    b.sync()
    witness.start(a)
    witness.until(lambda: witness.of(a, "change") == [[ada, bob]])
    assert witness.of(a, "rows") == [[("contacts", ada), ("contacts", bob)]]
    b.contacts.update(ada, details=[{"kind": "phone", "value": "1"}])
    b.sync()
    witness.until(lambda: witness.of(a, "change") == [[ada, bob], [ada]])
    b.contacts.delete(bob)
    b.sync()
    witness.until(lambda: witness.of(a, "change") == [[ada, bob], [ada], [bob]])


def test_what_the_device_itself_typed_is_not_told(a: Replica, b: Replica, witness: Witness) -> None:
    witness.start(a)
    ada = a.contacts.add(name="Ada")
    a.contacts.update(ada, phone="1")
    a.contacts.delete(a.contacts.add(name="Eve"))
    witness.until(lambda: a.status().pending == 0)
    bob = b.contacts.add(name="Bob")
    b.sync()
    witness.until(lambda: bool(witness.changed(a)))
    assert witness.changed(a) == [bob]


def test_what_came_and_went_unseen_is_not_told(a: Replica, b: Replica, witness: Witness) -> None:
    a.sync()
    b.contacts.delete(b.contacts.add(name="Eve"))
    bob = b.contacts.add(name="Bob")
    b.sync()
    witness.start(a)
    witness.until(lambda: bool(witness.changed(a)))
    assert witness.changed(a) == [bob]


def test_an_edit_that_lost_or_was_rejected_is_told(a: Replica, b: Replica, witness: Witness) -> None:
    ada, bob = a.contacts.add(name="Ada"), a.contacts.add(name="Bob")
    a.sync()
    b.sync()
    a.contacts.update(ada, phone="1")
    a.contacts.update(bob, phone="1")
    a.connection.execute("UPDATE change_log SET base = 1 << 60 WHERE record_id = ? AND synced = 0", (bob,))
    a.connection.execute("UPDATE change_log SET timestamp = ? WHERE synced = 0", ("2020-01-01T00:00:00.000Z",))
    b.contacts.update(ada, phone="2")
    b.sync()
    witness.start(a)
    witness.until_link("polling", a)
    assert sorted(witness.changed(a)) == sorted([ada, bob])
    assert (a.contacts.get(ada)["phone"], a.contacts.get(bob)["phone"]) == ("2", None)


def test_a_merge_that_changes_nothing_here_is_not_told(a: Replica, b: Replica, witness: Witness) -> None:
    ada = a.contacts.add(name="Ada")
    a.sync()
    b.sync()
    for replica in (b, a):
        replica.contacts.update(ada, phone="1")
    b.sync()
    bob = b.contacts.add(name="Bob")
    b.sync()
    witness.start(a)
    witness.until(lambda: a.status().pending == 0 and bool(witness.changed(a)))
    assert witness.changed(a) == [bob]


def test_what_is_told_is_there(a: Replica, b: Replica) -> None:
    seen: list[str] = []
    moved = threading.Event()

    def look(ids: list[str]) -> None:
        seen.extend(a.contacts.get(one)["name"] for one in ids)
        moved.set()

    b.contacts.add(name="Ada")
    b.sync()
    a.start(on_change=look)
    assert moved.wait(20)
    assert seen == ["Ada"]


# --- where the link stands -------------------------------------------------------------------------------------------


def test_the_status_is_told_when_the_link_or_a_count_changes_and_only_then(a: Replica, witness: Witness) -> None:
    witness.start(a)
    witness.until_link("polling", a)
    a.contacts.add(name="Ada")
    a.connection.execute("INSERT INTO contacts(name, starred) VALUES ('no flag', 9e999)")
    witness.until(lambda: (a.status().pending, a.status().parked) == (0, 1))
    a.stop()
    told = [(status.link, status.pending, status.parked) for status in witness.statuses(a)]
    assert told[:2] == [("connecting", 0, 0), ("polling", 0, 0)]
    assert told[-2:] == [("polling", 0, 1), ("stopped", 0, 1)]
    assert all(one != before for one, before in zip(told[1:], told, strict=False))


def test_what_is_typed_while_offline_is_told(a: Replica, witness: Witness) -> None:
    wire(a).steps = [lost_request] * 1_000
    witness.start(a)
    witness.until_link("offline", a)
    a.contacts.add(name="Ada")
    witness.until(lambda: [status.pending for status in witness.statuses(a)][-1] == 1)
    wire(a).steps.clear()
    witness.until_link("polling", a)
    assert witness.links(a) == ["connecting", "offline", "polling"]


def test_the_status_tells_when_it_is_tried_again(a: Replica, witness: Witness) -> None:
    wire(a).steps = [says(Response(401, {"Retry-After": "900"}, REVOKED.body))]
    witness.start(a)
    witness.until_link("paused", a)
    assert witness.statuses(a)[-1].retry_seconds == a.status().retry_seconds == 900


def test_a_replica_that_is_not_started_is_stopped(a: Replica) -> None:
    assert (a.status().link, a.status().running, a.status().retry_seconds) == ("stopped", False, None)


# --- what failed -----------------------------------------------------------------------------------------------------


def test_what_failed_is_told_before_what_became_of_it(a: Replica, witness: Witness) -> None:
    a.contacts.add(name="Ada")
    wire(a).steps = [lost_request, says(REVOKED)]
    witness.start(a)
    witness.until_link("paused", a)
    assert [type(error) for error in witness.errors(a)] == [Offline, NotAuthorized]
    order = [what.link if kind == "status" else type(what) for _, kind, what in witness.told]
    assert order == ["connecting", Offline, "offline", NotAuthorized, "paused"]
    assert "token" in (a.status().last_error or "")


def test_a_paused_queue_waits_for_another_token_and_not_for_a_commit(
    a: Replica, server: Server, witness: Witness
) -> None:
    wire(a).steps = [says(REVOKED)]
    witness.start(a)
    witness.until_link("paused", a)
    a.contacts.add(name="Ada")
    witness.until(lambda: witness.statuses(a)[-1].pending == 1)
    assert server.requests == []
    a.set_server("http://127.0.0.1:1", "ob_another")
    witness.until_link("polling", a)
    assert witness.links(a) == ["connecting", "paused", "polling"]
    assert a.status().last_error is None


# --- callbacks that misbehave ----------------------------------------------------------------------------------------


def test_a_callback_that_fails_ends_nothing(
    a: Replica, b: Replica, caplog: pytest.LogCaptureFixture, witness: Witness
) -> None:
    def fail(what: Any) -> None:
        raise ZeroDivisionError

    wire(a).steps = [lost_request]
    a.start(on_change=fail, on_status=fail, on_error=fail)
    for name in ("Ada", "Bob"):
        b.contacts.add(name=name)
        b.sync()
        witness.until(lambda: a.contacts.count() == b.contacts.count())
    assert caplog.text.count("A callback failed") > 3


def test_a_callback_may_stop_the_replica_and_start_it_again(a: Replica, b: Replica, witness: Witness) -> None:
    def again(ids: list[str]) -> None:
        a.stop()
        witness.start(a)

    b.contacts.add(name="Ada")
    b.sync()
    a.start(on_change=again)
    witness.until_link("polling", a)
    bob = b.contacts.add(name="Bob")
    b.sync()
    witness.until(lambda: witness.changed(a) == [bob])


def test_a_callback_may_close_the_replica(a: Replica, b: Replica) -> None:
    closed = threading.Event()

    def close(ids: list[str]) -> None:
        a.close()
        closed.set()

    b.contacts.add(name="Ada")
    b.sync()
    a.start(on_change=close)
    (thread,) = [one for one in threading.enumerate() if one.name == "offbook"]
    assert closed.wait(20)
    thread.join(20)
    assert not thread.is_alive()
    assert a.contacts.count() == 1


def test_a_callback_may_write(a: Replica, b: Replica, witness: Witness) -> None:
    def answer(ids: list[str]) -> None:
        a.contacts.update(ids[0], notes="seen")

    ada = b.contacts.add(name="Ada")
    b.sync()
    a.start(on_change=answer)
    witness.until(lambda: bool(b.sync()) and b.contacts.get(ada)["notes"] == "seen")


@dataclass
class Hanging(Wire):
    """Hangs until it is let go."""

    hangs: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        self.hangs.set()
        self.go.wait(20)
        return super().send(method, path, body, headers)


def test_nothing_is_told_after_stop_though_a_request_still_hangs(
    device: Callable[..., Replica], server: Server, b: Replica, witness: Witness
) -> None:
    b.contacts.add(name="Ada")
    b.sync()
    hanging = Hanging(server)
    c = device("c", transport=hanging)
    witness.start(c)
    assert hanging.hangs.wait(20)
    (thread,) = [one for one in threading.enumerate() if one.name == "offbook"]
    began = time.monotonic()
    c.stop()
    assert time.monotonic() - began < 2
    told = list(witness.told)
    hanging.go.set()
    thread.join(20)
    assert not thread.is_alive()
    assert (witness.told, c.contacts.count()) == (told, 0)
