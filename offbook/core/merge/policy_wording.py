"""The policies of a book in words: the same on a device and on the server's pages.

A value loses by the rule of its book's policy, or by ``restore``, which nobody chooses. A policy without an entry here
is described by its function's docstring and its name, so that a new one needs no words to be complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import getdoc
from types import MappingProxyType
from typing import NamedTuple

from offbook.core.merge.decide import RESTORE
from offbook.core.merge.policies import POLICIES
from offbook.core.text import with_article


class PolicyWording(NamedTuple):
    """What is said of a policy, or of another rule by which a value loses. wording_of() fills in an empty reason, and
    ``{record}``."""

    summary: str
    """What it does with concurrent edits, in whole sentences; of a policy alone."""
    why_it_won: str = ""
    """The reason of a value that replaced one that its writer had not seen, as it follows a colon."""
    why_it_lost: str = ""
    """The reason of the value that was replaced, as it follows "lost to the edit from Laptop, "."""
    saving_a_deleted: str = "Saving brings it back."
    """What becomes of a form that is saved after somebody else deleted its record."""

    saving_a_changed: str = "Saving merges that with yours."
    """What becomes of a form that is saved after somebody else changed its record."""


WORDINGS: Mapping[str, PolicyWording] = MappingProxyType(
    {
        "merge": PolicyWording(
            "Different fields both survive; in the same field the later edit wins, and the earlier one is in the "
            "history. An edit beats a deletion. Nobody is asked.",
            "of two edits that had not seen each other, the later one shows",
            "which was later",
            saving_a_changed="Saving merges that with yours. Where you change the same field, yours is the later and "
            "shows, and theirs is in the history.",
        ),
        "last-write-wins": PolicyWording(
            "The later edit of {record} wins whole; the earlier one is in the history. Nobody is asked.",
            "in this book the later change counts as a whole",
            "which was later, and the later edit of {record} wins whole",
            saving_a_changed="What you save is the later edit and shows; what it replaces is in the history.",
        ),
        "ask": PolicyWording(
            "Different fields both survive. Where the same field was edited twice, or one side deleted what the other "
            "edited, what came first stands and both versions wait in the inbox until someone chooses. Nothing else "
            "waits.",
            saving_a_deleted="Save, and the inbox asks whether it comes back.",
            saving_a_changed="Both are kept; where you change the same field, theirs stays, and the inbox asks which "
            "of them stands.",
        ),
        RESTORE: PolicyWording("", "the server had been restored from a backup, and got it for the history"),
    }
)


def wording_of(rule: str, singular: str = "record") -> PolicyWording:
    """The words for a policy, or for the rule by which a value lost. There is no error: any name has some.

    ``singular`` is what people call a record of the table.
    """
    documentation = getdoc(POLICIES[rule]) if rule in POLICIES else ""
    words = WORDINGS.get(rule) or PolicyWording((documentation or "").partition("\n")[0])
    words = words._replace(
        why_it_won=words.why_it_won or f"that is the book's policy, “{rule}”",
        why_it_lost=words.why_it_lost or f"by the rule {rule}",
    )
    return PolicyWording(*(text.replace("{record}", with_article(singular)) for text in words))
