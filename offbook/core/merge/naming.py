"""Records that entries of another table name: by the text of their key, and not by an id (schema.Naming).

What is named is there, in every book and after every change: a name that no record has adds one. A record that was
deleted or renamed while somebody else went on naming it comes back, and of two that came to have one name the older
stays: nobody who names it has to be changed for that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple
from uuid import UUID, uuid5

from offbook.core.cells.validation import Json
from offbook.core.errors import Invalid
from offbook.core.merge.following import following_change
from offbook.core.messages import NAMES_NOTHING
from offbook.core.model import Change, Key, Operation, Record
from offbook.core.schema import EXISTS, Map, Naming, NamingMap, Table, entry_of, record_id_of_key
from offbook.core.text import fold_key, with_article

Names = dict[str, str]
"""Texts by what they are compared as (fold_key)."""


def name_key(naming: Naming, text: object) -> str:
    """What a text is compared as; empty where it names nothing."""
    key = fold_key(text) if isinstance(text, str) and len(text) <= naming.length_max else ""
    return "" if key in naming.not_names else key


def check_name(place: NamingMap, text: str) -> None:
    """Raises Invalid for a text by which no record of the target could be named."""
    if not name_key(place.naming, text):
        noun = with_article(place.target.singular)
        raise Invalid.of(NAMES_NOTHING, field=place.target.key, noun=noun, value=text[:80])


def begun_id(record_id: str, text: str) -> str:
    """The id of the record that has a new name while this one is being renamed, where that takes several transactions.

    It follows from both, so that whoever asks for the same again, here or elsewhere, knows it for its own.
    """
    return str(uuid5(UUID(record_id), fold_key(text)))


def names_in(record: Record | None, map_: Map) -> Names:
    """What the entries of a record name; nothing where it is deleted."""
    naming = map_.naming
    if naming is None or record is None or record.deleted or naming.of not in record.cells.values():
        return {}
    return names_of(naming, map(str.strip, _named_texts(record, map_, naming)))


def names_of(naming: Naming, texts: Iterable[str]) -> Names:
    """What these texts name; of several that are compared as one the first is taken."""
    names: Names = {}
    for text in texts:
        if key := name_key(naming, text):
            names.setdefault(key, text)
    return names


def _named_texts(record: Record, map_: Map, naming: Naming) -> Iterator[str]:
    cell = next(cell for cell, names in map_.names_in.items() if naming.attribute in names)
    place = [part.name for part in map_.cells[cell]].index(naming.attribute)
    prefix, suffix = f"{map_.name}/", f"/{naming.kind}"
    for name, kind in record.cells.items():
        if kind == naming.of and name.endswith(suffix) and name.startswith(prefix):
            entry = entry_of(name)
            value = record.cells.get(entry + cell)
            text = value[place] if isinstance(value, tuple) else value
            if isinstance(text, str) and record.cells.get(entry + EXISTS):
                yield text


def key_of(record: Record | None) -> str:
    """The key of a record of a table that has one, as it is compared; empty where the record is deleted."""
    if record is None or record.deleted:
        return ""
    return fold_key(str(record.cells.get(record.table.key) or ""))


# --- entries as a device, or a page, has them -----------------------------------------------------------------------

Entries = Mapping[str, Mapping[str, Json]]


def names_in_entries(naming: Naming, entries: Entries) -> Names:
    """What these entries name."""
    texts = [entry.get(naming.attribute) for entry in entries.values() if entry.get(naming.kind) == naming.of]
    return names_of(naming, sorted(text.strip() for text in texts if isinstance(text, str)))


def entries_naming(naming: Naming, entries: Entries, key: str) -> list[str]:
    """The keys of those of a record's entries that name what is compared as ``key``."""
    return [
        name
        for name, entry in entries.items()
        if entry.get(naming.kind) == naming.of and name_key(naming, entry.get(naming.attribute)) == key
    ]


def renamed_entries(naming: Naming, entries: Entries, key: str, text: str | None) -> dict[str, Json]:
    """What a change writes to a record's entries so that they name ``text`` in the place of ``key``: each at most once.

    None names nothing: the entries go.
    """
    naming_old = entries_naming(naming, entries, key)
    if text is None:
        return dict.fromkeys(naming_old)
    new = name_key(naming, text)
    has_other = any(name not in naming_old for name in entries_naming(naming, entries, new))
    kept = [] if has_other else naming_old[:1]
    changed: dict[str, Json] = {
        name: {**entries[name], naming.attribute: text} for name in kept if entries[name].get(naming.attribute) != text
    }
    return {**changed, **{name: None for name in naming_old if name not in kept}}


# --- what follows from changes --------------------------------------------------------------------------------------


class NamedText(NamedTuple):
    """A name as it is written, and the change that is the cause of its being looked at."""

    text: str
    cause: Change


class NamingChanges(NamedTuple):
    """What changes did to names, by what these are compared as: those that entries began to have, those that records of
    the target lost, and those that such records took, with the change that did it."""

    begun: dict[str, NamedText]
    lost: dict[str, NamedText]
    taken: dict[str, Change]


def naming_changes(
    place: NamingMap, before: Mapping[Key, Record], after: Mapping[Key, Record], changes: Iterable[Change]
) -> NamingChanges:
    """What these changes did, which made the records ``after`` of those ``before``."""
    done = NamingChanges({}, {}, {})
    for key, change in {change.key: change for change in changes}.items():
        old, new = before.get(key), after.get(key)
        if key[0] == place.table.name:
            names = names_in(new, place.map)
            known = names_in(old, place.map) if names else {}
            done.begun.update((name, NamedText(names[name], change)) for name in names.keys() - known)
        elif key[0] == place.target.name and (had := key_of(old)) != (has := key_of(new)):
            if had and old is not None:
                done.lost[had] = NamedText(str(old.cells[place.target.key]), change)
            if has:
                done.taken[has] = change
    return done


def adding_change(target: Table, named: NamedText, records: Mapping[Key, Record]) -> Change:
    """The change that adds the record that is named: the same that any device would add, or one of an id of its own
    where that one has been renamed since. ``records`` has the former, where it exists.
    """
    text, cause = named
    record_id = record_id_of_key(target, text)
    existing = records.get((target.name, record_id))
    id_ = str(uuid5(UUID(cause.id), f"{target.name}/{fold_key(text)}"))
    if existing is not None and not existing.deleted:
        record_id, existing = id_, None
    return Change(
        id=id_,
        table=target,
        record_id=record_id,
        operation=Operation.INSERT,
        replica=cause.replica,
        timestamp=cause.timestamp,
        base=0 if existing is None else existing.seq,
        cells={target.key: text},
        batch=cause.batch,
    )


def surplus(records: Collection[Record]) -> list[Record]:
    """Those of some records of one key that are to go: all but the oldest."""
    return sorted(records, key=lambda record: (record.created.seq, record.id))[1:]


def removing_change(record: Record, cause: Change) -> Change:
    """The change that deletes a record whose key another one has."""
    return following_change(cause, record, Operation.DELETE, {}, "surplus")
