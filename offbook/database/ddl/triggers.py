"""The triggers that log every write to a synced table, made from its declaration.

They run in whatever tool writes, with that tool's SQLite and settings. So they use nothing younger than SQLite 3.24 and
nothing that a pragma turns off, and must never fail on a value that the tables take in: what can't be sent is logged
like everything else, and parked later with a reason.

A note sets a write by REPLACE apart from a new row. The conflict clause of a statement also rules what its
triggers do (SQLite, "CREATE TRIGGER", section 2), so an INSERT OR IGNORE of a row that can't be inserted twice takes
place only under REPLACE. An INSERT OR IGNORE or ON CONFLICT DO UPDATE thus never leaves a note, and the deletion that
REPLACE performs (seen by triggers only with recursive_triggers on) is known for what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from offbook.core.schema import Composite, Field, Map, Table, Type

NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

PREFIX = "offbook_"

IS_EMPTIED = 'NEW."{0}" IS NULL AND OLD."{0}" IS NOT NULL'

NO_VALUES: Mapping[str, str] = MappingProxyType({})

NOT_APPLYING = "(SELECT applying FROM offbook_guard) IS NOT 1"


def triggers(table: Table) -> Iterator[str]:
    """Every trigger of a synced table and of the tables that hold its maps' entries."""
    yield from _keep_key(table.name, ("id",))
    yield from _note(table.name, ("id",))
    yield _on_insert(table)
    yield _on_update(table)
    yield _on_delete(table)
    yield from _fill(table)
    for map_ in table.maps:
        key = (map_.owner, "entry_id")
        yield from _keep_key(map_.rows, key)
        yield _require_owner(table, map_)
        yield from _note(map_.rows, key)
        yield _on_entry_insert(table, map_)
        yield _on_entry_update(table, map_)
        yield _on_entry_delete(table, map_)
        yield _on_delete_of_owner(table, map_)


# --- pieces --------------------------------------------------------------------------------------------------------


def trigger(rows: str, what: str, event: str, when: str, *statements: str) -> str:
    body = "".join(f"  {statement};\n" for statement in statements)
    return f'CREATE TRIGGER "{PREFIX}{rows}_{what}" {event} ON "{rows}"\nWHEN {when}\nBEGIN\n{body}END'


def _json(field: Field, row: str, value: str = "") -> str:
    """A column, or the ``value`` that stands for it, as JSON text, so that reading it gives just what it holds.

    SQLite before 3.42 writes infinity as Inf, which is no JSON (9e999 is), and numbers with 15 digits; of 17 it may get
    the last one wrong. A text that is no JSON is taken for the text that it is.
    """
    value = value or f'{row}."{field.name}"'
    if field.type is Type.JSON:
        is_json = f"json_valid({value}) AND NOT instr({value}, char(0))"  # at which SQLite stops reading
        return f"CASE WHEN {is_json} THEN {value} ELSE {_quoted(value)} END"
    if field.type in (Type.FLAG, Type.INTEGER, Type.NUMBER):
        real = f"CASE {value} WHEN 9e999 THEN '9e999' WHEN -9e999 THEN '-9e999' ELSE printf('%!.20g', {value}) END"
        other = f"WHEN 'text' THEN {_quoted(value)} ELSE json_quote({value})"
        return f"CASE typeof({value}) WHEN 'real' THEN {real} {other} END"
    return _quoted(value)


def _quoted(text: str) -> str:
    """Text as JSON has it; null where it is null.

    What json_array() and the like have made is still known for JSON in here, and json_quote() would leave it as it is:
    joined to nothing it is text like any other.
    """
    return f"json_quote({text} || '')"


def _changed(fields: Iterable[Field]) -> str:
    return " OR ".join(f'NEW."{field.name}" IS NOT OLD."{field.name}"' for field in fields)


def _is_set(field: Field, values: Mapping[str, str] = NO_VALUES) -> str:
    value = values.get(field.name) or f'NEW."{field.name}"'
    return f"{value} IS NOT {'0' if field.type is Type.FLAG else 'NULL'}"


