"""What waits for a person: conflicts, of which one version is to stand, and changes that can't be sent.

A choice is made here and at once, with no network; the next sync carries it to every device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from examples.desktop.contact_details import muted, plain_label, sized
from examples.desktop.formatting import as_sentence, cell_label, cell_value, describe_author
from offbook import Invalid, NotFound, Parked, Replica

Conflict = Mapping[str, Any]


class PendingDialog(QDialog):
    """Every conflict and every parked change, each as a card. ``decided`` is emitted after each choice."""

    decided = Signal()

    def __init__(self, book: Replica, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._book = book
        self.setWindowTitle("Waiting for you")
        self.resize(640, 560)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self.problem = plain_label("")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self._scroll)
        column.addWidget(self.problem)
        column.addWidget(buttons)
        self.refresh()

    def refresh(self) -> None:
        """Show what waits now."""
        page = QWidget()
        column = QVBoxLayout(page)
        column.setSpacing(16)
        cards = list(self._cards())
        for card in cards:
            column.addWidget(card)
        if not cards:
            column.addWidget(muted(QLabel("Nothing waits.")), alignment=Qt.AlignmentFlag.AlignCenter)
        column.addStretch()
        put_into(self._scroll, page)

    def _cards(self) -> Iterator[QFrame]:
        for conflict in self._book.conflicts():
            yield ConflictCard(conflict, self._contact(conflict["record_id"]), self._resolve)
        for parked in self._book.parked():
            yield ParkedCard(parked, self._resolve)

    def _contact(self, record_id: str) -> Mapping[str, Any] | None:
        try:
            return self._book.contacts.get(record_id)
        except NotFound:
            return None

    def _resolve(self, choose: Callable[[Replica], object]) -> None:
        try:
            choose(self._book)
        except Invalid as error:  # what was typed stays, to be mended
            self.problem.setText(as_sentence(error))
            return
        except NotFound as error:  # resolved elsewhere meanwhile
            self.problem.setText(as_sentence(error))
        else:
            self.problem.clear()
            self.decided.emit()
        self.refresh()


def put_into(area: QScrollArea, page: QWidget) -> None:
    """Show another page. The old one may be where the click came from: it goes when that is done."""
    if (old := area.takeWidget()) is not None:
        old.deleteLater()
    area.setWidget(page)


Resolve = Callable[[Callable[[Replica], object]], None]


class Card(QFrame):
    """One thing that needs a decision, with its name and what it is about."""

    def __init__(self, name: str, subject: str) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setAccessibleName(f"{name}: {subject}")
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(16, 14, 16, 14)
        self.column.setSpacing(10)
        self.column.addWidget(sized(plain_label(name), 1.15))
        self.column.addWidget(muted(plain_label(subject)))


class ConflictCard(Card):
    """Two versions side by side, each with who wrote it and a button that keeps it; both, or another, below."""

    def __init__(self, conflict: Conflict, contact: Mapping[str, Any] | None, resolve: Resolve) -> None:
        self._conflict, self._resolve = conflict, resolve
        cell = cell_label(conflict["cell"], contact)
        before = cell_value(conflict["cell"], conflict["common"])
        super().__init__(conflict["name"] or "A contact", f"{cell}, before: {before}" if before else cell)
        versions = QHBoxLayout()
        versions.setSpacing(12)
        for choice in ("ours", "theirs"):
            versions.addWidget(self._version(choice), 1)
        self.column.addLayout(versions)
        self.column.addLayout(self._others(conflict["choices"], conflict["ours"]))

    def _version(self, choice: str) -> QFrame:
        conflict, writer = self._conflict, describe_author(self._conflict[f"{choice}_by"])
        frame = QFrame()
        frame.setFrameShape(QFrame.Shape.StyledPanel)
        column = QVBoxLayout(frame)
        heading = f"{writer} · stands now" if choice == "ours" else writer
        column.addWidget(sized(muted(plain_label(heading)), 0.9))
        column.addWidget(sized(plain_label(cell_value(conflict["cell"], conflict[choice]) or "nothing"), 1.05), 1)
        column.addWidget(self._button("Keep this", f"Keep the version of {writer}", choice))
        return frame

    def _button(self, text: str, name: str, choice: str) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(name)
        button.setAutoDefault(False)
        button.clicked.connect(lambda: self._resolve(lambda book: book.resolve(self._conflict["id"], choice)))
        return button

    def _others(self, choices: list[str], ours: object) -> QHBoxLayout:
        row = QHBoxLayout()
        if "both" in choices:
            row.addWidget(self._button("Keep both", "Keep both versions", "both"))
        if ours is None or isinstance(ours, str):
            self.typed = QLineEdit()
            self.typed.setPlaceholderText("Or type another, and press Enter")
            self.typed.setAccessibleName("Another value")
            self.typed.returnPressed.connect(self._resolve_with_typed)
            row.addWidget(self.typed, 1)
        return row

    def _resolve_with_typed(self) -> None:
        value = self.typed.text().strip() or None
        self._resolve(lambda book: book.resolve(self._conflict["id"], value=value))


class ParkedCard(Card):
    """A change that can't be sent, why not, and what it would write."""

    def __init__(self, parked: Parked, resolve: Resolve) -> None:
        name = str((parked.record or parked.data or {}).get("name") or "A contact")
        super().__init__(name, parked.detail)
        if parked.data:
            values = [f"{field}: {value}" for field, value in parked.data.items() if isinstance(value, str)]
            self.column.addWidget(plain_label("\n".join(values)))
        row = QHBoxLayout()
        for text, choose in (("Try again", Replica.retry), ("Give it up", Replica.drop)):
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(partial(_choose, resolve, choose, parked.change_id))
            row.addWidget(button)
        row.addStretch()
        self.column.addLayout(row)


def _choose(resolve: Resolve, choose: Callable[[Replica, str], object], change_id: str) -> None:
    resolve(lambda book: choose(book, change_id))
