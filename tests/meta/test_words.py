"""What is said of contacts stands where contacts are: the rules know tables, and any app's are like these."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FOR_ANY_TABLE = ("offbook/core",)
"""Files and folders in which the word does not occur, in code, sentences or comments."""


@pytest.mark.parametrize("place", FOR_ANY_TABLE)
def test_what_is_for_any_table_does_not_speak_of_contacts(place: str) -> None:
    paths = sorted((ROOT / place).rglob("*.py")) or [ROOT / place]
    lines = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "contact" in line.lower()
    ]
    assert lines == []
