"""The registry of codes, by scope and by status."""

from __future__ import annotations

from offbook.core.codes import CODES, Scope, names_by_status, names_in, reason_of
from offbook.core.messages import MISSING, TOO_LONG, recorded_fault


def test_a_scope_has_its_codes_in_order() -> None:
    assert names_in(Scope.SIGNED_IN) == ("not_authorized", "user_disabled", "user_removed")
    assert {"too_long", "unknown_table"} < set(names_in(Scope.RECORD | Scope.CHANGE))
    assert all(CODES[name].scope & Scope.RECORD for name in names_in(Scope.TYPED))


def test_a_scope_has_its_codes_by_status() -> None:
    assert names_by_status(Scope.SIGNED_IN) == {401: ("not_authorized",), 403: ("user_disabled", "user_removed")}
    assert names_by_status(Scope.TYPED) == {}


def test_a_reason_calls_a_record_as_its_table_does() -> None:
    assert reason_of("too_many_entries", "contact") == "a contact has too many details"
    assert reason_of("unknown_record", "event") == "its event is not there any more"
    assert (reason_of("backup", "event"), reason_of("of_a_later_version", "event")) == ("backup", "of_a_later_version")


def test_a_fault_that_was_stored_says_what_it_said() -> None:
    fault = TOO_LONG.fault(field="name", length=301, limit=300)
    stored = recorded_fault(fault.code, fault.detail)
    assert stored is not None
    assert (stored.code, stored.detail, stored.field) == (fault.code, fault.detail, "")
    assert recorded_fault(None, None) is None


def test_a_message_makes_the_sentence_of_its_fault() -> None:
    assert MISSING.sentence(field="name") == MISSING.fault(field="name").detail == "name is needed."
