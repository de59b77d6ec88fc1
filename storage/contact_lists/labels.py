"""Which contacts have which label, as a part of the statements of lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, false, select

from models import Base
from offbook.contacts.table import BUILT_IN
from offbook.core.merge.naming import name_key
from storage.contact_lists.orders import CONTACTS, C
from storage.sql import naming
from storage.sql.mapping.records import RecordMapping

DETAILS, LABELS = (Base.metadata.tables[name] for name in ("contact_details", "labels"))

(HAVING,) = BUILT_IN.naming_maps
"""Where it stands which labels a contact has."""

MAPPING = RecordMapping(HAVING.table, CONTACTS, {HAVING.map.name: DETAILS})

L = LABELS.c


def labels_of(book_id: int) -> Select[Any]:
    """The ids and names of a book's labels, by name."""
    query = select(L.id, L.name).where(L.book_id == book_id, L.deleted.is_(False), L.name.is_not(None))
    return query.order_by(L.sort_key, L.id)


def has_label(
    connection: Connection, book_id: int, label: str, texts: Iterable[str] | None, *, is_whole: bool = True
) -> ColumnElement[bool]:
    """That a contact has this label, in any of the spellings that are in use, which are among ``texts``.

    Where it is not the ``is_whole`` name, that it has one that begins so.
    """
    key = name_key(HAVING.naming, label)
    if texts is None:
        texts = naming.named_texts(connection, book_id, MAPPING, HAVING) if key else ()
    keys = [(text, name_key(HAVING.naming, text)) for text in texts if key]
    spellings = [text for text, other in keys if other == key or (not is_whole and other.startswith(key))]
    return C.id.in_(naming.owners(book_id, MAPPING, HAVING, spellings)) if spellings else false()
