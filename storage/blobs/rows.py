"""The blobs of books in a database: bytes by their hash, in chunks, and what pages show in their place.

Each statement names the book: a hash that another book holds is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, func, select, update

from models import Base
from storage.blobs.folder import BlobFolder
from storage.blobs.unnamed import remove_unnamed
from storage.engines.database import Database
from storage.sql.array_params import in_array
from storage.values.blobs import BlobHead, KeptBlob

BLOBS, CHUNKS = (Base.metadata.tables[name] for name in ("blobs", "blob_chunks"))
B, C = BLOBS.c, CHUNKS.c

CHUNK_BYTES = 1024**2
ITSELF = 0
"""The width under which the blob itself is kept."""


class BlobRows:
    """The blobs of a database. Safe to share between threads."""

    def __init__(self, database: Database, folder: BlobFolder | None = None) -> None:
        """With a ``folder`` new bytes go there; those that the database holds already stay in it."""
        self._database = database
        self._folder = folder

    def head(self, book_id: int, sha256: str) -> BlobHead | None:
        """What is known of a blob; None where this book does not hold it."""
        with self._database.read() as connection:
            return _head(connection, book_id, sha256)

    def heads(self, book_id: int, after: str, most: int) -> list[BlobHead]:
        """Some blobs of a book, by their hashes in order: those behind ``after``."""
        query = select(B.sha256, B.type, B.size).where(B.book_id == book_id, B.sha256 > after)
        with self._database.read() as connection:
            return [BlobHead(*row) for row in connection.execute(query.order_by(B.sha256).limit(most))]

    def lacking(self, book_id: int, hashes: Collection[str]) -> set[str]:
        """Those of these blobs that this book does not hold."""
        query = select(B.sha256).where(B.book_id == book_id, in_array(B.sha256, "hashes"))
        with self._database.read() as connection:
            return set(hashes).difference(connection.scalars(query, {"hashes": sorted(hashes)}))

    def content(self, book_id: int, sha256: str, width: int = ITSELF) -> KeptBlob | None:
        """A blob with its bytes, or with those that are shown in this width (None: not made yet). None where this book
        does not hold it."""
        chunks = select(C.content).where(C.book_id == book_id, C.sha256 == sha256, C.width == width)
        with self._database.read() as connection:
            head = _head(connection, book_id, sha256)
            in_folder = self._folder.read(book_id, _file_name(sha256, width)) if head and self._folder else None
            if head and in_folder is not None:
                return KeptBlob(head, in_folder)
            parts = connection.execute(chunks.order_by(C.number)).scalars().all() if head else []
        return head and KeptBlob(head, b"".join(parts) if parts else None)

    def add(self, book_id: int, head: BlobHead, content: bytes, now_us: int, bytes_max: int) -> bool | None:
        """Keep a blob: whether it is new. None where the book would hold more than ``bytes_max``: nothing is kept then.

        One that is there already counts from now as new, to what removes those that nothing names.
        """
        if self._folder is not None and not self._write_ahead(self._folder, book_id, head, content, bytes_max):
            return None
        again = update(BLOBS).where(B.book_id == book_id, B.sha256 == head.sha256).values(created_at=now_us)
        with self._database.write() as connection:
            if connection.execute(again).rowcount:
                return False
            if _held_bytes(connection, book_id) + len(content) > bytes_max:
                return None
            row = {"book_id": book_id, "sha256": head.sha256, "type": head.type, "size": head.size}
            connection.execute(self._database.upsert(BLOBS, [*B.keys()]), row | {"created_at": now_us})
            if self._folder is None:
                self._write(connection, book_id, head.sha256, ITSELF, content)
        return True

    def _write_ahead(self, folder: BlobFolder, book_id: int, head: BlobHead, content: bytes, bytes_max: int) -> bool:
        """Write a blob's file before there is a row that names it, unless its bytes are there; False where the book has
        no room for it. It is written anew without a row, since one that nothing names is removed when it is old."""
        with self._database.read() as connection:
            is_known = _head(connection, book_id, head.sha256) is not None
            if not is_known and _held_bytes(connection, book_id) + len(content) > bytes_max:
                return False
        kept = self.content(book_id, head.sha256) if is_known else None
        if kept is None or kept.content is None:
            folder.write(book_id, _file_name(head.sha256, ITSELF), content)
        return True

    def remove_unnamed(self, book_id: int, before_us: int, dry_run: bool) -> int:
        """Remove what nothing names and was last sent before this time; how many those are."""
        return remove_unnamed(self._database, book_id, before_us, dry_run)

    def remove_old_files(self, now: float) -> None:
        """Remove the files of blobs that are gone, of every book, once they are a day old."""
        if self._folder is None:
            return
        for book_id in self._folder.books():
            with self._database.read() as connection:
                held = set(connection.scalars(select(B.sha256).where(B.book_id == book_id)))
            self._folder.remove_old(book_id, held, now)

    def without_bytes(self) -> int:
        """How many blobs have their bytes neither in the database nor in the folder."""
        chunks = select(C.sha256).where(C.book_id == B.book_id, C.sha256 == B.sha256, C.width == ITSELF)
        query = select(B.book_id, B.sha256).where(~chunks.exists())
        with self._database.read() as connection:
            elsewhere = connection.execute(query).all()
        folder = self._folder
        return sum(folder is None or not folder.has(book_id, sha256) for book_id, sha256 in elsewhere)

    def add_shown(self, book_id: int, sha256: str, shown: Mapping[int, bytes]) -> None:
        """Keep what is shown of a blob, by its width, unless the blob is gone by now."""
        with self._database.write() as connection:
            lock = select(B.sha256).where(B.book_id == book_id, B.sha256 == sha256).with_for_update()
            if connection.execute(lock).first() is not None:
                for width, content in shown.items():
                    if self._folder is None:
                        self._write(connection, book_id, sha256, width, content)
                    else:
                        self._folder.write(book_id, _file_name(sha256, width), content)

    def _write(self, connection: Connection, book_id: int, sha256: str, width: int, content: bytes) -> None:
        """A megabyte at a time: a packet of MariaDB has its limit. Another request may write the same just now."""
        statement = self._database.upsert(CHUNKS, [*C.keys()])
        for number, start in enumerate(range(0, max(1, len(content)), CHUNK_BYTES)):
            row = {"book_id": book_id, "sha256": sha256, "width": width, "number": number}
            connection.execute(statement, row | {"content": content[start : start + CHUNK_BYTES]})


def _file_name(sha256: str, width: int) -> str:
    return sha256 if width == ITSELF else f"{sha256}.{width}"


def _held_bytes(connection: Connection, book_id: int) -> int:
    query = select(func.coalesce(func.sum(B.size), 0)).where(B.book_id == book_id)
    return int(connection.execute(query).scalar_one())


def _head(connection: Connection, book_id: int, sha256: str) -> BlobHead | None:
    row = connection.execute(select(B.sha256, B.type, B.size).where(B.book_id == book_id, B.sha256 == sha256)).first()
    return row and BlobHead(*row)
