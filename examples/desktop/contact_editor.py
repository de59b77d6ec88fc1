"""The form: a contact's fields, and as many labelled phones, e-mails, addresses, … as one likes."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from examples.desktop.contact_details import COLOURS, plain_label
from examples.desktop.entry_fields import NEW, changed_fields, changed_lines
from examples.desktop.formatting import FIELDS, SUGGESTED_LABELS, Contact, EntryLine, as_sentence, entry_lines
from offbook import Invalid, NotFound, Replica
from offbook.contacts.labels import field_label, kind_label

LONG_LINES = 3


class ContactEditor(QDialog):
    """Edits a contact, or adds one. ``saved`` has its id."""

    saved = Signal(str)

    def __init__(self, book: Replica, contact: Contact | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._book = book
        self._opened = contact or NEW
        self.setWindowTitle("Edit contact" if contact else "New contact")
        self.setModal(True)
        self.resize(560, 620)
        self.inputs = {name: _input(name == "notes", self._opened.get(name) or "") for name in FIELDS}
        self.lines: list[EntryInput] = []
        self._form = QFormLayout()
        self._fill_form()
        self.problem = plain_label("")
        self.problem.setStyleSheet(f"color: {COLOURS['bad']}")
        self.problem.hide()
        self._lay_out()
        self.inputs["name"].setFocus()

    # --- layout ---

    def _fill_form(self) -> None:
        fields = list(self.inputs)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name in fields[:3]:
            self._form.addRow(field_label(name), self.inputs[name])
        for line in entry_lines(self._opened) or [EntryLine("phone"), EntryLine("email")]:
            self.add_line(line)
        for name in fields[3:]:
            self._form.addRow(field_label(name), self.inputs[name])
        self.inputs["birthday"].setPlaceholderText("1815-12-10, or --12-10 without the year")

    def _lay_out(self) -> None:
        inside = QWidget()
        page = QVBoxLayout(inside)
        page.addLayout(self._form)
        page.addStretch()
        scroll = QScrollArea()
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        buttons.addButton(self._adder(), QDialogButtonBox.ButtonRole.ResetRole)
        buttons.accepted.connect(self.save)
        buttons.rejected.connect(self.reject)
        for keys in (QKeySequence.StandardKey.Save, "Ctrl+Return"):
            QShortcut(QKeySequence(keys), self, self.save)
        column = QVBoxLayout(self)
        column.addWidget(scroll)
        column.addWidget(self.problem)
        column.addWidget(buttons)

    def _adder(self) -> QPushButton:
        button = QPushButton("Add")
        button.setAutoDefault(False)
        menu = QMenu(button)
        for kind in SUGGESTED_LABELS:
            menu.addAction(kind_label(kind), partial(self._add_and_focus, kind))
        button.setMenu(menu)
        return button

    # --- lines ---

    def add_line(self, line: EntryLine) -> EntryInput:
        """Show one more line, below the last of its kind and of those before it."""
        added = EntryInput(line)
        added.removed.connect(partial(self._remove, added))
        kinds = list(SUGGESTED_LABELS)
        place = sum(kinds.index(other.line.kind) <= kinds.index(line.kind) for other in self.lines)
        self.lines.insert(place, added)
        self._form.insertRow(3 + place, kind_label(line.kind), added)
        return added

    def _add_and_focus(self, kind: str) -> None:
        self.add_line(EntryLine(kind)).value.setFocus()

    def _remove(self, line: EntryInput) -> None:
        self.lines.remove(line)
        self._form.removeRow(line)

    # --- saving ---

    def save(self) -> None:
        """Write what differs, and close; or say what can't be stored."""
        try:
            record_id = self._write()
        except Invalid as error:
            self.problem.setText(as_sentence(error))
            self.problem.show()
            return
        self.saved.emit(record_id)
        self.accept()

    def _write(self) -> str:
        fields = changed_fields(self._opened, {name: text_of(input_) for name, input_ in self.inputs.items()})
        own, details = changed_lines(self._opened, [line.read() for line in self.lines])
        if self._opened is NEW:
            return self._book.contacts.add(details=details, **{"name": ""} | fields | own)
        record_id = str(self._opened["id"])
        if fields or own or details:
            try:
                self._book.contacts.update(record_id, details=details, **fields, **own)
            except NotFound:  # deleted elsewhere, by someone who had not seen this edit: it brings the contact back
                with self._book.transaction():
                    self._book.contacts.put_back(self._opened)
                    self._book.contacts.update(record_id, details=details, **fields, **own)
        return record_id


class EntryInput(QWidget):
    """One phone, e-mail, … with its label."""

    removed = Signal()

    def __init__(self, line: EntryLine) -> None:
        super().__init__()
        self.line = line
        name = kind_label(line.kind)
        self.value = _input(line.kind == "address", line.value)
        self.value.setAccessibleName(name)
        self.label, edit = QComboBox(), QLineEdit()
        self.label.setLineEdit(edit)
        self.label.addItems(["", *SUGGESTED_LABELS[line.kind]])
        self.label.setCurrentText(line.label)
        edit.setPlaceholderText("Label")
        edit.setCursorPosition(0)
        self.label.setAccessibleName(f"{name}: label")
        remove = QToolButton()
        remove.setText("✕")
        remove.setAutoRaise(True)
        remove.setAccessibleName(f"Remove {name} {line.value}".strip())
        remove.setToolTip("Remove")
        remove.clicked.connect(self.removed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.value, 5)
        row.addWidget(self.label, 2)
        row.addWidget(remove)

    def read(self) -> EntryLine:
        """The line as it is typed now."""
        return self.line._replace(label=self.label.currentText().strip(), value=text_of(self.value))


def _input(is_long: bool, text: str) -> QLineEdit | QPlainTextEdit:
    input_ = QPlainTextEdit(text) if is_long else QLineEdit(text)
    if isinstance(input_, QPlainTextEdit):
        input_.setTabChangesFocus(True)
        input_.setFixedHeight(input_.fontMetrics().lineSpacing() * LONG_LINES + 14)
    input_.setProperty("value", text)
    input_.setProperty("shown", _shown_text(input_))
    return input_


def text_of(input_: QLineEdit | QPlainTextEdit) -> str:
    """What was typed; where nothing was, the value that it was opened with, which it may show differently."""
    shown = _shown_text(input_)
    return str(input_.property("value")) if shown == input_.property("shown") else shown.strip()


def _shown_text(input_: QLineEdit | QPlainTextEdit) -> str:
    return input_.text() if isinstance(input_, QLineEdit) else input_.toPlainText()
