"""What admins see of users, and do to them."""

from __future__ import annotations

from offbook.core.errors import NotFound
from offbook.core.users import Act
from services.accounts import Accounts
from storage.repositories.user_rights import UserRights
from storage.values import Account


def get_user(accounts: Accounts, user_id: int) -> Account:
    """The user with this id. Raises NotFound."""
    user = accounts.user(user_id)
    if user is None:
        raise NotFound("There is no user with this id.")
    return user


def act_on_user(accounts: Accounts, people: UserRights, user_id: int, acts: list[Act], now_us: int) -> Account:
    """Do all of this to the user, or nothing; the user as it is then. Raises NotFound, and Conflicting."""
    people.act(user_id, now_us, *acts)
    return get_user(accounts, user_id)
