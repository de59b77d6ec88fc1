"""Reading what pg_restore makes of a dump, without a server: the tables that it declares, and their rows.

Only statements of the few kinds that a dump of offbook's tables has are understood. Anything else raises
Faulty with its first words, so that nothing is run that was not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ops.backup.contents import Faulty, Loader, Text
from ops.backup.schema import Columns, DatabaseSchema, ForeignKey, TableSchema, column

NAME = r"(?:\w+\.)?(\w+)"
NAMES = r"\(([\w, ]+)\)"
FIELD = re.compile(
    r"(\w+) ([a-z]+(?: varying| precision)?(?:\(\d+\))?)((?: (?:NOT NULL|CONSTRAINT \w+ NOT NULL|COLLATE [\w.]+"
    r"|DEFAULT (?:'[^']*'|-?\w+)(?:::[a-z]+(?: varying)?)?))*)"
)
DEFAULT = re.compile(r"DEFAULT ('[^']*'|-?\w+)")
CREATE = re.compile(rf"CREATE TABLE {NAME} \((.*)\);", re.DOTALL)
KEY = re.compile(rf"ALTER TABLE ONLY {NAME} ADD CONSTRAINT \w+ (PRIMARY KEY|UNIQUE) {NAMES};")
REFERENCE = re.compile(
    rf"ALTER TABLE ONLY {NAME} ADD CONSTRAINT \w+ FOREIGN KEY {NAMES} REFERENCES {NAME}{NAMES}"
    r"(?: ON DELETE ([A-Z ]+))?;"
)
INDEX = re.compile(rf"CREATE (UNIQUE )?INDEX (\w+) ON {NAME} USING btree {NAMES}( WHERE \(\w+ IS NOT NULL\))?;")
COUNTS = re.compile(rf"ALTER TABLE ONLY {NAME} ALTER COLUMN (\w+) SET DEFAULT nextval\('[\w.]+'::regclass\);")
COPY = re.compile(rf"COPY {NAME} {NAMES} FROM stdin;")
COPIED = "\\.\n"

HARMLESS = re.compile(
    r"SET \w+ = ['\w.-]*;|SELECT pg_catalog\.set_config\('search_path', '', false\);"
    r"|SELECT pg_catalog\.setval\('[\w.]+', \d+, (true|false)\);"
    r"|ALTER TABLE IF EXISTS (ONLY )?[\w.]+ (DROP CONSTRAINT IF EXISTS \w+|ALTER COLUMN \w+ DROP DEFAULT);"
    r"|DROP (TABLE|INDEX|SEQUENCE|EXTENSION) IF EXISTS [\w.-]+;"
    r"|CREATE SEQUENCE [\w.]+( AS \w+)? START WITH \d+ INCREMENT BY \d+ NO MINVALUE NO MAXVALUE CACHE \d+;"
    r"|ALTER SEQUENCE [\w.]+ OWNED BY [\w.]+;"
    r"|CREATE EXTENSION IF NOT EXISTS [\w-]+ WITH SCHEMA \w+;|COMMENT ON (SCHEMA|EXTENSION) [\w-]+ IS '[^']*';"
)
QUOTED = re.compile(r'"([\w-]+)"')
BETWEEN = re.compile(r"\s*|--.*|\\(un)?restrict \w+")
OTHER = re.compile(r"(?:CREATE(?: OR REPLACE)?|DROP|COMMENT ON|ALTER) ([A-Z ]+?)(?: IF EXISTS)? (?:\w+\.)?([a-z_]\w*)")
OTHER_CHARACTERS = 40
STATEMENT = "the statement"

ESCAPED = re.compile(r"\\(.)")
MEANINGS = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v"}


def read(dump: Iterable[bytes], loader: Loader) -> DatabaseSchema:
    """The schema that a dump declares, in parts of any length; its rows go to ``loader``. Raises Faulty."""
    schema, lines = DatabaseSchema(), _lines(dump)
    for statement in _statements(lines):
        if match := CREATE.fullmatch(statement):
            schema.tables[match[1]] = _table(match[1], match[2])
        elif match := COPY.fullmatch(statement):
            loader.load(match[1], _names(match[2]), _rows(lines))
        elif not (_completes(schema, statement) or HARMLESS.fullmatch(statement)):
            schema.others.append(_named(statement))
    schema.others.sort(key=lambda other: other.startswith(STATEMENT))
    return schema


def settings(dump: Iterable[bytes]) -> Mapping[str, Text]:
    """The rows of the table of settings, their values by their names, of a dump with no other rows. Raises Faulty."""
    lines = _lines(dump)
    values: dict[str, Text] = {}
    for statement in _statements(lines):
        if COPY.fullmatch(statement):
            values.update({str(name): value for name, value in _rows(lines)})
    return values


def _lines(dump: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    try:
        for part in dump:
            *whole, rest = (rest + part).split(b"\n")
            yield from (line.decode() + "\n" for line in whole)
        if rest:
            yield rest.decode()
    except UnicodeDecodeError:
        raise Faulty("it holds bytes that are no text") from None


def _statements(lines: Iterator[str]) -> Iterator[str]:
    """Each on one line, and without the quotes of plain names."""
    parts: list[str] = []
    for line in lines:
        if not parts and BETWEEN.fullmatch(line.rstrip("\n")):
            continue
        parts.append(line.strip())
        if parts[-1].endswith(";"):
            yield QUOTED.sub(r"\1", " ".join(parts))
            parts.clear()
    if parts:
        yield " ".join(parts)


def _named(statement: str) -> str:
    """What a statement makes that is no table, else its beginning."""
    if match := OTHER.match(statement):
        return f"the {match[1].lower()} {match[2]}"
    return f"{STATEMENT} {statement[:OTHER_CHARACTERS]!r}"


def _table(name: str, body: str) -> TableSchema:
    table = TableSchema()
    for line in body.strip().split(", "):
        match = FIELD.fullmatch(line.strip())
        if match is None:
            raise Faulty(f"the table {name} is declared otherwise than the migrations do ({line.strip()!r})")
        default = DEFAULT.search(match[3])
        table.columns[match[1]] = column(match[2], "NOT NULL" in match[3], default and default[1])
    return table


def _completes(schema: DatabaseSchema, statement: str) -> bool:
    """Whether a statement adds to a table that was declared before; then it is noted."""
    if match := KEY.fullmatch(statement):
        table = _of(schema, match[1])
        if match[2] == "UNIQUE":
            table.unique.add(_names(match[3]))
        else:
            table.primary = _names(match[3])
    elif match := REFERENCE.fullmatch(statement):
        reference = ForeignKey(_names(match[2]), match[3], _names(match[4]), match[5] or "NO ACTION")
        _of(schema, match[1]).references.add(reference)
    elif match := INDEX.fullmatch(statement):
        table, names = _of(schema, match[3]), _names(match[4])
        if not match[1]:
            table.indexes[match[2]] = names
        elif match[5]:
            table.indexes[match[2]] = (*names, "unique", "partial")
        else:
            table.unique.add(names)
    elif match := COUNTS.fullmatch(statement):
        columns = _of(schema, match[1]).columns
        if match[2] in columns:
            columns[match[2]] = replace(columns[match[2]], counts=True)
    return match is not None


def _of(schema: DatabaseSchema, name: str) -> TableSchema:
    if name not in schema.tables:
        raise Faulty(f"the table {name} is missing")
    return schema.tables[name]


def _names(listed: str) -> Columns:
    return tuple(listed.split(", "))


def _rows(lines: Iterator[str]) -> Iterator[list[Text]]:
    for line in lines:
        if line == COPIED:
            return
        yield [_text(value) for value in line.rstrip("\n").split("\t")]


def _text(value: str) -> Text:
    if value == "\\N":
        return None
    return ESCAPED.sub(lambda escaped: MEANINGS.get(escaped[1], escaped[1]), value) if "\\" in value else value
