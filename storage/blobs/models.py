"""The tables of photos, which models.py gathers: each with its bytes in pieces."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from columns import Base, BookId, Bytes, Hash


class Blob(Base):
    """Bytes that a book holds, by their hash: a photo. ``type`` is what it is to HTTP, ``size`` its bytes.

    ``created_at`` is when it was sent last: what nothing names is removed a day later.
    """

    __tablename__ = "blobs"

    book_id: Mapped[BookId] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[Hash] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(20))
    size: Mapped[int]
    created_at: Mapped[int]


class BlobChunk(Base):
    """One megabyte of a blob, the last one less. ``width``: 0 of the blob itself; else of a JPEG that pages show in its
    place, which is empty where the blob can't be decoded."""

    __tablename__ = "blob_chunks"
    __table_args__ = (ForeignKeyConstraint(["book_id", "sha256"], ["blobs.book_id", "blobs.sha256"]),)

    book_id: Mapped[BookId] = mapped_column(primary_key=True, autoincrement=False)
    sha256: Mapped[Hash] = mapped_column(primary_key=True)
    width: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[Bytes]
