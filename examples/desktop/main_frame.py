"""What the window is made of: its parts, where they lie, and its menus. What they do is in main_window.py."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QMainWindow,
    QMenu,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from examples.desktop.contact_details import COLOURS, ContactPane, NoticeBar, muted, sized
from examples.desktop.contact_list import ContactDelegate, ContactModel
from examples.desktop.formatting import SyncState

EDGE = 12
LIST_WIDTH = 330

Keys = QKeySequence.StandardKey | str | None


class MainFrame(QMainWindow):
    """The widgets of the main window and their layout. What they do is MainWindow's."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Contacts")
        self.resize(1000, 680)
        self.search, self.add_button, self.total = _search_input(), QPushButton("New"), sized(muted(QLabel()), 0.9)
        self.model = ContactModel()
        self.list = _list_view(self.model)
        self.pane = ContactPane()
        self.trouble, self.waits, self.undo = NoticeBar("Server…"), NoticeBar("Decide…"), NoticeBar("Undo")
        split = QSplitter()
        split.addWidget(self._left())
        split.addWidget(_column(self.trouble, self.waits, self.pane, self.undo))
        split.setHandleWidth(1)
        split.setChildrenCollapsible(False)
        split.setSizes([LIST_WIDTH, self.width() - LIST_WIDTH])
        split.setStretchFactor(1, 1)
        self.setCentralWidget(split)
        self.dot, self.state, self.last = QLabel("●"), QLabel(), muted(QLabel())
        self.sync_button = QPushButton("Sync now")
        self._fill_status_bar()

    def _left(self) -> QWidget:
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(EDGE, EDGE, EDGE, 6)
        row.addWidget(self.search, 1)
        row.addWidget(self.add_button)
        self.total.setContentsMargins(EDGE + 2, 0, EDGE, 6)
        return _column(head, self.total, self.list)

    def _fill_status_bar(self) -> None:
        bar = self.statusBar()
        bar.setContentsMargins(EDGE - 2, 2, EDGE - 2, 2)
        bar.setSizeGripEnabled(False)
        bar.addWidget(self.dot)
        bar.addWidget(self.state, 1)
        bar.addPermanentWidget(self.last)
        bar.addPermanentWidget(self.sync_button)

    def show_state(self, state: SyncState, last: str) -> None:
        """Show how syncing stands, and when the last sync was."""
        self.dot.setStyleSheet(f"color: {COLOURS[state.mark]}")
        self.state.setText(state.text)
        self.state.setToolTip(state.reason)
        self.trouble.show_text(state.reason if state.mark == "bad" else "")
        self.last.setText(f"Last sync: {last}")


def _search_input() -> QLineEdit:
    search = QLineEdit()
    search.setPlaceholderText("Search")
    search.setClearButtonEnabled(True)
    search.setAccessibleName("Search contacts")
    return search


def _list_view(model: ContactModel) -> QListView:
    view = QListView()
    view.setModel(model)
    view.setItemDelegate(ContactDelegate(view))
    view.setUniformItemSizes(True)
    view.setFrameShape(QFrame.Shape.NoFrame)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setAccessibleName("Contacts")
    return view


def _column(*widgets: QWidget) -> QWidget:
    panel = QWidget()
    panel.setAutoFillBackground(True)
    panel.setBackgroundRole(QPalette.ColorRole.Base)
    column = QVBoxLayout(panel)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for widget in widgets:
        column.addWidget(widget)
    return panel


def add_action(menu: QMenu, name: str, do: Callable[[], object], keys: Keys = None) -> QAction:
    """Add an entry to a menu that calls ``do``, also by its keys."""
    action = menu.addAction(name)
    action.triggered.connect(lambda: do())
    if keys is not None:
        action.setShortcut(QKeySequence(keys))
    return action
