"""What a search of the list is narrowed by, beside its words."""

from __future__ import annotations

import pytest

from offbook.contacts.search.query import SearchQuery, parse_query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("ada  lovelace", SearchQuery("ada lovelace")),
        ("label:Work ada", SearchQuery("ada", labels=("Work",))),
        ('ada LABEL:"Old friends" king', SearchQuery("ada king", labels=("Old friends",))),
        ('label:"Old', SearchQuery("", labels=("Old",))),
        ("company:looms company:Ltd", SearchQuery("", companies=("looms", "Ltd"))),
        ("has:Photo is:starred has:email", SearchQuery("", fields=("photo", "email"), starred=True)),
        ("has:wings is:odd", SearchQuery("has:wings is:odd")),
        ("xlabel:Work label: ", SearchQuery("xlabel:Work label:")),
        ("", SearchQuery("")),
    ],
)
def test_a_search_is_taken_apart(text: str, query: SearchQuery) -> None:
    assert parse_query(text) == query
