"""What is opened is taken in at once: folders, files and functions have bounds, and a name has one meaning."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("cli", "offbook", "ops", "services", "storage", "web")
MODULES_MAX = 15
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 45


@cache
def trees() -> dict[Path, ast.Module]:
    """The product's files by their paths."""
    paths = [*ROOT.glob("*.py"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))]
    return {path.relative_to(ROOT): ast.parse(path.read_text(), str(path)) for path in sorted(paths)}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_a_folder_has_at_most_15_modules() -> None:
    folders = {path.parent for path in trees()} - {Path()}
    counts = {str(folder): len(list((ROOT / folder).glob("*.py"))) for folder in folders}
    assert {folder: count for folder, count in counts.items() if count > MODULES_MAX} == {}


def test_a_file_has_at_most_400_lines() -> None:
    counts = {str(path): len((ROOT / path).read_text().splitlines()) for path in trees()}
    assert {path: count for path, count in counts.items() if count > FILE_LINES_MAX} == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_function_has_at_most_45_lines(folder: str) -> None:
    counts = {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path, tree in trees().items()
        if path.parts[0] == folder
        for node in functions(tree)
    }
    assert {name: count for name, count in counts.items() if count > FUNCTION_LINES_MAX} == {}


VAGUE = frozenset({"asked", "found", "given", "here", "one", "told", "wish"})


def stored_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What is assigned to, an argument, or a name of a pattern: by its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.MatchAs) and node.name is not None:
            yield node.lineno, node.name


def test_a_local_is_called_by_what_it_is() -> None:
    vague = [f"{path}:{line} {name}" for path, tree in trees().items() for line, name in stored_names(tree)]
    assert [line for line in vague if line.rpartition(" ")[2] in VAGUE] == []


@pytest.mark.parametrize(
    "code",
    [
        "told = 1",
        "for one in x: pass",
        "lambda given: 0",
        "[0 for here in x]",
        "if (found := x): pass",
        "with x as asked: ...",
    ],
)
def test_a_vague_local_is_seen(code: str) -> None:
    assert [name for _, name in stored_names(ast.parse(code))][0] in VAGUE


def test_no_two_classes_have_one_name() -> None:
    classes: dict[str, list[str]] = {}
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                classes.setdefault(node.name, []).append(str(path))
    assert {name: paths for name, paths in classes.items() if len(paths) > 1} == {}
