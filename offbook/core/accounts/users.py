"""Who may use a server: what an admin may do to a user, and what the user is after it.

A user is active, disabled or removed. Whoever is disabled or removed is not let in, and nothing of theirs is lost: the
book stays as it is. A removed user is in the trash for REMOVED_DAYS and can be restored as they were; then user and
book are purged, and once that has begun they can't be restored any more.

An admin counts while active. The last one of them stays, or nobody could let anybody in. Nothing here reads a clock:
the time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from offbook.core import messages
from offbook.core.errors import Conflicting, Invalid, NotLetIn
from offbook.core.formatting import format_date
from offbook.core.merge.retention import DAY_US

REMOVED_DAYS = 30


class Access(Enum):
    """Whether a user is let in, as the API names it."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REMOVED = "removed"


class UserAction(Enum):
    """What an admin does to a user."""

    DISABLE = "disable"
    ENABLE = "enable"
    REMOVE = "remove"
    RESTORE = "restore"
    MAKE_ADMIN = "promote"
    END_ADMIN = "demote"


@dataclass(frozen=True, slots=True)
class Rights:
    """What a user may do. ``disabled_at`` and ``removed_at`` are microseconds since 1970, None where it is not so.

    ``is_purging``: some of the book may be gone already.
    """

    admin: bool
    disabled_at: int | None = None
    removed_at: int | None = None
    is_purging: bool = False

    @property
    def access(self) -> Access:
        """Whether the user is let in: removed counts before disabled."""
        if self.removed_at is not None:
            return Access.REMOVED
        return Access.ACTIVE if self.disabled_at is None else Access.DISABLED

    @property
    def is_let_in(self) -> bool:
        """Whether the user is neither disabled nor removed."""
        return self.disabled_at is None and self.removed_at is None

    @property
    def is_active_admin(self) -> bool:
        """Whether the user is an admin who is let in."""
        return self.admin and self.is_let_in


def rights_after(name: str, rights: Rights, act: UserAction, now_us: int, has_other_admin: bool) -> Rights:
    """The rights after this act; the same where they are so already.

    ``has_other_admin``: whether somebody else is an active admin. Raises Conflicting where the user is the last one,
    or in the trash, where only REMOVE and RESTORE mean anything.
    """
    if rights.access is Access.REMOVED and act not in (UserAction.REMOVE, UserAction.RESTORE):
        raise Conflicting.of(messages.IN_TRASH, name=name)
    if rights.is_purging and act is UserAction.RESTORE:
        raise Conflicting.of(messages.PURGED, name=name)
    after = _after(rights, act, now_us)
    if rights.is_active_admin and not after.is_active_admin and not has_other_admin:
        raise Conflicting.of(messages.LAST_ADMIN, name=name)
    return after


def _after(rights: Rights, act: UserAction, now_us: int) -> Rights:
    match act:
        case UserAction.DISABLE:
            return rights if rights.disabled_at is not None else replace(rights, disabled_at=now_us)
        case UserAction.ENABLE:
            return replace(rights, disabled_at=None)
        case UserAction.REMOVE:
            return rights if rights.removed_at is not None else replace(rights, removed_at=now_us)
        case UserAction.RESTORE:
            return replace(rights, removed_at=None)
        case UserAction.MAKE_ADMIN:
            return replace(rights, admin=True)
        case UserAction.END_ADMIN:
            return replace(rights, admin=False)


def require_access(rights: Rights) -> None:
    """Raise NotLetIn, with a sentence for the user, where the user is disabled or removed."""
    match rights.access:
        case Access.ACTIVE:
            return
        case Access.DISABLED:
            raise NotLetIn.of(messages.USER_DISABLED)
        case Access.REMOVED if rights.is_purging:
            raise user_is_purged()
        case Access.REMOVED:
            raise NotLetIn.of(messages.USER_REMOVED)


def user_is_purged() -> NotLetIn:
    """The error for a user who is purged, or about to be."""
    return NotLetIn.of(messages.USER_PURGED)


def removed_before(now_us: int, days: int) -> int:
    """The time, in microseconds: whoever was removed up to it is purged. Raises Invalid for days that make no sense."""
    if days < 0:
        raise Invalid.of(messages.NEGATIVE_USER_DAYS)
    return now_us - days * DAY_US


def kept_until(removed_at: int) -> int:
    """Until when a user who was removed then can surely be restored."""
    return removed_at + REMOVED_DAYS * DAY_US


def describe_act(name: str, act: UserAction, rights: Rights) -> str:
    """What became of the user, whose rights are these after the act."""
    match act:
        case UserAction.DISABLE:
            return f"{name} is disabled: signed out everywhere, and not let in. Nothing is lost."
        case UserAction.ENABLE:
            return f"{name} can sign in again, and devices sync on."
        case UserAction.REMOVE:
            assert rights.removed_at is not None
            until = format_date(kept_until(rights.removed_at))
            return f"{name} is in the trash, with the book, and can be restored until {until}."
        case UserAction.RESTORE:
            still = ", and still disabled" if rights.access is Access.DISABLED else ""
            return f"{name} is back, with the book and all devices{still}."
        case UserAction.MAKE_ADMIN:
            return f"{name} is an admin now."
        case UserAction.END_ADMIN:
            return f"{name} is no admin any more."
