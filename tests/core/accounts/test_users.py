"""What an admin may do to a user, and to whom: every act on every kind of user, and the last admin, who must stay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offbook.core.accounts.users import (
    REMOVED_DAYS,
    Access,
    Rights,
    UserAction,
    describe_act,
    kept_until,
    removed_before,
    require_access,
    rights_after,
)
from offbook.core.errors import Conflicting, Invalid, NotLetIn
from offbook.core.merge.retention import DAY_US

NOW = 1_795_021_600_000_000
BEFORE = NOW - DAY_US

MEMBER = Rights(admin=False)
ADMIN = Rights(admin=True)
DISABLED = Rights(admin=False, disabled_at=BEFORE)
REMOVED = Rights(admin=False, removed_at=BEFORE)
PURGED = replace(REMOVED, is_purging=True)
EVERYONE = {"member": MEMBER, "admin": ADMIN, "disabled": DISABLED, "removed": REMOVED, "purged": PURGED}

AFTER: dict[tuple[str, UserAction], Rights | str] = {
    ("member", UserAction.DISABLE): Rights(admin=False, disabled_at=NOW),
    ("member", UserAction.ENABLE): MEMBER,
    ("member", UserAction.REMOVE): Rights(admin=False, removed_at=NOW),
    ("member", UserAction.RESTORE): MEMBER,
    ("member", UserAction.MAKE_ADMIN): ADMIN,
    ("member", UserAction.END_ADMIN): MEMBER,
    ("admin", UserAction.DISABLE): Rights(admin=True, disabled_at=NOW),
    ("admin", UserAction.ENABLE): ADMIN,
    ("admin", UserAction.REMOVE): Rights(admin=True, removed_at=NOW),
    ("admin", UserAction.RESTORE): ADMIN,
    ("admin", UserAction.MAKE_ADMIN): ADMIN,
    ("admin", UserAction.END_ADMIN): MEMBER,
    ("disabled", UserAction.DISABLE): DISABLED,
    ("disabled", UserAction.ENABLE): MEMBER,
    ("disabled", UserAction.REMOVE): replace(DISABLED, removed_at=NOW),
    ("disabled", UserAction.RESTORE): DISABLED,
    ("disabled", UserAction.MAKE_ADMIN): replace(DISABLED, admin=True),
    ("disabled", UserAction.END_ADMIN): DISABLED,
    ("removed", UserAction.DISABLE): "in_trash",
    ("removed", UserAction.ENABLE): "in_trash",
    ("removed", UserAction.REMOVE): REMOVED,
    ("removed", UserAction.RESTORE): MEMBER,
    ("removed", UserAction.MAKE_ADMIN): "in_trash",
    ("removed", UserAction.END_ADMIN): "in_trash",
    ("purged", UserAction.DISABLE): "in_trash",
    ("purged", UserAction.ENABLE): "in_trash",
    ("purged", UserAction.REMOVE): PURGED,
    ("purged", UserAction.RESTORE): "purged",
    ("purged", UserAction.MAKE_ADMIN): "in_trash",
    ("purged", UserAction.END_ADMIN): "in_trash",
}


@pytest.mark.parametrize("who", EVERYONE)
@pytest.mark.parametrize("act", UserAction)
def test_every_act_on_every_user(who: str, act: UserAction) -> None:
    expected = AFTER[who, act]
    if isinstance(expected, Rights):
        assert rights_after("eve", EVERYONE[who], act, NOW, has_other_admin=True) == expected
    else:
        with pytest.raises(Conflicting) as refused:
            rights_after("eve", EVERYONE[who], act, NOW, has_other_admin=True)
        assert refused.value.code == expected
        assert "eve" in str(refused.value)


@pytest.mark.parametrize("act", [UserAction.DISABLE, UserAction.REMOVE, UserAction.END_ADMIN])
def test_the_last_admin_stays(act: UserAction) -> None:
    with pytest.raises(Conflicting) as refused:
        rights_after("eve", ADMIN, act, NOW, has_other_admin=False)
    assert refused.value.code == "last_admin"


@pytest.mark.parametrize("act", [UserAction.ENABLE, UserAction.RESTORE, UserAction.MAKE_ADMIN])
def test_what_takes_nothing_from_the_last_admin_is_done(act: UserAction) -> None:
    assert rights_after("eve", ADMIN, act, NOW, has_other_admin=False) == ADMIN


@pytest.mark.parametrize("rights", [MEMBER, replace(ADMIN, disabled_at=BEFORE)])
@pytest.mark.parametrize("act", [UserAction.DISABLE, UserAction.REMOVE, UserAction.END_ADMIN])
def test_whoever_leads_nobody_may_go_though_there_is_no_admin(rights: Rights, act: UserAction) -> None:
    assert not rights_after("eve", rights, act, NOW, has_other_admin=False).is_active_admin


def test_a_restored_user_is_what_it_was() -> None:
    for rights in (MEMBER, ADMIN, DISABLED):
        removed = rights_after("eve", rights, UserAction.REMOVE, NOW, has_other_admin=True)
        assert removed.access is Access.REMOVED
        assert rights_after("eve", removed, UserAction.RESTORE, NOW, has_other_admin=True) == rights


@pytest.mark.parametrize(
    ("rights", "code"), [(DISABLED, "user_disabled"), (REMOVED, "user_removed"), (PURGED, "user_removed")]
)
def test_whoever_is_kept_out_is_told_why_and_that_nothing_is_lost(rights: Rights, code: str) -> None:
    with pytest.raises(NotLetIn) as refused:
        require_access(rights)
    assert refused.value.code == code
    assert "keep what they have" in str(refused.value)


@pytest.mark.parametrize("rights", [MEMBER, ADMIN])
def test_whoever_is_active_comes_in(rights: Rights) -> None:
    require_access(rights)


def test_a_removed_user_is_kept_for_thirty_days() -> None:
    assert kept_until(BEFORE) == BEFORE + REMOVED_DAYS * DAY_US
    assert REMOVED_DAYS == 30
    assert removed_before(kept_until(BEFORE), REMOVED_DAYS) == BEFORE


def test_days_before_which_nobody_was_removed_make_no_sense() -> None:
    assert removed_before(NOW, 0) == NOW
    with pytest.raises(Invalid, match="counted back"):
        removed_before(NOW, -1)


@pytest.mark.parametrize(
    ("act", "rights", "words"),
    [
        (UserAction.DISABLE, DISABLED, "is disabled"),
        (UserAction.ENABLE, MEMBER, "can sign in again"),
        (UserAction.REMOVE, REMOVED, "can be restored until 17 December 2026"),
        (UserAction.RESTORE, MEMBER, "is back, with the book and all devices."),
        (UserAction.RESTORE, DISABLED, "is back, with the book and all devices, and still disabled."),
        (UserAction.MAKE_ADMIN, ADMIN, "is an admin now"),
        (UserAction.END_ADMIN, MEMBER, "is no admin any more"),
    ],
)
def test_what_became_of_a_user_is_a_sentence(act: UserAction, rights: Rights, words: str) -> None:
    assert describe_act("eve", act, rights).startswith("eve is ") or act is UserAction.ENABLE
    assert words in describe_act("eve", act, rights)