def _members(parts: Iterable[tuple[Field, str]], values: Mapping[str, str] = NO_VALUES) -> str:
    """A JSON object of those fields whose condition holds; an empty condition always does. ``values`` are expressions
    that stand for columns.

    Put together from text: json_object can't leave a member out, and json_patch can't keep a null.
    """
    texts = []
    for field, condition in parts:
        member = f"',\"{field.name}\":' || {_json(field, 'NEW', values.get(field.name, ''))}"
        texts.append(f"CASE WHEN {condition} THEN {member} ELSE '' END" if condition else member)
    return "'{' || substr(" + "\n    || ".join(texts) + ", 2) || '}'"


def _log(table: str, record_id: str, operation: str, data: str, before: str = "") -> str:
    """A line of the log. Its base is the server's row that shows, also where a restored server has lost that (``stale``
    is its seq then); and no clock that was set back makes it earlier than the device's last change of the record.
    """
    mine = f"table_name = '{table}' AND record_id = {record_id}"
    seq = f"(SELECT max(seq, stale) FROM server_rows WHERE {mine})"
    last = " UNION ALL ".join(
        f"SELECT timestamp FROM change_log WHERE synced {state} 1 AND {mine}" for state in ("<>", "=")
    )
    return (
        "INSERT INTO change_log (table_name, record_id, operation, timestamp, base, data)\n"
        f"  SELECT '{table}', {record_id}, {operation},\n"
        f"    (SELECT max(timestamp) FROM (SELECT {NOW} AS timestamp UNION ALL {last})),\n"
        f"    coalesce({seq}, 0),\n    {data}{before}"
    )


def _touch_record(table: str, record_id: str, unless: str = "") -> str:
    return f'UPDATE "{table}" SET updated_at = {NOW} WHERE id = {record_id}{unless}'


def _key(row: str, key: Iterable[str]) -> str:
    return " || '/' || ".join(f'{row}."{column}"' for column in key)


def is_replaced(rows: str, row: str, key: Iterable[str]) -> str:
    return f"(SELECT replaced FROM offbook_replaced WHERE table_name = '{rows}') IS {_key(row, key)}"


# --- both kinds of rows --------------------------------------------------------------------------------------------


def _keep_key(rows: str, key: tuple[str, ...]) -> Iterator[str]:
    columns = ", ".join(f'"{column}"' for column in key)
    moved = " OR ".join(f'NEW."{column}" IS NOT OLD."{column}"' for column in key)
    sentence = "a record keeps its id: add a new one and delete this one"
    yield trigger(rows, "id", f"BEFORE UPDATE OF {columns}", moved, f"SELECT RAISE(ABORT, '{sentence}')")


def _require(
    rows: str, fields: Iterable[Field], condition: str = 'NEW."{0}" IS NULL', values: Mapping[str, str] = NO_VALUES
) -> Iterator[str]:
    """What a person leaves empty is refused, by name, unless one of the ``values`` fills it. What a server says is
    taken as it is."""
    conditions = {
        field.name: condition.format(field.name)
        + (f" AND {values[field.name]} IS NULL" if field.name in values else "")
        for field in fields
        if field.is_needed
    }
    refusals = [f"WHEN {when} THEN RAISE(ABORT, '{rows}.{name} may not be empty')" for name, when in conditions.items()]
    if refusals:
        yield f"SELECT CASE {' '.join(refusals)} END"


def _note(rows: str, key: tuple[str, ...]) -> Iterator[str]:
    same_key = " AND ".join(f'"{column}" = NEW."{column}"' for column in key)
    exists = f'EXISTS (SELECT 1 FROM "{rows}" WHERE {same_key})'
    note = f"INSERT OR IGNORE INTO offbook_replaced (table_name, replaced) VALUES ('{rows}', {_key('NEW', key)})"
    yield trigger(rows, "note", "BEFORE INSERT", f"{NOT_APPLYING} AND {exists}", note)


def _clear_note(rows: str) -> str:
    return f"UPDATE offbook_replaced SET replaced = NULL WHERE table_name = '{rows}' AND replaced IS NOT NULL"


