"""What `offbook watch` tells: of contacts, of the queue, and of the connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from offbook import Replica, Status
from offbook.cli.commands.watch import ReplicaWatcher, event_sentence
from offbook.database.local_changes import change_log
from tests.device.fake_server import Server, Wire


def stands(link: str) -> Status:
    """A status in which only the link says something."""
    return Status("r", "b", "http://x", 0, 0, 0, None, None, None, True, link, 3.0, "No route.")


LINKS = {
    ("connecting",): [],
    ("connecting", "live"): ["Live."],
    ("live", "offline", "live"): ["Live.", "The connection was lost; trying again in 3 s. No route.", "Live."],
    ("offline", "offline"): ["Not connected; trying again in 3 s. No route."],
    ("polling",): ["Connected, but not live: the server is asked every few seconds."],
    ("live", "paused", "stopped"): ["Live.", "Paused: No route."],
}


@pytest.mark.parametrize(("links", "sentences"), LINKS.items(), ids=[" ".join(links) for links in LINKS])
def test_how_the_connection_stands_is_told_once(links: tuple[str, ...], sentences: list[str], path: Path) -> None:
    with Replica(path) as book:
        watcher = ReplicaWatcher(book)
        assert [
            event_sentence(event) for link in links for event in watcher.connection_events(stands(link))
        ] == sentences


def test_an_edit_is_told_whoever_made_it_and_an_echo_is_not(path: Path) -> None:
    with Replica(path) as book, Replica(path) as other:
        watcher = ReplicaWatcher(book)
        ada = other.contacts.add(name="Ada")
        assert [event["event"] for event in watcher.events([])] == ["added", "waiting"]
        other.contacts.update(ada, phone="1")
        assert [event["event"] for event in watcher.events([])] == ["changed", "waiting"]
        with change_log.without_logging(other.connection):
            other.connection.execute("UPDATE contacts SET updated_at = '2026-11-20T17:00:00.000000Z'")
        assert list(watcher.events([])) == []
        assert [event["event"] for event in watcher.events([ada])] == ["changed"]


def test_what_the_server_changes_is_told_once_whoever_tells_first(path: Path, tmp_path: Path) -> None:
    """The file may be looked at between a commit and the message of the thread that made it."""
    server = Server()
    with (
        Replica(tmp_path / "other.db", transport=Wire(server)) as other,
        Replica(path, transport=Wire(server)) as syncing,
        Replica(path) as book,
    ):
        watcher = ReplicaWatcher(book)

        def happened(changed: list[str]) -> list[tuple[str, str]]:
            return [(event["event"], event["name"]) for event in watcher.events(changed) if "name" in event]

        def arrives(first: list[str]) -> list[tuple[str, str]]:
            other.sync()
            syncing.sync()
            return happened(first)

        ada, bob = other.contacts.add(name="Ada"), other.contacts.add(name="Bob")
        assert sorted(arrives([])) == [("added", "Ada"), ("added", "Bob")]
        assert happened([ada, bob]) == []
        other.contacts.update(ada, name="Ada King")
        assert arrives([]) == [("changed", "Ada King")]
        assert happened([ada]) == []
        other.contacts.update(ada, phone="1")
        assert arrives([ada]) == [("changed", "Ada King")]
        assert happened([ada]) == []
        other.contacts.update(ada, details={"k1": {"kind": "phone", "value": "2"}})
        assert arrives([]) == []
        assert happened([ada]) == [("changed", "Ada King")]
        syncing.contacts.update(bob, phone="1")
        assert happened([]) == [("changed", "Bob")]
        other.contacts.update(bob, email="bob@example.org")
        assert arrives([bob]) == [("changed", "Bob")]
        other.sync()
        other.contacts.delete(bob)
        assert arrives([bob]) == [("deleted", "Bob")]
        assert happened([bob]) == []
