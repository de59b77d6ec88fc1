"""The tables of signing in, which models.py gathers: who is signed in, and what was tried at passwords."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, text, true
from sqlalchemy.orm import Mapped, mapped_column

from columns import Base, Number, Uuid


class SessionRow(Base):
    """Somebody who is, or was, signed in with one browser. Of what the cookie shows only a hash is kept: the id.

    ``way`` says how it was opened, ``browser`` what with, in words, ``address`` where it was used from last. It stays
    when it has ended (``ended_at``) for as long as a cookie could claim that nothing was stored of it yet.
    """

    __tablename__ = "sessions"

    id: Mapped[Uuid] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    way: Mapped[str] = mapped_column(String(40))
    opened_at: Mapped[int] = mapped_column(index=True)
    last_used_at: Mapped[int]
    browser: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(45))
    ended_at: Mapped[int | None]


class Attempt(Base):
    """A failed sign-in, by the name that was typed and by network: what the throttle counts.

    Where ``browser`` is set the attempt counts for a known browser alone, or for a signed-in person: that is the name
    then, and there is no address. Where ``tried`` is false nothing was tried yet: this network was asked to wait, and
    may try at this name once from ``at`` on.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        Index(None, "name", "at"),
        Index(None, "address", "name", "at"),
    )

    id: Mapped[Number]
    name: Mapped[str] = mapped_column(String(100))
    address: Mapped[str] = mapped_column(String(45))
    browser: Mapped[str] = mapped_column(String(40), default="", server_default=text("''"))
    tried: Mapped[bool] = mapped_column(default=True, server_default=true())
    at: Mapped[int]
