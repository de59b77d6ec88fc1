"""`flask book`: what it says of what was forgotten."""

from __future__ import annotations

import pytest

from cli.books import describe_purged
from offbook.core.merge.retention import PurgedRows


@pytest.mark.parametrize(
    ("purged", "dry_run", "words"),
    [
        (PurgedRows(), False, "nothing is old enough to be forgotten"),
        (PurgedRows(tombstones=1), False, "forgot 1 deletion"),
        (PurgedRows(emptied=2, entries=1), True, "would forget the values of 2 deleted records and 1 removed detail"),
        (PurgedRows(changes=1_200, conflicts=1), False, "forgot the text of 1,200 changes and 1 settled conflict"),
    ],
)
def test_what_was_forgotten_ends_a_sentence(purged: PurgedRows, dry_run: bool, words: str) -> None:
    assert describe_purged(purged, dry_run) == words