# --- a record ------------------------------------------------------------------------------------------------------


def _whole(composite: Composite) -> str:
    """What is shown of a value of several fields, where nobody wrote it: its parts, else what stands in for it."""
    parts = " || ".join(f"coalesce(NEW.\"{part}\" || ' ', '')" for part in composite.parts)
    whole, *stand_ins = [f"nullif(NEW.\"{name}\", '')" for name in (composite.whole, *composite.stand_ins)]
    choices = ", ".join((whole, f"nullif(trim({parts}), '')", *stand_ins))
    return f'coalesce({choices}, NEW."{composite.whole}")'


def _values(table: Table) -> Mapping[str, str]:
    """What stands for the columns that are filled where they are left empty."""
    return NO_VALUES if table.composite is None else {table.composite.whole: _whole(table.composite)}


def _fill(table: Table) -> Iterator[str]:
    """Let the row have what its line of the log says of a value that was left empty: this is no write of its own."""
    for name, value in _values(table).items():
        fill = f'UPDATE "{table.name}" SET "{name}" = {value} WHERE id = NEW.id'
        steps = ("UPDATE offbook_guard SET applying = 1", fill, "UPDATE offbook_guard SET applying = 0")
        when = f"{NOT_APPLYING} AND nullif(NEW.\"{name}\", '') IS NULL AND {value} IS NOT NULL"
        yield trigger(table.name, "fill", "AFTER INSERT", when, *steps)
        yield trigger(table.name, "refill", f'AFTER UPDATE OF "{name}"', when, *steps)


def _on_insert(table: Table) -> str:
    """Every column, nulls included, when anything older of this id could show through what is left out."""
    name = table.name
    sources = (
        f"(SELECT {is_replaced(name, 'NEW', ('id',))} AS replaced,\n"
        f"    EXISTS (SELECT 1 FROM server_rows WHERE table_name = '{name}' AND record_id = NEW.id)\n"
        f"    OR EXISTS (SELECT 1 FROM change_log WHERE table_name = '{name}' AND record_id = NEW.id AND synced <> 1)\n"
        "    AS known)"
    )
    values = _values(table)
    parts = [(field, f"known OR replaced OR {_is_set(field, values)}") for field in table.fields]
    operation = "CASE WHEN replaced THEN 'UPDATE' ELSE 'INSERT' END"
    log = _log(name, "NEW.id", operation, _members(parts, values), f"\n  FROM {sources}")
    required = _require(name, table.fields, values=values)
    return trigger(name, "insert", "AFTER INSERT", NOT_APPLYING, *required, log, _clear_note(name))


def _is_written(table: Table, field: Field) -> str:
    """When a column is logged: where it changed; of what is one value all parts, so that no two edits mix in them.

    Behind a whole that was written alone and waits, the parts that did not change are those of the whole before.
    """
    composite = table.composite
    if composite is None or field.name not in composite.parts:
        return _changed([field])
    all_changed = _changed(table.by_name[name] for name in composite.parts)
    waits = f"synced <> 1 AND synced = 0 AND table_name = '{table.name}' AND record_id = NEW.id"
    is_renamed = f"EXISTS (SELECT 1 FROM change_log WHERE {waits} AND {whole_is_alone(composite)})"
    return f"{_changed([field])} OR ({all_changed}) AND NOT {is_renamed}"


def whole_is_alone(composite: Composite) -> str:
    """A condition on lines of the log: an edit writes what is shown of one value, and none of its parts."""
    whole, part = (f"instr(data, '\"{name}\":')" for name in (composite.whole, composite.parts[0]))
    return f"operation = 'UPDATE' AND {whole} AND NOT {part}"


def _on_update(table: Table) -> str:
    columns = ", ".join(f'"{field.name}"' for field in table.fields)
    values = _values(table)
    parts = [(field, _is_written(table, field)) for field in table.fields]
    log = _log(table.name, "NEW.id", "'UPDATE'", _members(parts, values))
    touch = _touch_record(table.name, "NEW.id", " AND updated_at IS OLD.updated_at")
    when = f"({_changed(table.fields)}) AND {NOT_APPLYING}"
    required = _require(table.name, table.fields, IS_EMPTIED, values)
    return trigger(table.name, "update", f"AFTER UPDATE OF {columns}", when, *required, log, touch)


