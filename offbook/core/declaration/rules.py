"""What may be declared: the names and options of fields, maps and tables, and how they must fit together.

What an app declares with (offbook.tables) and what is read from JSON (offbook.core.declaration.codec) is made here, by
make_field(), make_map() and make_table(): whoever holds a Table need not ask whether its names may stand in SQL. Names
are for ever, and every database has to take them. A fault is Invalid with the code ``bad_declaration`` and a sentence
that says where it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from offbook.core import messages
from offbook.core.cells.validation import STRICT, Json, check
from offbook.core.errors import Invalid
from offbook.core.merge.policies import POLICIES
from offbook.core.messages import Argument, Message
from offbook.core.schema import Field, Gone, Map, Schema, Table, Type

NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
"""A name of a table, a field, a map or an attribute, and of the table that holds a map's entries: with a prefix it
stays below the 63 characters that PostgreSQL takes, and the 64 of MariaDB."""

RESERVED_PREFIXES = ("offbook", "sqlite", "pragma_")

RESERVED_TABLES = frozenset(
    {
        *("app_settings", "change_log", "conflicts", "server_rows", "sync_state"),
        *("excluded", "new", "old"),  # rows that an upsert or a trigger names: a table's columns would be read instead
        *("bytecode", "dbstat", "fts3tokenize", "json_each", "json_tree", "tables_used"),  # functions read like tables
    }
)
"""A replica's own tables, and names that mean something else in SQLite's SQL."""

RESERVED_COLUMNS = frozenset(
    {
        *("id", "created_at", "updated_at", "seq", "deleted", "clocks", "digest", "search", "sort_key"),
        *("book_id", "entry_id", "removed"),
        *("oid", "rowid"),  # SQLite's names for a row's number, unless a column has them
        *("cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"),  # PostgreSQL has these in every table
        *("db_roll_ptr", "db_row_id", "db_trx_id", "fts_doc_id"),  # and MariaDB these
    }
)

FIELDS_MAX = 200
CHOICES_MAX = 200
LIMIT_MAX = 1_000_000
ENTRIES_MAX = 1_000
HEADING_MAX = 100

LIMITS: Mapping[Type, int] = MappingProxyType(
    {Type.DATE: 10, Type.TIME: 24, Type.REF: 36, Type.CHOICE: 100, Type.JSON: 10_000}
)
"""How many characters a value has at the most where nothing is declared, for types that differ from text."""

KEY_TYPES = frozenset({Type.TEXT, Type.DATE, Type.CHOICE, Type.INTEGER})

TEXT_LIMIT = 200

JOIN = "join"
"""What the option ``both`` says of a field in which two values can stand one below the other."""


# --- options -------------------------------------------------------------------------------------------------------


def _as_it_is(value: Json) -> Json:
    return value


class Form(NamedTuple):
    """What the value of an option must be, in words and as a test; and how it is held."""

    words: str
    fits: Callable[[Json], bool]
    hold: Callable[[Json], Json] = _as_it_is


ANYTHING = Form("a value", lambda value: True)
WHOLE = Form("a whole number", lambda value: type(value) is int)
TEXT = Form("text", lambda value: isinstance(value, str))
YES_NO = Form("true or false", lambda value: type(value) is bool)
TEXTS = Form(
    "a list of texts",
    lambda value: isinstance(value, list | tuple) and all(isinstance(item, str) for item in value),
    tuple,
)
JOINED = Form(f'"{JOIN}", or nothing', lambda value: value in ("", JOIN), lambda value: value == JOIN)
GONE = Form(" or ".join(f'"{gone}"' for gone in Gone), lambda value: value in list(Gone), Gone)


POLICY = Form("one of " + ", ".join(POLICIES), lambda value: value in ("", *POLICIES))


class Option(NamedTuple):
    """Something that may be said of a field, a map or a table: the attribute that it becomes, and its form."""

    attribute: str
    form: Form


Options = Mapping[str, Option]

_OF_ALL: Options = {
    "heading": Option("heading", TEXT),
    "retired": Option("retired", YES_NO),
    "shares": Option("shares", TEXT),
}
_REQUIRED: Options = {"required": Option("required", YES_NO), **_OF_ALL}
_DEFAULT: Options = {"default": Option("default", ANYTHING), **_REQUIRED}
_LIMIT: Options = {"limit": Option("limit", WHOLE)}

FIELD_OPTIONS: Mapping[Type, Options] = MappingProxyType(
    {
        Type.TEXT: {
            **_LIMIT,
            "both": Option("is_joinable", JOINED),
            "beside": Option("beside", TEXT),
            **_DEFAULT,
        },
        Type.DATE: _DEFAULT,
        Type.FLAG: _OF_ALL,
        Type.INTEGER: {"least": Option("least", WHOLE), "most": Option("most", WHOLE), **_DEFAULT},
        Type.CHOICE: {"choices": Option("choices", TEXTS), **_LIMIT, **_DEFAULT},
        Type.NUMBER: _DEFAULT,
        Type.TIME: _DEFAULT,
        Type.JSON: {**_LIMIT, **_REQUIRED},
        Type.REF: {"to": Option("target", TEXT), "gone": Option("gone", GONE), **_REQUIRED},
    }
)

MAP_OPTIONS: Options = MappingProxyType(
    {
        "limit": Option("entries_max", WHOLE),
        "rows": Option("rows", TEXT),
        "owner": Option("owner", TEXT),
        "beside": Option("beside", TEXT),
        "heading": Option("heading", TEXT),
        "retired": Option("retired", YES_NO),
    }
)

TABLE_OPTIONS: Options = MappingProxyType(
    {
        "heading": Option("heading", TEXT),
        "singular": Option("singular", TEXT),
        "key": Option("key", TEXT),
        "shows": Option("shows", TEXTS),
        "order": Option("order", TEXTS),
        "policy": Option("policy", POLICY),
    }
)


def _attributes(place: str, said: Mapping[str, Json], options: Options) -> dict[str, Json]:
    """What is said by its options' names, by the names of the attributes that it becomes. Raises Invalid."""
    for name, value in said.items():
        option = options.get(name)
        if option is None:
            raise _fault(messages.UNKNOWN_OPTION, place, name=str(name)[:80], options=", ".join(options))
        if not option.form.fits(value):
            raise _fault(messages.BAD_OPTION, place, option=name, form=option.form.words)
    return {options[name].attribute: options[name].form.hold(value) for name, value in said.items()}


def _fault(message: Message, place: str, **arguments: Argument) -> Invalid:
    return Invalid.of(message, place=place, **arguments)


# --- fields --------------------------------------------------------------------------------------------------------


def make_field(type_: Type, name: str, said: Mapping[str, Json], owner: str = "") -> Field:
    """A field, or an attribute, of which this is said. Raises Invalid, which puts its ``owner`` before its name."""
    place = _place(owner, name)
    _check_name(place, name, RESERVED_COLUMNS)
    limit = LIMITS.get(type_, TEXT_LIMIT)
    field = Field(name, type_, **{"limit": limit, **_attributes(place, said, FIELD_OPTIONS[type_])})
    _check_range(place, "the limit", field.limit, LIMIT_MAX)
    _check_heading(place, "heading", field.heading)
    if field.least > field.most:
        raise _fault(messages.LEAST_OVER_MOST, place)
    if field.type is Type.CHOICE:
        _check_choices(place, field)
    if field.type is Type.REF and not field.target:
        raise _fault(messages.NO_TARGET, place)
    if field.required and field.gone is Gone.CLEAR:
        raise _fault(messages.CLEARS_REQUIRED, place)
    return field if field.default is None else replace(field, default=_default(place, field))


def _place(owner: str, name: str) -> str:
    return f"{owner}.{name}" if owner else str(name)


