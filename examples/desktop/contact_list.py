"""The list: light rows of all contacts, the model that filters them, and how one is drawn.

Thousands of contacts are read in one statement, in the background; a search looks at rows that are read already. The
window's own edits change one row in its place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from zlib import crc32

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPalette
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from examples.desktop.formatting import initials, subtitle
from offbook import Replica
from offbook.contacts.table import CONTACTS
from offbook.core.text import normalize_for_search

Index = QModelIndex | QPersistentModelIndex

HUES = 12
STAR = QColor("#d99a1c")
NOWHERE = QModelIndex()

_SEARCHED = " || char(10) || ".join(f"ifnull({field.name}, '')" for field in CONTACTS.fields if field.name != "starred")
_ENTRY = " || char(10) || ".join(f"ifnull({name}, '')" for name in ("label", *CONTACTS.maps[0].names_in["value"]))
_READ = f"""SELECT id, name, title, company, phone, email, starred, {_SEARCHED},
  (SELECT group_concat({_ENTRY}, char(10)) FROM contact_details WHERE contact_id = contacts.id) FROM contacts"""


class ContactRow(NamedTuple):
    """A contact as the list shows it. ``order`` sorts it, ``text`` is everything that a search looks at."""

    order: tuple[bool, str, str]
    id: str
    name: str
    subtitle: str
    starred: bool
    text: str


def read_rows(book: Replica, record_id: str | None = None) -> list[ContactRow]:
    """All contacts, or the one of this id: starred ones first, then by name."""
    where = "" if record_id is None else " WHERE id = ?"
    rows = book.connection.execute(_READ + where, () if record_id is None else (record_id,))
    return sorted(map(_row, rows))


def _row(values: Sequence[Any]) -> ContactRow:
    record_id, name, title, company, phone, email, starred, fields, entries = values
    below = subtitle({"title": title, "company": company, "phone": phone, "email": email})
    text = normalize_for_search(f"{fields}\n{entries or ''}")
    return ContactRow((not starred, normalize_for_search(name), record_id), record_id, name, below, bool(starred), text)


class ContactModel(QAbstractListModel):
    """The rows that hold each word of the search."""

    def __init__(self) -> None:
        super().__init__()
        self._all: list[ContactRow] = []
        self._shown: list[ContactRow] = []
        self._words: list[str] = []

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._shown)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row = self._shown[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.name
            case Qt.ItemDataRole.UserRole:
                return row
            case Qt.ItemDataRole.AccessibleTextRole:
                return ", ".join(part for part in (row.name, row.subtitle, "starred" * row.starred) if part)
            case _:
                return None

    @property
    def total(self) -> int:
        """How many contacts there are, also those that the search leaves out."""
        return len(self._all)

    def place_of(self, record_id: str) -> QModelIndex:
        """Where a contact is shown; an invalid index where it is not."""
        return next(
            (self.index(number) for number, row in enumerate(self._shown) if row.id == record_id), QModelIndex()
        )

    def search(self, text: str) -> None:
        """Show the contacts that have each word of the text somewhere."""
        self._words = normalize_for_search(text).split()
        self._show_all()

    def set_rows(self, rows: list[ContactRow]) -> None:
        """Show these from now on, in their order."""
        if rows != self._all:
            self._all = rows
            self._show_all()

    def replace(self, record_id: str, rows: Iterable[ContactRow]) -> None:
        """Show one contact as it is now: its row, or none where it was deleted."""
        self._remove(record_id)
        for row in rows:
            self._all.insert(bisect_left(self._all, row), row)
            if self._matches(row):
                place = bisect_left(self._shown, row)
                self.beginInsertRows(NOWHERE, place, place)
                self._shown.insert(place, row)
                self.endInsertRows()

    def _remove(self, record_id: str) -> None:
        self._all = [row for row in self._all if row.id != record_id]
        if (place := self.place_of(record_id)).isValid():
            self.beginRemoveRows(NOWHERE, place.row(), place.row())
            del self._shown[place.row()]
            self.endRemoveRows()

    def _show_all(self) -> None:
        self.beginResetModel()
        self._shown = [row for row in self._all if self._matches(row)] if self._words else list(self._all)
        self.endResetModel()

    def _matches(self, row: ContactRow) -> bool:
        return all(word in row.text for word in self._words)


# --- drawing -------------------------------------------------------------------------------------------------------


class ContactDelegate(QStyledItemDelegate):
    """A circle with initials, the name, and a smaller line below it."""

    GAP = 10
    CIRCLE = 36

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return QSize(160, max(self.CIRCLE, 2 * option.fontMetrics.height()) + 2 * self.GAP)

    def paint(self, painter: QPainter, option: Any, index: Index) -> None:
        row: ContactRow = index.data(Qt.ItemDataRole.UserRole)
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        is_selected = bool(option.state & QStyle.StateFlag.State_Selected)
        area: QRect = option.rect.adjusted(self.GAP, self.GAP, -self.GAP, -self.GAP)
        circle = QRect(area.left(), area.center().y() - self.CIRCLE // 2 + 1, self.CIRCLE, self.CIRCLE)
        painter.save()
        paint_avatar(painter, circle, row.id, row.name, option.palette)
        area.setLeft(circle.right() + self.GAP + 2)
        ink = option.palette.color(QPalette.ColorRole.HighlightedText if is_selected else QPalette.ColorRole.Text)
        if row.starred:
            area.setRight(self._paint_star(painter, area, ink if is_selected else STAR))
        self._paint_text(painter, area, row, ink, option.font)
        painter.restore()

    def _paint_star(self, painter: QPainter, area: QRect, ink: QColor) -> int:
        painter.setPen(ink)
        painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, "★")
        return area.right() - painter.fontMetrics().horizontalAdvance("★") - self.GAP

    def _paint_text(self, painter: QPainter, area: QRect, row: ContactRow, ink: QColor, font: QFont) -> None:
        upper, lower = QRect(area), QRect(area)
        if row.subtitle:
            upper.setBottom(area.center().y())
            lower.setTop(area.center().y() + 1)
        for rect, text, size, alpha in ((upper, row.name, 1.0, 1.0), (lower, row.subtitle, 0.88, 0.68)):
            sized, faded = QFont(font), QColor(ink)
            sized.setPointSizeF(font.pointSizeF() * size)
            faded.setAlphaF(alpha)
            painter.setFont(sized)
            painter.setPen(faded)
            cut = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
            painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, cut)
            if not row.subtitle:
                break


def paint_avatar(painter: QPainter, circle: QRect, record_id: str, name: str, palette: QPalette) -> None:
    """A contact's circle, always of the same colour."""
    is_dark = palette.color(QPalette.ColorRole.Base).lightness() < 128
    hue = crc32(record_id.encode()) % HUES / HUES
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor.fromHslF(hue, 0.35 if is_dark else 0.55, 0.28 if is_dark else 0.88))
    painter.drawEllipse(QRectF(circle))
    font = QFont(painter.font())
    font.setPixelSize(circle.height() * 2 // 5)
    font.setWeight(QFont.Weight.DemiBold)
    painter.setFont(font)
    painter.setPen(QColor.fromHslF(hue, 0.45, 0.86 if is_dark else 0.3))
    painter.drawText(circle, Qt.AlignmentFlag.AlignCenter, initials(name))
