"""The documents are held to the code: a guarantee names tests that exist, a link leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
GUARANTEE = re.compile(r"^(\d+)\. \*\*(.+?)\*\*(.*?)(?=^\d+\. |^## |\Z)", re.MULTILINE | re.DOTALL)

PROMISING = {name: GUARANTEE.findall((ROOT / "docs" / f"{name}.md").read_text()) for name in ("sync", "streams")}
GUARANTEES = [pytest.param(*one, id=f"{name} {one[0]}") for name, found in PROMISING.items() for one in found]


def existing_tests() -> frozenset[str]:
    return frozenset(
        name
        for file in ROOT.glob("tests/**/test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
    )


@pytest.mark.parametrize(("name", "least"), [("sync", 20), ("streams", 10)])
def test_guarantees_are_numbered_without_a_gap(name: str, least: int) -> None:
    numbers = [int(number) for number, _, _ in PROMISING[name]]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > least


@pytest.mark.parametrize(("number", "title", "text"), GUARANTEES)
def test_a_guarantee_names_existing_tests(number: str, title: str, text: str) -> None:
    names = re.findall(r"`(test_\w+)`", text)
    paths = re.findall(r"`(tests/[\w/.]+)`", text)
    assert names or paths, f"guarantee {number} ({title}) names no test"
    assert not set(names) - existing_tests()
    assert all((ROOT / path).exists() for path in paths)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []
