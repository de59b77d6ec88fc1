"""The labels that a device knows, for an import that brings some."""

from __future__ import annotations

from offbook.contacts.table import LABELS
from offbook.database.connection import Connection
from offbook.database.records import record_table

KNOWN = """SELECT record_id FROM server_rows WHERE table_name = 'labels'
  UNION SELECT record_id FROM change_log WHERE table_name = 'labels'"""


def known_labels(connection: Connection) -> tuple[set[str], list[str]]:
    """The ids of the labels that are or were here, and what those are called that are."""
    if connection.schema.get(LABELS.name) is None:
        return set(), []
    ids = {record_id for (record_id,) in connection.execute(KNOWN)}
    records = record_table(LABELS).columns(connection, [LABELS.key], {})
    return ids | {str(record["id"]) for record in records}, [str(record[LABELS.key]) for record in records]