def _on_delete(table: Table) -> str:
    when = f"{NOT_APPLYING} AND NOT {is_replaced(table.name, 'OLD', ('id',))}"
    return trigger(table.name, "delete", "AFTER DELETE", when, _log(table.name, "OLD.id", "'DELETE'", "NULL"))


def _on_delete_of_owner(table: Table, map_: Map) -> str:
    """Not a foreign key: those cascade on REPLACE, and most tools leave them off."""
    when = f"NOT {is_replaced(table.name, 'OLD', ('id',))}"
    vanish = f'DELETE FROM "{map_.rows}" WHERE "{map_.owner}" = OLD.id'
    return trigger(table.name, f"delete/{map_.name}", "AFTER DELETE", when, vanish)


# --- an entry of a map ---------------------------------------------------------------------------------------------


def _require_owner(table: Table, map_: Map) -> str:
    missing = f'NOT EXISTS (SELECT 1 FROM "{table.name}" WHERE id = NEW."{map_.owner}")'
    sentence = f"{table.name} has no record with this {map_.owner}: add that first"
    return trigger(map_.rows, "owner", "BEFORE INSERT", missing, f"SELECT RAISE(ABORT, '{sentence}')")


def _entry_data(map_: Map, row: str, entry: str) -> str:
    key = _quoted(f"{row}.entry_id")
    return f"'{{\"{map_.name}\":{{' || {key} || ':' || {entry} || '}}}}'"


def _on_entry_insert(table: Table, map_: Map) -> str:
    """Every cell, so that a key that was used before keeps nothing of the old entry.

    A cell of several attributes is written whole when one of them is named, so the empty rest is left out.
    """
    parts = []
    for first, *rest in map_.cells.values():
        parts.append((first, ""))
        parts += [(field, f"replaced OR {_is_set(field)}") for field in rest]
    key = (map_.owner, "entry_id")
    source = f"\n  FROM (SELECT {is_replaced(map_.rows, 'NEW', key)} AS replaced)"
    owner = f'NEW."{map_.owner}"'
    log = _log(table.name, owner, "'UPDATE'", _entry_data(map_, "NEW", _members(parts)), source)
    then = (log, _touch_record(table.name, owner), _clear_note(map_.rows))
    return trigger(map_.rows, "insert", "AFTER INSERT", NOT_APPLYING, *_require(map_.rows, map_.attributes), *then)


def _on_entry_update(table: Table, map_: Map) -> str:
    """The attributes that changed; all that share a cell with one of them, since no edit mixes with another in it."""
    parts = ((field, _changed(cell)) for cell in map_.cells.values() for field in cell)
    columns = ", ".join(f'"{field.name}"' for field in map_.attributes)
    owner = f'NEW."{map_.owner}"'
    log = _log(table.name, owner, "'UPDATE'", _entry_data(map_, "NEW", _members(parts)))
    when = f"({_changed(map_.attributes)}) AND {NOT_APPLYING}"
    then = (*_require(map_.rows, map_.attributes, IS_EMPTIED), log, _touch_record(table.name, owner))
    return trigger(map_.rows, "update", f"AFTER UPDATE OF {columns}", when, *then)


def _on_entry_delete(table: Table, map_: Map) -> str:
    """Nothing is logged of the entries that vanish with their record, which is gone by then."""
    owner = f'OLD."{map_.owner}"'
    has_owner = f'EXISTS (SELECT 1 FROM "{table.name}" WHERE id = {owner})'
    when = f"{NOT_APPLYING} AND {has_owner} AND NOT {is_replaced(map_.rows, 'OLD', (map_.owner, 'entry_id'))}"
    log = _log(table.name, owner, "'UPDATE'", _entry_data(map_, "OLD", "'null'"))
    return trigger(map_.rows, "delete", "AFTER DELETE", when, log, _touch_record(table.name, owner))
