"""What `offbook watch` tells: of contacts, of the queue, and of the connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from offbook import Replica, Status, log
from offbook.command.watching import Watched, sentence


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


@pytest.mark.parametrize(("links", "told"), LINKS.items(), ids=[" ".join(links) for links in LINKS])
def test_how_the_connection_stands_is_told_once(links: tuple[str, ...], told: list[str], path: Path) -> None:
    with Replica(path) as book:
        watched = Watched(book)
        assert [sentence(event) for link in links for event in watched.link(stands(link))] == told


def test_an_edit_is_told_whoever_made_it_and_an_echo_is_not(path: Path) -> None:
    with Replica(path) as book, Replica(path) as other:
        watched = Watched(book)
        ada = other.contacts.add(name="Ada")
        assert [event["event"] for event in watched.look([])] == ["added", "waiting"]
        other.contacts.update(ada, phone="1")
        assert [event["event"] for event in watched.look([])] == ["changed", "waiting"]
        with log.applying(other.connection):
            other.connection.execute("UPDATE contacts SET updated_at = '2026-11-20T17:00:00.000000Z'")
        assert list(watched.look([])) == []
        assert [event["event"] for event in watched.look([ada])] == ["changed"]
