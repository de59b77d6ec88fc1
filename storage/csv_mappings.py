"""What the columns of CSVs are, as people of a book said when they imported one, by the header lines of the files.

Each statement names the book: what another book remembers is not there.
"""

from __future__ import annotations

from sqlalchemy import delete, select

from models import Base
from storage.engines.database import Database

MAPPINGS = Base.metadata.tables["csv_mappings"]
M = MAPPINGS.c


class CsvMappings:
    """The mappings of a database, as texts. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, book_id: int, header: str) -> str | None:
        """What was kept for files of this header, which is named by its key; None where nothing was."""
        query = select(M.mapping).where(M.book_id == book_id, M.header == header)
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def put(self, book_id: int, header: str, mapping: str, now_us: int, most: int) -> None:
        """Keep a mapping in the place of the one before; of more than ``most``, those that were used last."""
        row = {"book_id": book_id, "header": header, "mapping": mapping, "used_at": now_us}
        headers = select(M.header).where(M.book_id == book_id).order_by(M.used_at.desc(), M.header)
        with self._database.write() as connection:
            connection.execute(self._database.upsert(MAPPINGS, [*M.keys()]), row)
            if old := sorted(connection.execute(headers).scalars().all()[most:]):
                connection.execute(delete(MAPPINGS).where(M.book_id == book_id, M.header.in_(old)))

    def remove(self, book_id: int, header: str) -> None:
        """Forget what was kept for files of this header."""
        if self.get(book_id, header) is not None:
            with self._database.write() as connection:
                connection.execute(delete(MAPPINGS).where(M.book_id == book_id, M.header == header))
