"""The last part of a card's path."""

from __future__ import annotations

import pytest

from offbook.contacts.cards.segments import SEGMENT_MAX, is_segment, segments_for, stem_of

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
BY_ID = (f"{ID}.vcf", f"{ID}-offbook.vcf")


@pytest.mark.parametrize("text", ["a.vcf", "Zoë (home).vcf", "{1}@x", "x" * SEGMENT_MAX])
def test_a_segment(text: str) -> None:
    assert is_segment(text)


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a\0", "a\n", "x" * (SEGMENT_MAX + 1)])
def test_no_segment(text: str) -> None:
    assert not is_segment(text)


@pytest.mark.parametrize(
    ("uid", "segments"),
    [
        (None, BY_ID),
        ("urn:uuid:1", BY_ID),
        ("x" * SEGMENT_MAX, BY_ID),
        ("ada@example.org", ("ada@example.org.vcf", *BY_ID)),
    ],
)
def test_a_contact_is_called_by_its_uid_where_that_needs_no_escapes(uid: str | None, segments: tuple[str, ...]) -> None:
    assert segments_for(ID, uid) == segments


def test_the_name_that_we_give_tells_the_uid() -> None:
    assert [stem_of(segment) for segment in ("ada.vcf", "ada", ".vcf")] == ["ada", "", ""]
