"""What the server's tables are made of: their root, and types of columns that each database has in its own way.

Their lengths suit MariaDB's and PostgreSQL's limits.
"""

from __future__ import annotations

from typing import Annotated

from sqlalchemy import BigInteger, ForeignKey, Integer, LargeBinary, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name, since a migration can change only what it can name."""


class MediumText(Text):
    """MariaDB's own, by its name in that dialect, which takes long to load and which few servers need."""

    __visit_name__ = "MEDIUMTEXT"


class MediumBlob(LargeBinary):
    """The same for bytes."""

    __visit_name__ = "MEDIUMBLOB"


LONG_TEXT = Text().with_variant(MediumText(), "mysql", "mariadb")
"""MariaDB's TEXT ends at 64 KB, which notes of 20,000 characters can exceed."""

BYTES = LargeBinary().with_variant(MediumBlob(), "mysql", "mariadb")
"""MariaDB's BLOB ends at 64 KB."""

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts up only a key that is called INTEGER."""

ENTRY_TEXT = LONG_TEXT.with_variant(String(2000), "sqlite")
"""SQLite takes any length in a column of any: there the column is as it always was, and no table was made anew."""

Number = Annotated[int, mapped_column(NUMBER, primary_key=True, autoincrement=True)]
BookId = Annotated[int, mapped_column(ForeignKey("books.id"))]
UserId = Annotated[int, mapped_column(ForeignKey("users.id"))]
Uuid = Annotated[str, mapped_column(String(36))]
Long = Annotated[str, mapped_column(LONG_TEXT)]
Hash = Annotated[str, mapped_column(String(64))]
Bytes = Annotated[bytes, mapped_column(BYTES)]


class Base(DeclarativeBase):
    """The root of all models. Its metadata is what Flask-Migrate compares with the database."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {int: BigInteger()}
