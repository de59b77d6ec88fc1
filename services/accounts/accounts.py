"""Who may come in: users by their passwords, devices by their tokens, browsers by their sessions.

Passwords are hashed here, and kept as hashes only. Nothing that leaves here carries one, and nothing here logs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from offbook.core.accounts.users import UserAction, require_access
from offbook.core.errors import NotFound
from services.accounts.passwords import Effort, Passwords
from storage import messages
from storage.engines.database import Database
from storage.errors import WrongPassword
from storage.failures import not_written
from storage.repositories.accounts.devices import Devices
from storage.repositories.accounts.login_throttle import Admission, LoginThrottle
from storage.repositories.accounts.sessions import Lifetime
from storage.repositories.accounts.sign_ins import SignIns
from storage.repositories.accounts.user_names import comparable, validate_name
from storage.repositories.accounts.user_rights import UserRights
from storage.repositories.accounts.users import Users
from storage.values.accounts import Account, DeviceLogin


def no_browser(_: int) -> str:
    """Nobody was signed in before with what asks."""
    return ""


class Accounts(Users, Devices, SignIns):
    """Users, books, devices and sessions: all about who asks, nothing about contacts."""

    def __init__(self, database: Database, effort: Effort | None = None, lifetime: Lifetime | None = None) -> None:
        SignIns.__init__(self, database, lifetime)
        self._passwords = Passwords(effort or Effort())
        self._throttle = LoginThrottle(database)

    def add_user(self, name: str, password: str, admin: bool, now_us: int, new_id: Callable[[], str]) -> Account:
        """A new user with a book of their own; raises Invalid where the name or the password can't be."""
        name = validate_name(name)
        return self.insert_user(name, self._passwords.hash(password, name), admin, now_us, new_id)

    def set_up(self, token: str, name: str, password: str, now_us: int, new_id: Callable[[], str]) -> Account:
        """The first user, an admin, by the token of the set-up link, which is closed. Raises NotFound and Invalid."""
        name = validate_name(name)
        return self.insert_first_user(token, name, self._passwords.hash(password, name), now_us, new_id)

    def check_password(
        self, name: str, password: str, address: str, now_us: int, browser_of: Callable[[int], str] = no_browser
    ) -> Account:
        """The user whose name and password these are.

        Raises WrongPassword, or Throttled after too many of them, or NotLetIn where the user is disabled or removed.
        ``browser_of`` names the browser that asks, where the user with this number was signed in with it before: what
        others tried keeps it out no more.
        """
        return self._checked(self._throttle.admit(name, address, browser_of, now_us), password)

    def change_password(self, user_id: int, old: str, new: str, now_us: int) -> Account:
        """Give a signed-in user a new password; raises WrongPassword, Throttled or Invalid.

        Wrong ones count for this user alone, and at no door: strangers neither see nor use up what is left here.
        """
        self._checked(self._throttle.admit_user(user_id, now_us), old)
        return self.set_password(user_id, new, now_us)

    def _checked(self, admission: Admission, password: str) -> Account:
        """The user at whom the attempt is made, whose password this is."""
        guest, named = admission
        if not self._passwords.matches(named and named.password_hash, password) or named is None:
            raise WrongPassword
        self._throttle.forgive(guest)
        if self._passwords.is_outdated(named.password_hash):
            with suppress(*not_written()):  # the next sign-in renews it
                self.replace_password(named.id, self._passwords.renewed(password), None)
        user = self.user(named.id)
        if user is None:
            raise WrongPassword
        require_access(user.rights)
        return user

    def device_of_user(self, name: str, token: str) -> DeviceLogin | None:
        """Who shows this token as a device of the user ``name``, however that is spelled; None as ``device_by_token``,
        and where the device is another user's. Raises NotLetIn."""
        login = self.device_by_token(token)
        return login if login and comparable(login.user_name) == comparable(name) else None

    def set_password(self, user_id: int, password: str, now_us: int) -> Account:
        """Give a user a new password; raises Invalid. All sessions end: the caller opens a new one."""
        user = self.user(user_id)
        changed = self.replace_password(user_id, self._passwords.hash(password, user.name if user else ""), now_us)
        self.notify_ended()
        return changed


def get_user(accounts: Accounts, user_id: int) -> Account:
    """The user with this id. Raises NotFound."""
    user = accounts.user(user_id)
    if user is None:
        raise NotFound.of(messages.NO_USER)
    return user


def act_on_user(
    accounts: Accounts, user_rights: UserRights, user_id: int, acts: Sequence[UserAction], now_us: int
) -> Account:
    """Do all of this to the user, or nothing; the user as these acts left it. Raises NotFound, and Conflicting."""
    user = get_user(accounts, user_id)
    rights = user_rights.act(user_id, now_us, *acts)
    return replace(user, admin=rights.admin, disabled_at=rights.disabled_at, removed_at=rights.removed_at)
