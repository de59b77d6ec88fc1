"""The pane beside the list: one contact, to be read. And the bars that say something and offer one thing to do."""

from __future__ import annotations

from html import escape
from typing import TypeVar

from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTextBrowser,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from examples.desktop.contact_list import STAR, paint_avatar
from examples.desktop.formatting import Contact, DetailLine, detail_lines, format_time, subtitle

EDGE = 28
COLOURS = {"good": "#2e9e6b", "busy": "#3584e4", "waiting": "#d99a1c", "bad": "#d3403a"}
"""Of how syncing stands, readable on light and on dark."""

W = TypeVar("W", bound=QWidget)


class ContactPane(QWidget):
    """Shows a contact, or why there is none to show."""

    edit = Signal()
    delete = Signal()
    star = Signal(bool)

    def __init__(self) -> None:
        super().__init__()
        self.contact: Contact | None = None
        self.avatar, self.head = Avatar(), text_label("")
        self.star_button, edit, delete = QToolButton(), QPushButton("Edit"), QPushButton("Delete")
        self.star_button.setAutoRaise(True)
        sized(self.star_button, 1.3)
        self.star_button.setToolTip("Contacts with a star are at the top of the list")
        self.star_button.clicked.connect(self._change_star)
        edit.clicked.connect(self.edit)
        delete.clicked.connect(self.delete)
        self.text = QTextBrowser()
        self.text.setOpenExternalLinks(True)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setAccessibleName("The contact")
        self.text.document().setDocumentMargin(EDGE - 4)
        self._top = QWidget()
        row = QHBoxLayout(self._top)
        row.setContentsMargins(EDGE, EDGE, EDGE, 0)
        row.addWidget(self.avatar)
        row.addSpacing(10)
        row.addWidget(self.head, 1)
        for button in (self.star_button, edit, delete):
            row.addWidget(button, alignment=Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._top)
        column.addWidget(self.text, 1)
        self.show_nothing("")

    def show_nothing(self, reason: str) -> None:
        """Show a sentence in the place of a contact."""
        self.contact = None
        self._top.hide()
        self.text.setHtml(f'<p align="center" style="color: {self._muted()}; margin-top: 80px">{escape(reason)}</p>')

    def show_contact(self, contact: Contact) -> None:
        """Show all of a contact."""
        if contact != self.contact:
            self.contact = contact
            self._render(contact)

    def _render(self, contact: Contact) -> None:
        size = self.font().pointSizeF() * 1.5
        name, below = escape(contact["name"]), escape(subtitle(contact))
        self.avatar.show_contact(contact)
        self.head.setText(
            f'<b style="font-size: {size}pt">{name}</b><br><span style="color: {self._muted()}">{below}</span>'
        )
        self.star_button.setText("★" if contact["starred"] else "☆")
        self.star_button.setStyleSheet(f"color: {STAR.name()}" if contact["starred"] else "")
        self.star_button.setAccessibleName("Take the star away" if contact["starred"] else "Give it a star")
        self._top.show()
        rows = "".join(
            map(self._row, [*detail_lines(contact), DetailLine("Changed", format_time(contact["updated_at"]))])
        )
        self.text.setHtml(f'<table cellspacing="0" cellpadding="4">{rows}</table>')

    def _row(self, line: DetailLine) -> str:
        text = escape(line.text).replace("\n", "<br>")
        if line.link:
            text = f'<a style="text-decoration: none" href="{escape(line.link)}">{text}</a>'
        label = escape(line.label).replace(" ", "&nbsp;")
        return f'<tr><td align="right" style="color: {self._muted()}">{label}&nbsp;&nbsp;</td><td>{text}</td></tr>'

    def _muted(self) -> str:
        """The text's colour, a third of the way to what lies behind it: for what stands beside what matters."""
        text, base = (self.palette().color(role) for role in (QPalette.ColorRole.Text, QPalette.ColorRole.Base))
        parts = ((text.red(), base.red()), (text.green(), base.green()), (text.blue(), base.blue()))
        return QColor(*[(2 * ink + paper) // 3 for ink, paper in parts]).name()

    def _change_star(self) -> None:
        if self.contact is not None:
            self.star.emit(not self.contact["starred"])

    def changeEvent(self, event: QEvent) -> None:
        """The system went from light to dark, or back."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.contact is not None:
            self._render(self.contact)


class Avatar(QWidget):
    """A contact's circle; for the eye only."""

    SIZE = 60

    def __init__(self) -> None:
        super().__init__()
        self._contact: Contact | None = None
        self.setFixedSize(self.SIZE, self.SIZE)

    def show_contact(self, contact: Contact) -> None:
        """Draw the circle of this contact."""
        self._contact = contact
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._contact is not None:
            with QPainter(self) as painter:
                circle = QRect(0, 0, self.SIZE, self.SIZE)
                paint_avatar(painter, circle, self._contact["id"], self._contact["name"], self.palette())


class NoticeBar(QFrame):
    """A line across the pane with one thing to do about it; hidden while it has nothing to say."""

    chosen = Signal()

    def __init__(self, action: str) -> None:
        super().__init__()
        self.setAutoFillBackground(True)
        self.setBackgroundRole(QPalette.ColorRole.Window)
        self.text, self.button = plain_label(""), QPushButton(action)
        self.button.clicked.connect(self.chosen)
        row = QHBoxLayout(self)
        row.setContentsMargins(EDGE, 8, EDGE, 8)
        row.addWidget(self.text, 1)
        row.addWidget(self.button)
        self.hide()

    def show_text(self, text: str) -> None:
        """Show the bar with this text; no text hides it."""
        self.text.setText(text)
        self.setAccessibleName(text)
        self.setVisible(bool(text))


# --- labels --------------------------------------------------------------------------------------------------------


def text_label(text: str) -> QLabel:
    """A label of several lines, which may hold markup."""
    label = QLabel(text)
    label.setWordWrap(True)
    return label


def plain_label(text: str) -> QLabel:
    """A label for text that others may have written: never taken for markup."""
    label = text_label(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label


def muted(label: QLabel) -> QLabel:
    """The label in a paler colour."""
    label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
    return label


def sized(widget: W, factor: float) -> W:
    """The widget with smaller text, or with larger and bold text."""
    font = QFont(widget.font())
    font.setPointSizeF(font.pointSizeF() * factor)
    font.setBold(factor > 1)
    widget.setFont(font)
    return widget
