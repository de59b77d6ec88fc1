"""How far the devices of all books are, by books, devices and users alone; no contact is looked at."""

from __future__ import annotations

from sqlalchemy import and_, case, func, select

from models import Book, Device, User
from storage.engines.database import Database
from storage.repositories.accounts.devices import LET_IN
from storage.values.databases import DeviceLag


def lag_of(database: Database, now_us: int) -> DeviceLag:
    """How far the devices of all books are behind, at this time."""
    is_let_in = and_(Device.revoked_at.is_(None), *LET_IN)
    is_behind = and_(is_let_in, Device.cursor_seq < Book.seq)
    # Before its first pull, a device had all there was when it was added: nothing.
    knew = case((Device.cursor_seq > Device.created_at, Device.cursor_seq), else_=Device.created_at)
    let_in = select(func.count()).join_from(Device, User, Device.user_id == User.id)
    late = let_in.add_columns(func.min(knew)).join(Book, Device.book_id == Book.id)
    with database.read() as connection:
        devices = connection.execute(let_in.where(is_let_in)).scalar_one()
        behind, oldest = connection.execute(late.where(is_behind)).one()
    return DeviceLag(devices, behind, max(0, now_us - oldest) / 1e6 if behind else 0.0)
