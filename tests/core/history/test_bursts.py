"""Which changes came in a burst."""

from __future__ import annotations

from offbook.core.history.bursts import ChangeBurst, ChangeMarker, find_bursts


def test_a_burst_is_what_one_maker_did_in_quick_succession() -> None:
    seqs = [(100, "a"), (95, "b"), (92, "a"), (85, "a"), (50, "a"), (45, "a")]
    markers = [ChangeMarker(seq, f"{seq}", maker) for seq, maker in seqs]
    assert find_bursts(markers, 10, 2) == [ChangeBurst(85, 100, 3, "100"), ChangeBurst(45, 50, 2, "50")]
    assert find_bursts([], 10, 1) == []
