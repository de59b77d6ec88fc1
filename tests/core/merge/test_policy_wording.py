"""What is said of a policy (offbook/core/merge/policy_wording.py)."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from offbook.core import POLICIES
from offbook.core.merge import policy_wording
from offbook.core.merge.policy_wording import PolicyWording, wording_of


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_says_what_it_does(policy: str) -> None:
    assert wording_of(policy).summary.endswith(".")


def test_a_policy_calls_a_record_as_its_table_does() -> None:
    words = wording_of("last-write-wins", "event")
    assert words.summary.startswith("The later edit of an event wins whole; ")
    assert words.why_it_lost == "which was later, and the later edit of an event wins whole"
    assert wording_of("last-write-wins", "contact").summary == (
        "The later edit of a contact wins whole; the earlier one is in the history. Nobody is asked."
    )


def test_a_policy_without_words_explains_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_wording, "POLICIES", MappingProxyType({"mine": POLICIES["ask"]}))
    summary = "What is contested stays as it is, and waits for a person with both versions."
    assert wording_of("mine") == PolicyWording(summary, "that is the book's policy, “mine”", "by the rule mine")


def test_a_rule_of_a_later_version_has_its_name() -> None:
    assert wording_of("toss") == PolicyWording("", "that is the book's policy, “toss”", "by the rule toss")
