"""Lines of a list that was searched: with the words marked, and with the reason where a line does not show it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from offbook.contacts.search.matches import SHOWN, MatchReason, Pieces, match_pieces, reason, unexplained
from offbook.core.search import Term


class LineMatch(NamedTuple):
    """What a line shows of its texts, in pieces, and why it is there where none of them says so."""

    texts: Mapping[str, Pieces]
    reason: MatchReason | None


def line_matches(
    rows: Sequence[Any], terms: Sequence[Term], read: Callable[[Collection[str]], Mapping[str, Mapping[str, Any]]]
) -> Mapping[str, LineMatch]:
    """The matches of the lines of a list, by their contacts' ids.

    ``read`` gives all that contacts hold: it is called for those alone whose lines do not say why they are there.
    """
    left = {row.id: unexplained([getattr(row, name) for name in SHOWN], terms) for row in rows}
    contacts = read([row_id for row_id, missing in left.items() if missing]) if any(left.values()) else {}
    return {
        row.id: LineMatch(
            {name: match_pieces(text, terms) for name in SHOWN if (text := getattr(row, name))},
            reason(contacts[row.id], left[row.id], terms) if row.id in contacts else None,
        )
        for row in rows
    }