def _check_choices(place: str, field: Field) -> None:
    _check_range(place, "the number of choices", len(field.choices), CHOICES_MAX)
    _check_unique(place, field.choices)
    for choice in field.choices:
        if not choice.strip() or len(choice) > field.limit or not choice.isprintable():
            raise _fault(messages.BAD_CHOICE_NAME, place, choice=choice[:80], limit=field.limit)


def _default(place: str, field: Field) -> str | int | float:
    """The default as a cell would hold it. Raises Invalid where none could."""
    if not field.required:
        raise _fault(messages.DEFAULT_OF_OPTIONAL, place)
    try:
        value = check(replace(field, default=None), "default", field.default, STRICT)
    except Invalid as invalid:
        raise _fault(messages.BAD_DEFAULT, place, reason=invalid.reason.removesuffix(".")) from None
    assert value is not None, "what is required is not empty"
    return value


def is_reserved(name: str, reserved: Container[str] = RESERVED_TABLES) -> bool:
    """Whether offbook or a database keeps this name, of a table unless other names are ``reserved``, for itself."""
    return name in reserved or name.startswith(RESERVED_PREFIXES)


def _check_name(place: str, name: str, reserved: Container[str]) -> None:
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise _fault(messages.BAD_NAME, ascii(place[:120]))
    if is_reserved(name, reserved):
        raise _fault(messages.RESERVED_NAME, place, name=name)


