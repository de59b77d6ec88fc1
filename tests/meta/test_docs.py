"""The documents are held to the code: a guarantee names tests that exist, a link leads somewhere."""

from __future__ import annotations

import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import click
import pytest
from flask.cli import FlaskGroup, ScriptInfo

from offbook.cli.errors import UsageError
from offbook.cli.parser import parse
from tests.support.browser import app_on

ROOT = Path(__file__).parents[2]
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


ASVS = re.compile(r"^\| 6\.2\.(\d+) \((\d)\) \|(.+)\|$", re.MULTILINE)


def test_every_line_of_asvs_on_passwords_names_existing_tests() -> None:
    """Of ASVS 5.0, V6.2: the numbers without a gap, and the levels."""
    lines = ASVS.findall((ROOT / "docs" / "passwords.md").read_text())
    assert [int(number) for number, _, _ in lines] == list(range(1, 13))
    assert "".join(level for _, level, _ in lines) == "111111112222"
    names = [re.findall(r"`(test_\w+)`|as (6\.2\.\d+)", told.rpartition("|")[2]) for _, _, told in lines]
    assert all(names)
    assert not {name for found in names for name, _ in found if name} - existing_tests()


def test_every_word_of_the_glossary_is_used_in_the_code() -> None:
    terms = re.findall(r"^\| ([a-z][^|]*?) \|", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    folders = ("offbook", "services", "storage", "ops", "web", "cli")
    code = " ".join(path.read_text() for folder in folders for path in ROOT.glob(f"{folder}/**/*.py"))
    words = re.sub(r"[\W_]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", code)).lower()
    assert len(terms) > 50
    assert [term for term in terms if term != "term" and re.sub(r"\W+", " ", term) not in words] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


FOLDERS = ["bench", "cli", "deploy", "examples", "migrations", "offbook", "ops", "services", "static", "storage"]
FOLDERS += ["templates", "tests", "web"]
FILE = re.compile(rf"(?<![\w/.-])(?:{'|'.join(FOLDERS)})/[\w/.-]*\w")
OF_TODAY = [document for document in DOCUMENTS if document.parent.name != "decisions" and document.stem != "CHANGELOG"]


@pytest.mark.parametrize("document", OF_TODAY, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_that_a_document_names_exists(document: Path) -> None:
    """Decisions and the changelog name what there was."""
    assert [name for name in FILE.findall(document.read_text()) if not (ROOT / name).exists()] == []


def test_a_function_that_the_architecture_names_exists() -> None:
    names = set(re.findall(r"(\w+)\(\)", (ROOT / "docs" / "architecture.md").read_text()))
    code = " ".join(path.read_text() for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.py"))
    assert len(names) > 10
    assert [name for name in names if not re.search(rf"\bdef {name}\b", code)] == []


# --- command lines ---------------------------------------------------------------------------------------------------

SHOWING_COMMANDS = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), ROOT / "examples" / "desktop" / "README.md"]

OURS = ("offbook", "flask", "make", "docker", "pip", "python", "python3")
"""A piece of code in a sentence is a command line where it begins with one of these and goes on."""

MENTIONED = re.compile(r"(offbook|flask)( [a-z]+)+")
"""A command that is spoken of by its name alone, as if there were nothing behind it."""

OTHERS = {"export", "cd", "tail", "echo", "chmod", "openssl", "sqlite3", "createdb"}
"""What the machine has, or the database: not ours to check."""


def command_lines(text: str) -> Iterator[str]:
    """As they stand in blocks and in sentences."""
    blocks = re.compile(r"^```(\w*)\n(.+?)^```", re.M | re.S)
    for language, block in blocks.findall(text):
        if language == "console":
            yield from (line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ "))
        elif language == "cron":
            yield from (line.split(maxsplit=5)[5] for line in block.splitlines())
    for code in re.findall(r"`([^`]+)`", blocks.sub("", text)):
        line = " ".join(code.split())
        if MENTIONED.fullmatch(line):
            yield f"{line} --help"
        elif line.partition(" ")[0].rpartition("/")[2] in OURS and " " in line:
            yield line


def commands(line: str) -> Iterator[list[str]]:
    """The commands of a line, each as its words: without its comment, its settings and where its output goes."""
    words = shlex.split(re.sub(r"\$\([^)]*\)|…", "x", line), comments=True)
    command: list[str] = []
    for word in [*words, "&&"]:
        if word in ("|", "&&"):
            yield command
            command = []
        elif command or not re.fullmatch(r"\w+=.*", word):
            command.append(word)


def require_command(words: Sequence[str], program: click.Context) -> None:
    """Fail where it is none, or where an option, an argument or a file of it does not exist."""
    match (words[0].rpartition("/")[2], *words[1:]):
        case ("offbook", *rest):
            with suppress(SystemExit):  # --help
                parse(rest)
        case ("flask", *rest):
            require_flask(program, rest)
        case ("make", *goals):
            makefile = (ROOT / "Makefile").read_text()
            for goal in goals:
                name, is_setting, _ = goal.partition("=")
                assert re.search(rf"^{name}{' ?[?]=' if is_setting else ':'}", makefile, re.M), goal
        case ("pip", "install", what):
            project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
            assert what == "." or what[2:-1] in project["optional-dependencies"]
        case ("python", "-m", module, *_):
            assert importlib.util.find_spec(module), module
        case ("python", script, *_):
            assert (ROOT / "examples" / "notes" / script).exists()
        case ("pytest", *arguments):
            assert [path for path in arguments if path.startswith("tests") and not (ROOT / path).exists()] == []
        case ("docker", "compose", *_):
            assert (ROOT / "compose.yaml").exists()
        case ("docker", "build" | "run", *_):
            assert (ROOT / "Dockerfile").exists()
        case ("python3", "-m", "venv", _):
            pass
        case other:
            assert other[0] in OTHERS, f"{other[0]} is no command of ours"


def require_flask(context: click.Context, words: Sequence[str]) -> None:
    """Click reads the words as when they are typed, and nothing is run."""
    rest = list(words)
    while isinstance(group := context.command, click.Group) and rest != ["--help"]:
        name = rest.pop(0)
        command = group.get_command(context, name)
        assert command is not None, f"flask has no command {name}"
        context = click.Context(command, parent=context)
    if not isinstance(context.command, click.Group):
        with suppress(click.exceptions.Exit):  # --help
            context.command.parse_args(context, rest)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[click.Context]:
    """`flask` with the commands of the app, whose database is never opened."""
    app = app_on(f"sqlite:///{tmp_path_factory.mktemp('docs')}/unused.db")
    with click.Context(FlaskGroup(), obj=ScriptInfo(create_app=lambda: app)) as context:
        yield context


@pytest.mark.parametrize("document", SHOWING_COMMANDS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_command_line_in_a_document_can_be_typed(document: Path, program: click.Context) -> None:
    lines = list(command_lines(document.read_text()))
    for line in lines:
        for words in commands(line):
            require_command(words, program)
    assert len(lines) > 20 or document != ROOT / "README.md"


@pytest.mark.parametrize(
    "line",
    ["offbook nope", "flask nope", "flask backup", "flask book prune --nope", "make nope", "make serve NOPE=1"]
    + ["pip install '.[nope]'", "python -m nope", "nope", "export X=1 && offbook add", "echo x | offbook --nope"],
)
def test_a_command_line_that_can_not_be_typed_is_noticed(line: str, program: click.Context) -> None:
    with pytest.raises((AssertionError, UsageError, click.UsageError)):
        for words in commands(line):
            require_command(words, program)
