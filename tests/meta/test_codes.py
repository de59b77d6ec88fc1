"""Every code that anything is refused with is in the registry, and no sentence of the rules stands anywhere else."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

import routes
from cli import messages as cli
from offbook import messages as device
from offbook.cli import messages as command
from offbook.core import messages
from offbook.core.codes import CODES, Code, Scope, names_by_status, names_in
from offbook.core.messages import Message
from offbook.formats import messages as formats
from offbook.ingest import messages as ingest
from ops import messages as ops
from services import messages as services
from storage import messages as storage
from web.messages import api, carddav, pages

ROOT = Path(routes.__file__).parent
PRODUCT = ("cli", "offbook", "ops", "services", "storage", "web")
REFUSALS = {"ApiProblem", "Conflicting", "Invalid", "Malformed", "Message", "NotLetIn", "RequestRefused"}
ROOTS = ("ApiProblem", "OffbookError", "RequestRefused", "XmlRefused")
LITERALS = (ast.Constant, ast.JoinedStr)
MODULES = (messages, formats, storage, services, api, carddav, pages, ops, cli, device, command, ingest)
SENTENCES = [value for module in MODULES for value in vars(module).values() if isinstance(value, Message)]


@cache
def trees() -> dict[Path, ast.Module]:
    paths = [path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py")]
    return {path.relative_to(ROOT): ast.parse(path.read_text()) for path in paths}


def texts(nodes: list[ast.expr]) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def raised_codes() -> Iterator[str]:
    """The first text of each call that refuses something, and what classes of errors have as their code."""
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSALS:
                yield from texts(node.args)[:1]
            elif isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["code"]:
                yield from texts([node.value])


def test_every_code_that_is_raised_is_in_the_registry() -> None:
    raised = set(raised_codes())
    assert {"too_long", "offline", "stale_form", "in_trash", "bad_host"} <= raised, "or they are not found"
    assert raised <= CODES.keys()


def test_the_registry_has_no_code_that_nothing_gives() -> None:
    said = {
        node.value
        for path, tree in trees().items()
        if path.name != "codes.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert said >= CODES.keys()


def test_every_code_of_a_rejection_has_a_reason_and_is_described() -> None:
    for name in names_in(Scope.RECORD | Scope.CHANGE):
        assert CODES[name].reason, name


@pytest.mark.parametrize("scope", [Scope.ANY, Scope.SIGNED_IN, Scope.BODY, Scope.PUSH])
def test_a_code_of_a_request_has_a_status(scope: Scope) -> None:
    assert sorted(name for names in names_by_status(scope).values() for name in names) == list(names_in(scope))


def table_of_codes() -> str:
    """The codes as docs/error-codes.md lists them."""
    rows = ["| code | status | what is said with it |", "|---|---|---|"]
    for code in sorted(CODES.values(), key=lambda code: code.name):
        templates = [message.template for message in SENTENCES if message.code == code.name]
        sentences = re.sub(r"(!a|!r|:,|:g)}", "}", " ".join(templates))
        rows.append(f"| `{code.name}` | {_statuses(code)} | {sentences} |")
    return "\n".join(rows)


def _statuses(code: Code) -> str:
    of_record = {422} if code.scope & Scope.RECORD else set()
    return ", ".join(str(status) for status in sorted({code.status or 0, *of_record} - {0}))


def test_the_documentation_lists_every_code() -> None:
    assert table_of_codes() in (ROOT / "docs" / "error-codes.md").read_text(), f"it should be:\n{table_of_codes()}"


def test_codes_are_in_scope_where_the_core_raises_them() -> None:
    """What the checks of a value raise may be the answer to a request about one record."""
    paths = ("offbook/core/cells/validation.py", "offbook/core/merge/record_size.py")
    nodes = [node for path in paths for node in ast.walk(trees()[Path(path)])]
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute) and hasattr(messages, node.attr)}
    codes = {getattr(messages, name).code for name in names}
    assert codes - {"bad_data"} | {"bad_id"} == set(names_in(Scope.RECORD))


def test_a_message_has_a_code_of_the_registry_and_is_a_sentence() -> None:
    assert {message.code for message in SENTENCES} <= CODES.keys()
    assert [message for message in SENTENCES if not message.template.endswith((".", "?", "}"))] == []


def test_a_sentence_stands_once() -> None:
    assert {message for message, count in Counter(SENTENCES).items() if count > 1} == set()


@cache
def error_classes() -> frozenset[str]:
    """The names of all classes of errors whose sentence people read."""
    bases = {
        node.name: {ast.unparse(base) for base in node.bases}
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    names = set(ROOTS)
    while more := {name for name, its in bases.items() if its & names} - names:
        names |= more
    return frozenset(names)


def is_sentence(node: ast.expr) -> bool:
    """Whether there is a text of several words in an argument: not in what is called with it."""
    return isinstance(node, ast.JoinedStr) or any(" " in text.strip() for text in texts(list(_parts(node))))


def _parts(node: ast.expr) -> Iterator[ast.expr]:
    return (part for part in ast.walk(node) if isinstance(part, ast.expr))


def test_an_error_is_raised_with_a_message_and_no_sentence() -> None:
    literal = [
        f"{path}:{node.lineno}"
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and _makes_error(node) and any(map(is_sentence, node.args))
    ]
    assert not literal


def test_a_page_flashes_messages_and_no_sentences() -> None:
    flashed = [
        (path, node)
        for path, tree in trees().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("flash", "flash_undo")
    ]
    assert len(flashed) > 20, "or they are not found"
    assert [f"{path}:{node.lineno}" for path, node in flashed if is_sentence(node.args[0])] == []


def _makes_error(call: ast.Call) -> bool:
    return ast.unparse(call.func).split(".")[-1] in error_classes() or ast.unparse(call.func) == "super().__init__"


def test_messages_stand_in_modules_of_their_own() -> None:
    elsewhere = [
        f"{path}:{node.lineno}"
        for path, tree in trees().items()
        if "messages" not in (path.stem, path.parent.name) and path.name != "errors.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Message" and isinstance(node.args[1], LITERALS)
    ]
    assert not elsewhere


def messages_of(tree: ast.Module) -> dict[str, Message]:
    """The messages that a module sees, each as it is written there: ``NO_USER``, or ``messages.NO_USER``."""
    by_module = {module.__name__: module for module in MODULES}
    seen: dict[str, Message] = {}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    for node in imports:
        for alias in node.names:
            whole, name = by_module.get(f"{node.module}.{alias.name}"), alias.asname or alias.name
            if whole is not None:
                seen |= {f"{name}.{key}": value for key, value in vars(whole).items() if isinstance(value, Message)}
            elif node.module is not None and node.module in by_module:
                value = getattr(by_module[node.module], alias.name)
                seen |= {name: value} if isinstance(value, Message) else {}
    return seen


def made_sentences(tree: ast.Module) -> Iterator[tuple[int, Message, set[str | None]]]:
    """The line of each call that makes a sentence, its message, and the arguments that it is given."""
    seen = messages_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            by_class = node.func.attr == "of" and bool(node.args)
            message = seen.get(ast.unparse(node.args[0] if by_class else node.func.value))
            if message is not None and (by_class or node.func.attr in ("fault", "sentence")):
                yield node.lineno, message, {keyword.arg for keyword in node.keywords}


def test_each_sentence_is_given_the_arguments_that_its_template_names() -> None:
    calls = [(path, *call) for path, tree in trees().items() for call in made_sentences(tree)]
    assert len(calls) > 400, "or they are not found"
    wrong = [
        f"{path}:{line}"
        for path, line, message, arguments in calls
        if None not in arguments and arguments != fields_of(message)
    ]
    assert wrong == []


def fields_of(message: Message) -> set[str | None]:
    """What a template that is filled in names. One without arguments is a sentence, whatever braces are in it."""
    try:
        return {
            name for _, name, _, _ in Formatter().parse(message.template) if name is not None and name.isidentifier()
        }
    except ValueError:
        return set()
