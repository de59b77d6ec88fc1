"""References that lead nowhere: nothing keeps them from it, so that somebody may want to know how many there are."""

from __future__ import annotations

from offbook.database.connection import Connection, reading
from offbook.database.ddl.reference_triggers import references_of


def count_dangling(connection: Connection) -> dict[str, int]:
    """How many references lead to no record on this device, by their columns in the file: ``notes.notebook``.

    Columns of which all lead somewhere are left out. What a reference names may be deleted, or not be here yet.
    """
    counts: dict[str, int] = {}
    with reading(connection):
        for table in connection.schema.values():
            for rows, field in references_of(table):
                if field.target in connection.schema:
                    sql = (
                        f'SELECT count(*) FROM "{rows}" AS referring WHERE "{field.name}" IS NOT NULL'
                        f' AND NOT EXISTS (SELECT 1 FROM "{field.target}" WHERE id = referring."{field.name}")'
                    )
                    (counts[f"{rows}.{field.name}"],) = connection.execute(sql).fetchone()
    return {column: count for column, count in counts.items() if count}
