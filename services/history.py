"""The history of one record, a page at a time and with names: for JSON, for pages, for devices that ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from offbook.core.model import Author, Key
from offbook.core.protocol.rows import iso_micros, iso_millis
from offbook.core.validation import Json
from storage.base import ChangeEntry, ReadTransaction

NOBODY = Author()


class PublicEntry(NamedTuple):
    """One change of the history in JSON's terms: ``seq`` is None where it changed nothing."""

    id: str
    seq: int | None
    at: str
    timestamp: str | None
    operation: str | None
    verdict: str
    user: str | None
    device: str | None
    replica: str | None
    base: int | None
    bases: Mapping[str, int]
    data: Mapping[str, Json]
    before: Mapping[str, Json]
    created: bool
    beaten: list[dict[str, Any]]


class HistoryPage(NamedTuple):
    """Some changes, the newest first. ``next`` is where the older ones begin, None where there are none."""

    changes: list[PublicEntry]
    next: int | None


def page(book: ReadTransaction, key: Key, before: int | None, limit: int) -> HistoryPage:
    """The changes of a record that stand before a place in its history; None: from the newest on."""
    whole = book.history(*key)
    end = len(whole) if before is None else min(before, len(whole))
    start = max(end - limit, 0)
    changes = whole[start:end][::-1]
    record = book.records(key[0], [key[1]])[key]
    winners = {one["winner"][2] for past in changes for one in past.beaten}
    authors = book.authors({past.change_id for past in changes} | winners)
    made_by = record.created.change_id
    return HistoryPage([public_entry(past, authors, past.change_id == made_by) for past in changes], start or None)


def public_entry(past: ChangeEntry, authors: Mapping[str, Author], created: bool) -> PublicEntry:
    author = authors.get(past.change_id, NOBODY)
    return PublicEntry(
        past.change_id,
        past.seq,
        iso_micros(past.seq or past.received_at or 0),
        None if past.timestamp is None else iso_millis(past.timestamp),
        past.operation,
        past.verdict.value,
        author.user,
        author.device,
        past.replica,
        past.base,
        past.bases,
        past.data,
        past.before,
        created,
        [_beaten(one, authors) for one in past.beaten],
    )


def _beaten(one: Mapping[str, Json], authors: Mapping[str, Author]) -> dict[str, Any]:
    seq, timestamp, change_id, _ = one["winner"]
    author = authors.get(change_id, NOBODY)
    winner = {"change_id": change_id, "seq": seq, "at": iso_millis(timestamp)}
    return {
        "cell": one["cell"],
        "value": one["value"],
        "rule": one["rule"],
        "winner": {**winner, "user": author.user, "device": author.device},
    }
