"""Reading what mariadb-dump writes, without a server: the tables that it declares, and their rows.

Only statements of the few kinds that a dump of offbook's tables has are understood. Anything else raises
Faulty with its first words, so that nothing is run that was not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from ops.backup.contents import Faulty, Loader, Text
from ops.backup.schema import Columns, DatabaseSchema, ForeignKey, TableSchema, column

NAMES = r"\(((?:`\w+`,? ?)+)\)"
FIELD = re.compile(
    r"  `(\w+)` ([a-z]+(?:\(\d+\))?)( CHARACTER SET \w+)?( COLLATE \w+)?( NOT NULL| NULL)?"
    r"(?: DEFAULT ('[^'\\]*'|-?\w+))?( AUTO_INCREMENT)?,?"
)
PRIMARY = re.compile(rf"  PRIMARY KEY {NAMES},?")
KEY = re.compile(rf"  (UNIQUE )?KEY `(\w+)` {NAMES},?")
REFERENCE = re.compile(
    rf"  CONSTRAINT `(\w+)` FOREIGN KEY {NAMES} REFERENCES `(\w+)` {NAMES}(?: ON DELETE ([A-Z ]+?))?"
    r"(?: ON UPDATE [A-Z ]+)?,?"
)
CREATE = re.compile(r"CREATE TABLE `(\w+)` \(")
CREATED = re.compile(r"\) ENGINE=InnoDB[\w =]*;")
INSERT = re.compile(r"INSERT INTO `(\w+)` VALUES ?")
SETTINGS = b"INSERT INTO `settings` VALUES"
ROW_END = (");\n", ");")

HARMLESS = re.compile(
    r"\s*|--.*|/\*M!\d+\\- enable the sandbox mode \*/\s*|/\*M?!\d+ SET [\w@=,.'+ :-]*\*/;|SET [\w@=,.'+ :-]*;"
    r"|set autocommit=0;|commit;|DROP TABLE IF EXISTS `\w+`;|LOCK TABLES `\w+` WRITE;|UNLOCK TABLES;"
    r"|/\*!\d+ ALTER TABLE `\w+` (DIS|EN)ABLE KEYS \*/;"
)
OTHER = re.compile(r"\b(TRIGGER|VIEW|FUNCTION|PROCEDURE|EVENT|SEQUENCE|PACKAGE)\b(?: IF EXISTS)? ?`?(\w*)")
OTHER_CHARACTERS = 40
STATEMENT = "the statement"

VALUE = re.compile(
    r"(?:'([^'\\]*(?:(?:\\.|'')[^'\\]*)*)'|(NULL)|(0x[0-9A-F]+|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?))([,)])", re.DOTALL
)
ESCAPED = re.compile(r"\\(.)|''", re.DOTALL)
MEANINGS = {"0": "\0", "n": "\n", "r": "\r", "t": "\t", "b": "\b", "Z": "\x1a"}


def read(dump: Iterable[bytes], loader: Loader) -> DatabaseSchema:
    """The schema that a dump declares, by its lines; its rows go to ``loader``. Raises Faulty."""
    schema, lines = DatabaseSchema(), (_decoded(line) for line in dump)
    for line in lines:
        if start := CREATE.fullmatch(line.rstrip("\n")):
            schema.tables[start[1]] = _table(start[1], lines)
        elif start := INSERT.match(line):
            if start[1] not in schema.tables:
                raise Faulty(f"there are rows of {start[1]} before the table")
            loader.load(start[1], list(schema.tables[start[1]].columns), _rows(line[start.end() :], lines))
        elif not HARMLESS.fullmatch(line.rstrip("\n")):
            schema.others.append(_named(line))
    schema.others.sort(key=lambda other: other.startswith(STATEMENT))
    return schema


def settings(dump: Iterable[bytes]) -> Mapping[str, Text]:
    """The rows of the table of settings, their values by their names. Raises Faulty."""
    lines = iter(dump)
    values: dict[str, Text] = {}
    for line in lines:
        if line.startswith(SETTINGS):
            start, rest = _decoded(line), map(_decoded, lines)
            values.update({str(name): value for name, value in _rows(start[len(SETTINGS) :], rest)})
    return values


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise Faulty("it holds bytes that are no text") from None


def _named(line: str) -> str:
    """What a statement makes that is no table, else its beginning."""
    if match := OTHER.search(line):
        return f"the {match[1].lower()} {match[2]}".rstrip()
    return f"{STATEMENT} {line.strip()[:OTHER_CHARACTERS]!r}"


def _table(name: str, lines: Iterator[str]) -> TableSchema:
    table = TableSchema()
    for line in lines:
        line = line.rstrip("\n")
        if match := FIELD.fullmatch(line):
            field, declared, _, _, required, default, counts = match.groups()
            table.columns[field] = column(declared, required == " NOT NULL", default, counts is not None)
        elif match := PRIMARY.fullmatch(line):
            table.primary = _names(match[1])
        elif match := KEY.fullmatch(line):
            if match[1]:
                table.unique.add(_names(match[3]))
            else:
                table.indexes[match[2]] = _names(match[3])
        elif match := REFERENCE.fullmatch(line):
            deletes = match[5] or "NO ACTION"
            table.references.add(ForeignKey(_names(match[2]), match[3], _names(match[4]), deletes))
        elif CREATED.fullmatch(line):
            return table
        else:
            raise Faulty(f"the table {name} is declared otherwise than the migrations do")
    raise Faulty(f"the table {name} is not declared to its end")


def _names(listed: str) -> Columns:
    return tuple(re.findall(r"`(\w+)`", listed))


def _rows(first: str, lines: Iterator[str]) -> Iterator[list[Text]]:
    """The rows of one statement: from the rest of its first line to the line that ends it."""
    text = first
    while True:
        yield from _rows_in(text.strip())
        if text.endswith(ROW_END):
            return
        text = next(lines, ");")


def _rows_in(text: str) -> Iterator[list[Text]]:
    """``(1,'a'),(2,NULL);``. Line breaks inside of a text are written as two letters."""
    place = 0
    while place < len(text):
        if text[place] != "(":
            raise Faulty(f"a statement holds more than rows ({text[place : place + OTHER_CHARACTERS]!r})")
        row: list[Text] = []
        place += 1
        while True:
            match = VALUE.match(text, place)
            if match is None:
                raise Faulty("a row holds what is neither a number nor a text")
            row.append(_text(match))
            place = match.end()
            if match[4] == ")":
                break
        yield row
        if text[place : place + 1] not in (",", ";"):
            raise Faulty("a statement holds more than rows")
        place += 1


def _text(match: re.Match[str]) -> Text:
    if match[2]:
        return None
    if match[3]:
        return match[3]
    return ESCAPED.sub(lambda escaped: MEANINGS.get(escaped[1], escaped[1]) if escaped[1] else "'", match[1])