def _check_range(place: str, what: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise _fault(messages.OPTION_OUT_OF_RANGE, place, what=what, most=most)


def _check_heading(place: str, option: str, heading: str) -> None:
    if len(heading) > HEADING_MAX or not heading.isprintable():
        raise _fault(messages.BAD_HEADING, place, option=option, limit=HEADING_MAX)


def _check_unique(place: str, names: Sequence[str]) -> None:
    if twice := [name for name in names if names.count(name) > 1]:
        raise _fault(messages.TWICE, place, name=twice[0])


# --- maps and tables -----------------------------------------------------------------------------------------------


def make_map(name: str, attributes: Sequence[Field], said: Mapping[str, Json], owner: str = "") -> Map:
    """A map of these attributes, of which this is said. Where its entries lie follows, unless it is said. Raises
    Invalid."""
    place = _place(owner, name)
    _check_name(place, name, RESERVED_COLUMNS)
    held = {"rows": "", "owner": "", **_attributes(place, said, MAP_OPTIONS)}
    map_ = Map(name, attributes=tuple(attributes), **held)
    if map_.owner:
        _check_name(map_.owner, map_.owner, RESERVED_COLUMNS)
    _check_range(place, "the limit", map_.entries_max, ENTRIES_MAX)
    _check_heading(place, "heading", map_.heading)
    _check_unique(place, [attribute.name for attribute in attributes])
    mains = {attribute.name for attribute in attributes if not attribute.shares}
    for attribute in attributes:
        if attribute.beside:
            raise _fault(messages.NOT_IN_MAP, _place(place, attribute.name))
        if attribute.shares:
            _check_column(_place(place, attribute.name), "shares", attribute.shares, mains)
            if Type.JSON in (attribute.type, map_.by_name[attribute.shares].type):
                raise _fault(messages.JSON_SHARED, _place(place, attribute.name))
    if map_.beside:
        _check_column(place, "beside", map_.beside, mains)
    return map_


def make_table(
    name: str, fields: Sequence[Field], maps: Sequence[Map], said: Mapping[str, Json], taken: Collection[str] = ()
) -> Table:
    """A table of these fields and maps, of which this is said. Raises Invalid; also for a name that is ``taken``."""
    place = str(name)
    _check_name(place, name, {*RESERVED_TABLES, *taken})
    held = _attributes(place, said, TABLE_OPTIONS)
    table = Table(name, tuple(fields), tuple(_with_rows(name, map_) for map_ in maps), **held)
    _check_range(place, "the number of fields", len(table.fields), FIELDS_MAX)
    _check_unique(place, [*(field.name for field in fields), *(map_.name for map_ in maps)])
    for map_ in table.maps:
        _check_range(f"{name}.{map_.name}", "the number of attributes", len(map_.attributes), FIELDS_MAX)
        _check_name(map_.rows, map_.rows, {*RESERVED_TABLES, *taken})
        _check_unique(f"{name}.{map_.name}", [map_.owner, *(attribute.name for attribute in map_.attributes)])
    for field in table.fields:
        _check_in_table(table, field)
    _check_heading(place, "heading", table.heading)
    _check_heading(place, "singular", table.singular)
    _check_lists(table)
    return table


def _with_rows(table: str, map_: Map) -> Map:
    return replace(map_, rows=map_.rows or f"{table}_{map_.name}", owner=map_.owner or f"{table}_id")


def _check_in_table(table: Table, field: Field) -> None:
    place = f"{table.name}.{field.name}"
    if field.shares:
        raise _fault(messages.ONLY_IN_MAP, place)
    kinds = [choice for map_ in table.maps[:1] if map_.beside for part in map_.attributes for choice in part.choices]
    if field.beside and field.beside not in kinds:
        raise _fault(messages.NO_PLACE_BESIDE, place, kind=field.beside)


def _check_lists(table: Table) -> None:
    """That what names columns names some that there are."""
    for option, names in (("shows", table.shows), ("order", table.order)):
        _check_unique(f"{table.name}, {option}", names)
        for name in names:
            _check_column(table.name, option, name, table.by_name)
    if table.key:
        _check_column(table.name, "key", table.key, table.by_name)
        key = table.by_name[table.key]
        if key.type not in KEY_TYPES or not key.is_needed:
            raise _fault(messages.BAD_KEY_FIELD, table.name, name=table.key)


def _check_column(place: str, option: str, name: str, names: Container[str]) -> None:
    if name not in names:
        raise _fault(messages.NO_SUCH_FIELD, place, option=option, name=name[:80])


# --- schemas -------------------------------------------------------------------------------------------------------


def names_of(tables: Iterable[Table]) -> list[str]:
    """The names of the tables in which these are stored: their own, and those of their maps."""
    return [name for table in tables for name in (table.name, *(map_.rows for map_ in table.maps))]


def make_schema(tables: Iterable[Table]) -> Schema:
    """The schema of these tables: no two of one name, none in the place of a map's, each reference to one of them.

    Raises Invalid.
    """
    tables = list(tables)
    _check_unique("The declaration", names_of(tables))
    names = {table.name for table in tables}
    for place, field in (pair for table in tables for pair in _fields_of(table)):
        if field.target and field.target not in names:
            raise _fault(messages.UNKNOWN_TARGET, place, name=field.target[:80])
    return Schema(tables)


def _fields_of(table: Table) -> Iterator[tuple[str, Field]]:
    """The fields of a table and the attributes of its maps, each with where it is."""
    yield from ((f"{table.name}.{field.name}", field) for field in table.fields)
    for map_ in table.maps:
        yield from ((f"{table.name}.{map_.name}.{attribute.name}", attribute) for attribute in map_.attributes)


def app_schema(tables: Iterable[Table], built_in: Schema) -> Schema:
    """The schema of an app: the tables that everybody has, and its own. Raises Invalid.

    Where the entries of its maps lie is not for an app to choose: the server's tables are named likewise.
    """
    own = list(tables)
    taken = names_of(built_in.values())
    for name in names_of(own):
        if name in taken:
            raise _fault(messages.RESERVED_NAME, name, name=name)
    for table in own:
        for map_ in table.maps:
            if (map_.rows, map_.owner) != (f"{table.name}_{map_.name}", f"{table.name}_id"):
                raise _fault(messages.ROWS_ELSEWHERE, f"{table.name}.{map_.name}")
    return make_schema((*built_in.values(), *own))
