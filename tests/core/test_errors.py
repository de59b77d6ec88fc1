"""Errors: one root, a code for programs, a sentence for people."""

from __future__ import annotations

import pytest

from offbook.core import errors
from offbook.core.errors import (
    CursorGone,
    Invalid,
    Malformed,
    NotAuthorized,
    NotOffbook,
    OffbookError,
    Refused,
    Stopped,
    SyncError,
)
from offbook.core.messages import BAD_CURSOR, EMPTY_BODY, TOO_LONG, TOO_MANY_CHANGES, Message

TREE = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, OffbookError)]


@pytest.mark.parametrize("error", TREE, ids=lambda error: error.__name__)
def test_every_error_is_drawn_in_the_tree(error: type[OffbookError]) -> None:
    assert errors.__doc__ is not None
    assert error.__name__ in errors.__doc__


def test_a_gone_cursor_says_why_and_what_to_do() -> None:
    gone = CursorGone("pruned", 12, "book")
    assert (gone.code, gone.reason, gone.kept, gone.book) == ("cursor_gone", "pruned", 12, "book")
    assert "pruned" in str(gone)
    assert "snapshot" in str(gone)


def test_a_stopped_sync_knows_when_the_server_wants_to_be_asked_again() -> None:
    assert SyncError("Busy.").retry_after_seconds is None
    assert NotAuthorized("No.", 30.0).retry_after_seconds == 30.0


def test_a_sync_that_was_told_to_stop_says_so() -> None:
    assert (Stopped().code, str(Stopped())) == ("stopped", "The sync was told to stop.")


def test_a_refusal_knows_its_status() -> None:
    assert (Refused("Too large.", 413).status, Refused("Too large.", 413).code) == (413, "refused")


def test_an_answer_of_somebody_else_knows_its_status_and_when_to_ask_again() -> None:
    answer = NotOffbook("This is a proxy's.", 502, 30.0)
    assert (answer.code, answer.status, answer.retry_after_seconds) == ("not_offbook", 502, 30.0)


def test_an_error_says_its_message_and_keeps_the_arguments() -> None:
    error = Invalid.of(TOO_LONG, field="details/k1/label", length=101, limit=100)
    assert (error.code, str(error)) == ("too_long", "details/k1/label has 101 characters, and 100 is the most.")
    assert (error.field, error.reason) == ("details/k1/label", "has 101 characters, and 100 is the most.")
    assert error.fault.arguments["limit"] == 100


def test_an_error_with_a_sentence_of_its_own_is_about_no_field() -> None:
    error = Invalid.of(Message("too_old", "Choose a day in {braces}."))
    assert (error.field, error.reason) == ("", str(error))


def test_what_is_malformed_has_the_status_of_its_code() -> None:
    assert Malformed.of(TOO_MANY_CHANGES, limit=1).status == 413
    assert (Malformed.of(BAD_CURSOR).status, Malformed.of(Message("cut_off", "No.")).status) == (400, 400)


def test_each_fault_brings_its_own_code() -> None:
    assert (Malformed.of(EMPTY_BODY).code, Invalid.of(TOO_LONG).code) == ("empty", "too_long")
