"""What is named is there: behind each batch of changes, records that entries name by a text are added where they lack.

It is done in the transaction of the batch, by ordinary changes of whoever made it. So devices that do not know the
table, pages, imports and plain REST clients need not know anything of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from offbook.core.merge.batch import Plan
from offbook.core.merge.naming import (
    NamedText,
    NamingChanges,
    adding_change,
    key_of,
    name_key,
    naming_changes,
    removing_change,
    surplus,
)
from offbook.core.model import Change, Key, Record
from offbook.core.protocol.requests import CHANGES_MAX
from offbook.core.schema import NamingMap, Table, record_id_of_key
from offbook.core.text import fold_key
from storage.base import ReadTransaction


def following_changes(book: ReadTransaction, before: Mapping[Key, Record], plan: Plan) -> list[Change]:
    """What is to be changed since this plan was carried out, in the transaction in which it was.

    ``before`` are the records as they were before it.
    """
    changes = [logged.change for logged in plan.history if logged.change is not None]
    following: list[Change] = []
    for place in book.schema.naming_maps:
        if any(done := naming_changes(place, before, plan.records, changes)):
            following += [*_additions(book, place, done), *_removals(book, place, done)]
    return following


def _additions(book: ReadTransaction, place: NamingMap, done: NamingChanges) -> list[Change]:
    """The changes that add the records that are named and not there."""
    target, wanted = place.target, {**_still_named(book, place, done), **done.begun}
    if not wanted:
        return []
    ids = sorted({record_id_of_key(target, named.text) for named in wanted.values()})
    records: dict[Key, Record] = {}
    for start in range(0, len(ids), CHANGES_MAX):
        records |= book.records(target.name, ids[start : start + CHANGES_MAX])
    missing = wanted.keys() - {key_of(record) for record in records.values()}
    if missing:
        missing -= known_keys(book, target)
    return [adding_change(target, wanted[key], records) for key in sorted(missing)]


def _still_named(book: ReadTransaction, place: NamingMap, done: NamingChanges) -> dict[str, NamedText]:
    """What records of the target were called until now, and entries still name."""
    if not done.lost:
        return {}
    keys = {name_key(place.naming, text) for text in book.named_texts(place)}
    return {key: named for key, named in done.lost.items() if key in keys}


def _removals(book: ReadTransaction, place: NamingMap, done: NamingChanges) -> list[Change]:
    """The changes that delete records whose key an older one has."""
    if not done.taken:
        return []
    ids: dict[str, list[str]] = defaultdict(list)
    for record_id, text in book.key_texts(place.target.name).items():
        ids[fold_key(text)].append(record_id)
    several = [(change, ids[key]) for key, change in done.taken.items() if len(ids[key]) > 1]
    return [
        removing_change(record, change)
        for change, same in several
        for record in surplus(book.records(place.target.name, same).values())
    ]


def known_keys(book: ReadTransaction, target: Table) -> set[str]:
    """The keys that the records of a table have, as they are compared."""
    return {fold_key(text) for text in book.key_texts(target.name).values()}
