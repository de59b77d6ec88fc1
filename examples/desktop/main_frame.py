"""What the window is made of: its parts, where they lie, and its menus. What they do is told in main_window.py."""

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

from examples.desktop.contact_details import COLOURS, Pane, Strip, muted, sized
from examples.desktop.contact_list import ContactDelegate, ContactModel
from examples.desktop.formatting import State

EDGE = 12
LIST_WIDTH = 330

Keys = QKeySequence.StandardKey | str | None


class Frame(QMainWindow):
    """The widgets of the main window and their layout. What they do is Window's."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Contacts")
        self.resize(1000, 680)
        self.search, self.add_button, self.total = _search(), QPushButton("New"), sized(muted(QLabel()), 0.9)
        self.model = ContactModel()
        self.list = _list(self.model)
        self.pane = Pane()
        self.trouble, self.waits, self.undo = Strip("Server…"), Strip("Decide…"), Strip("Undo")
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

    def show_state(self, state: State, last: str) -> None:
        self.dot.setStyleSheet(f"color: {COLOURS[state.mark]}")
        self.state.setText(state.text)
        self.state.setToolTip(state.why)
        self.trouble.tell(state.why if state.mark == "bad" else "")
        self.last.setText(f"Last sync: {last}")


def _search() -> QLineEdit:
    search = QLineEdit()
    search.setPlaceholderText("Search")
    search.setClearButtonEnabled(True)
    search.setAccessibleName("Search contacts")
    return search


def _list(model: ContactModel) -> QListView:
    made = QListView()
    made.setModel(model)
    made.setItemDelegate(ContactDelegate(made))
    made.setUniformItemSizes(True)
    made.setFrameShape(QFrame.Shape.NoFrame)
    made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    made.setAccessibleName("Contacts")
    return made


def _column(*widgets: QWidget) -> QWidget:
    made = QWidget()
    made.setAutoFillBackground(True)
    made.setBackgroundRole(QPalette.ColorRole.Base)
    column = QVBoxLayout(made)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for widget in widgets:
        column.addWidget(widget)
    return made


def add_action(menu: QMenu, name: str, do: Callable[[], object], keys: Keys = None) -> QAction:
    action = menu.addAction(name)
    action.triggered.connect(lambda: do())
    if keys is not None:
        action.setShortcut(QKeySequence(keys))
    return action
