"""Lines of a card -> the cells of a change: where in its contact a line stands, and how it is written there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from offbook.contacts.names import NAME, complete, known_parts
from offbook.contacts.table import CONTACTS, GROUP
from offbook.core.text import fold_key
from offbook.formats.carddav.lines import LABELS, PRINTED, CardLine
from offbook.formats.values import Contact
from offbook.formats.vcard.items import CardItem
from offbook.formats.vcard.params import dump_params, load_params
from offbook.formats.vcard.properties import ADDRESS_PARTS, COLUMNS, FIELDS, MORE, NAME_PARTS, TIME, without
from offbook.formats.vcard.reading import SEVERAL, UNREADABLE, read_item
from offbook.formats.vcard.syntax import Params

CELLS: Mapping[str, Sequence[str]] = {
    **{name: (field,) for name, field in FIELDS.items()},
    **{name: (field,) for name, (field, _) in SEVERAL.items()},
    **{"FN": (NAME,), "N": NAME_PARTS, "ORG": ("company", "department"), "BDAY": ("birthday",), "PHOTO": ("photo",)},
    **{"KIND": ("kind",), "X-STARRED": ("starred",)},
}
"""The fields that a property is."""

KEPT = frozenset({"FN", "N", "PHOTO"})
"""Properties whose fields stay where a card has something that is none of that sort in their place: a photo that can't
be read, a name that is too long."""

COLUMN_OF = {columns[0]: (kind, columns) for kind, columns in COLUMNS.items()}
DETAILS = CONTACTS.maps_by_name["details"]
LABEL_LIMIT = DETAILS.by_name["label"].limit
PARAMS_LIMIT = CONTACTS.by_name["phone_params"].limit
PART_OF_VALUE = (MORE, TIME)
"""What stands among the parameters and changes with the value."""


class LineEdit(NamedTuple):
    """What was edited of a line: its value; its label and whether it is preferred, None where these were not; the names
    of parameters that have another value, and of those that are removed."""

    value: bool
    label: str | None
    is_preferred: bool | None
    params_set: Sequence[str]
    params_removed: Sequence[str]


NO_EDIT = LineEdit(value=False, label=None, is_preferred=None, params_set=[], params_removed=[])


class CardCells:
    """The cells of a change, while a card is compared. ``contacts`` are the versions that are known, the base first;
    ``are_all`` says whether there are no others. ``left_out`` counts new details for which a contact has no room."""

    def __init__(self, contacts: Sequence[Contact], are_all: bool, new_key: Callable[[], str]) -> None:
        self.contacts = contacts
        self.are_all = are_all
        self.new_key = new_key
        self.fields: dict[str, Any] = {}
        self.details: dict[str, Any] = {}
        self.entries = [(key, entry) for contact in contacts for key, entry in (contact.get("details") or {}).items()]
        self.stored: dict[str, Mapping[str, Any]] = dict(reversed(self.entries))
        self.kinds = {entry["kind"] for _, entry in self.entries}
        self.unreadable = {entry.get("value") for _, entry in self.entries if entry.get("label") == UNREADABLE}
        self.room = DETAILS.entries_max - max(len(contact.get("details") or {}) for contact in contacts)
        self.left_out = 0
        self.position = max((entry.get("position") or 0 for _, entry in self.entries), default=0)

    def data(self) -> dict[str, Any]:
        """The cells, with the name and the parts that follow from each other."""
        fields = {**self.fields, **complete(self.fields, self.contacts[0])}
        return {**fields, **({"details": self.details} if self.details else {})}

    def is_property(self, state: CardLine) -> bool:
        """Whether a line is a detail of the kind ``property``."""
        return state.place.startswith("details/") and self._stored(state.place)["kind"] == "property"

    # --- a line that was served --------------------------------------------------------------------------------------

    def edit(self, line: CardLine, present: Sequence[CardLine], edit: LineEdit) -> None:
        """Write what was edited of a line; ``present`` is the line as it was served."""
        place = present[0].place
        if place in COLUMN_OF:
            self._edit_column(place, line, edit)
        elif place:
            self._edit_detail(place, line, edit)
        elif line.family in CELLS:
            self._edit_field(line, present, edit)

    def _edit_column(self, place: str, line: CardLine, edit: LineEdit) -> None:
        value, label, params = COLUMN_OF[place][1]
        fields = read_item(line.item, is_first=True).fields
        if edit.value and value not in fields:  # it has no room there
            self._empty(COLUMN_OF[place][1])
            self._add_item(line.item, is_first=False)
            return
        if edit.value:
            self.fields[value] = fields[value]
        if edit.label is not None and len(edit.label) <= LABEL_LIMIT:
            self.fields[label] = edit.label or None
        stored = load_params(self._first(params))
        changed = self._params(stored, line.item.params, edit)
        if edit.is_preferred is not None:
            changed = (*((("PREF", ("1",)),) if edit.is_preferred else ()), *without(changed, "PREF"))
        if changed != stored:
            self.fields[params] = dump_params(changed) if changed else None

    def _edit_detail(self, place: str, line: CardLine, edit: LineEdit) -> None:
        stored = self._stored(place)
        written: dict[str, Any] = {}
        params: Params = line.item.params
        is_printed = PRINTED in (*edit.params_set, *edit.params_removed)
        if stored["kind"] != GROUP and (edit.value or is_printed):
            item = line.item._replace(kind="") if stored["kind"] == "property" else line.item
            read = read_item(item, is_first=False)
            if not read.problems:
                (entry,) = read.entries or [{}]
                names = (*ADDRESS_PARTS, "value") if stored["kind"] == "address" else ("value",)
                written |= {name: entry.get(name) for name in names}
                params = load_params(entry.get("params"))
                if stored["kind"] == "address" and not edit.value and PRINTED not in edit.params_set:
                    written["value"] = None
        if edit.label is not None and len(edit.label) <= LABEL_LIMIT:
            written["label"] = edit.label or None
        if edit.is_preferred is not None:
            written["pref"] = edit.is_preferred
        before = load_params(stored.get("params"))
        changed = self._params(before, params, edit)
        if changed != before:
            written["params"] = dump_params(changed) if changed else None
        if written:
            self.details[place.removeprefix("details/")] = written

    def _edit_field(self, line: CardLine, present: Sequence[CardLine], edit: LineEdit) -> None:
        cells = CELLS[line.family]
        read = read_item(line.item, is_first=True)
        holds = [entry for entry in read.entries if "value" not in entry]
        if edit.value and read.fields.keys().isdisjoint(cells):
            if line.family not in KEPT:
                self._clear(line.family)
            self._add_item(line.item, is_first=True)
            return
        if edit.value:
            before = [read_item(state.item, is_first=True).fields for state in present]
            is_one_value = line.family == "N"
            for cell in cells:
                new = read.fields.get(cell)
                if is_one_value or line.family == "PHOTO" or new not in [fields.get(cell) for fields in before]:
                    self.fields[cell] = new
        self._hold(line.family, load_params(holds[0]["params"]) if holds else (), edit)

    def _hold(self, family: str, params: Params, edit: LineEdit) -> None:
        """Write the parameters of a field, which are a detail without a value."""
        key = self._held(family)
        before = load_params(self.stored[key].get("params")) if key else ()
        changed = self._params(before, params, edit)
        if changed == before:
            return
        if key:
            self.details[key] = {"params": dump_params(changed)} if changed else None
        else:
            self._add_entry({"kind": "property", "label": family, "params": dump_params(changed)})

    def _params(self, stored: Params, incoming: Params, edit: LineEdit) -> Params:
        """The parameters that are stored, with those that were edited."""
        values = dict(stored)
        came = dict(incoming)
        for name in (*edit.params_set, *(PART_OF_VALUE if edit.value else ())):
            if name in came:
                values[name] = came[name]
            elif name in PART_OF_VALUE:
                values.pop(name, None)
        for name in edit.params_removed:
            values.pop(name, None)
        params = tuple(values.items())
        return params if len(dump_params(params)) <= PARAMS_LIMIT else stored

    # --- a line that is missing, or new ------------------------------------------------------------------------------

    def remove(self, present: Sequence[CardLine]) -> None:
        """Remove a line that was served."""
        line = present[0]
        if line.family == LABELS:
            name = fold_key(str(line.value))
            groups = [key for key, entry in self.entries if entry["kind"] == GROUP and _label(entry) == name]
            self.details |= dict.fromkeys(groups)
        elif line.place in COLUMN_OF:
            self._empty(COLUMN_OF[line.place][1])
        elif line.place:
            self.details[line.place.removeprefix("details/")] = None
        else:
            self._clear(line.family)

    def _clear(self, family: str) -> None:
        self._empty(CELLS[family])
        if key := self._held(family):
            self.details[key] = None

    def _empty(self, cells: Sequence[str]) -> None:
        filled = [cell for cell in cells if any(contact.get(cell) for contact in self.contacts)]
        self.fields |= {cell: False if cell == "starred" else None for cell in filled}

    def add(self, line: CardLine) -> None:
        """Add a line that is new."""
        kind, cells = line.item.kind, CELLS.get(line.family, ())
        if kind in COLUMNS:
            columns = COLUMNS[kind]
            is_first = self.are_all and kind not in self.kinds and not any(map(self._first, columns))
        else:
            is_first = line.family == LABELS or not any(map(self._first, cells))
        self._add_item(line.item, is_first)

    def _add_item(self, item: CardItem, is_first: bool) -> None:
        read = read_item(item, is_first)
        fields = {name: value for name, value in read.fields.items() if value}
        if item.name == "N" and fields:
            parts = known_parts(self.contacts[0])._asdict()
            fields = {part: fields.get(part) for part in NAME_PARTS}
            if fields == parts:
                return  # they follow from the name
        self.fields |= fields
        for entry in read.entries:
            self._add_entry(entry)

    def _add_entry(self, entry: Mapping[str, Any]) -> None:
        if self.room <= 0:
            self.left_out += 1
            return
        self.room -= 1
        self.position += 1
        self.details[self.new_key()] = {**entry, "position": self.position}

    def add_unreadable(self, text: str) -> None:
        """Keep a line that is no property, once."""
        if text not in self.unreadable:
            self.unreadable.add(text)
            self._add_entry({"kind": "custom", "label": UNREADABLE, "value": text})

    # --- what is stored ----------------------------------------------------------------------------------------------

    def _first(self, cell: str) -> Any:
        """What is written to a field, or the first version has in it that has anything."""
        values = [self.fields.get(cell), *(contact.get(cell) for contact in self.contacts)]
        return next((value for value in values if value), None)

    def _stored(self, place: str) -> Mapping[str, Any]:
        """A detail in the first version that has it."""
        return self.stored[place.removeprefix("details/")]

    def _held(self, family: str) -> str:
        """The key of the detail with the parameters of a field; empty where there is none."""
        return next(
            (
                key
                for key, entry in self.entries
                if entry["kind"] == "property" and entry.get("label") == family and not entry.get("value")
            ),
            "",
        )


def _label(entry: Mapping[str, Any]) -> str:
    return fold_key(entry.get("value") or "")
