"""The tables of imports, which models.py gathers: an import that goes on, and what columns of files are."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from columns import Base, BookId, Hash, Long, UserId, Uuid


class ImportJobRow(Base):
    """An import of a person that goes on beside requests, or the last one. ``batch`` is what its changes share.

    ``seen_at`` is when the process that carries it out (``runner``) was last heard of; ``choices`` and ``report`` are
    JSON.
    """

    __tablename__ = "import_jobs"

    user_id: Mapped[UserId] = mapped_column(primary_key=True, autoincrement=False)
    book_id: Mapped[BookId] = mapped_column(primary_key=True, autoincrement=False, index=True)
    batch: Mapped[Uuid]
    digest: Mapped[Hash]
    file_name: Mapped[str] = mapped_column(String(255))
    choices: Mapped[Long]
    started_at: Mapped[int]
    runner: Mapped[Uuid]
    seen_at: Mapped[int]
    state: Mapped[str] = mapped_column(String(20))
    done: Mapped[int]
    total: Mapped[int]
    report: Mapped[Long | None]
    problem: Mapped[str] = mapped_column(String(500))


class CsvMapping(Base):
    """What the columns of a CSV are (JSON), as somebody of the book said; ``header`` is a hash of its header line."""

    __tablename__ = "csv_mappings"

    book_id: Mapped[BookId] = mapped_column(primary_key=True, autoincrement=False)
    header: Mapped[str] = mapped_column(String(32), primary_key=True)
    mapping: Mapped[Long]
    used_at: Mapped[int]
