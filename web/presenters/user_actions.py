"""What admins do to users, in words: what is asked before it is done, and what is said when it is done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from offbook.core.accounts.users import REMOVED_DAYS, UserAction

OUT_AT_ONCE = (
    "They are signed out of every browser at once, and their devices are not let in any more. The devices keep what "
    "they have and what is typed on them."
)


@dataclass(frozen=True, slots=True)
class Question:
    """``title`` and ``button`` name the user as ``{name}``."""

    title: str
    consequences: tuple[str, ...]
    button: str
    is_harmful: bool = False


QUESTIONS: Mapping[UserAction, Question] = {
    UserAction.DISABLE: Question(
        "Disable {name}?",
        (OUT_AT_ONCE, "Nothing is deleted. Enable them again at any time, and their devices sync on by themselves."),
        "Disable {name}",
        is_harmful=True,
    ),
    UserAction.ENABLE: Question(
        "Enable {name}?",
        ("They can sign in again, and their devices sync on, with all that was typed on them meanwhile.",),
        "Enable {name}",
    ),
    UserAction.REMOVE: Question(
        "Remove {name}?",
        (
            OUT_AT_ONCE,
            f"Their book goes to the trash with all that is in it. For {REMOVED_DAYS} days they can be restored on the "
            "People page, and the name stays taken. Then user and book are deleted for good. Other people’s books are "
            "not touched.",
        ),
        "Remove {name}",
        is_harmful=True,
    ),
    UserAction.RESTORE: Question(
        "Restore {name}?",
        ("They come back with their book and their devices, as they were when they were removed.",),
        "Restore {name}",
    ),
    UserAction.MAKE_ADMIN: Question(
        "Make {name} an admin?",
        (
            "Admins add, disable and remove people, and decide who is an admin: you too can lose that right by them. "
            "They do not see other people’s contacts.",
        ),
        "Make {name} an admin",
    ),
    UserAction.END_ADMIN: Question(
        "Revoke {name}’s admin rights?",
        ("They stay signed in and keep their book. They do not see the People page any more.",),
        "Revoke admin rights",
        is_harmful=True,
    ),
}
