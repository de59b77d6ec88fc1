"""A new policy costs one function: nothing but POLICIES has to know it, from the settings page to the store."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pytest

import storage.repositories.accounts.users
import web.pages.settings
from app import App
from offbook.core import POLICIES
from offbook.core.merge import decide, policy_wording
from offbook.core.merge.policies import MergeContext, Resolution
from tests.cli.test_accounts import run
from tests.support.browser import signed_in
from tests.support.conflict_scenarios import pair


def first_write_wins(context: MergeContext) -> Mapping[str, Resolution]:
    """Whoever comes first stays.

    What comes later is in the history.
    """
    return dict.fromkeys(context.competing_cells, Resolution.DISCARD)


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (decide, policy_wording, storage.repositories.accounts.users, web.pages.settings):
        monkeypatch.setattr(module, "POLICIES", MappingProxyType({**POLICIES, "first-write-wins": first_write_wins}))


def test_a_made_up_policy_is_chosen_on_a_page_and_explains_itself(app: App) -> None:
    pair(app)
    ada = signed_in(app, "ada")
    page = ada.get("/settings").text
    assert "<span>First write wins</span><small>Whoever comes first stays.</small>" in page
    ada.post("/settings/policy", "/settings", policy="first-write-wins")
    assert 'value="first-write-wins" checked' in ada.get("/settings").text


def test_a_made_up_policy_is_chosen_by_command_and_decides_in_the_store(app: App) -> None:
    two = pair(app)
    assert run(app, "book", "policy", "ada", "first-write-wins").exit_code == 0
    contact = two.add(phone="0")
    two.meet(contact, {"phone": "1"}, {"phone": "2", "company": "Looms"})
    cells = two.record(contact[0]).cells
    assert (cells["phone"], cells["company"]) == ("1", "Looms")
    assert two.open() == []


def test_a_policy_that_is_not_there_is_refused_with_those_that_are(app: App) -> None:
    pair(app)
    refused = run(app, "book", "policy", "ada", "coin-toss")
    assert refused.exit_code == 1
    assert "A book's policy is one of: merge, last-write-wins, ask, first-write-wins." in refused.stderr


def test_the_settings_say_what_becomes_of_conflicts(app: App) -> None:
    two = pair(app)
    two.conflict(phone=("1", "2"))
    page = signed_in(app, "ada").get("/settings").text
    assert "wait in the inbox until someone chooses" in page
    assert "stays there, whatever you choose here" in page
