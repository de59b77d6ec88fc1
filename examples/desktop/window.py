"""The window: the list, the contact beside it, and below both how this device and its server stand.

Everything here reads and writes the book on this device, which takes no time. Nothing here waits for a server: the
syncer works in a thread of its own, and tells when it is done.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QByteArray, QEvent, Qt, QThreadPool, Signal
from PySide6.QtGui import QActionGroup, QCloseEvent, QKeySequence
from PySide6.QtWidgets import QMenu

from examples.desktop.aside import Aside
from examples.desktop.contacts import Row, read_rows
from examples.desktop.editor import Editor
from examples.desktop.frame import Frame, add_action
from examples.desktop.server import ServerDialog
from examples.desktop.waiting import Waiting
from examples.desktop.words import Contact, count, moment, state, undecided
from offbook import NotFound, Replica, Status, SyncReport
from offbook.qt import Syncer

GEOMETRY = "desktop_geometry"
STOP_MS_MAX = 1000
INTERVALS = {15: "15 seconds", 60: "minute", 300: "5 minutes", 3600: "hour"}


class Window(Frame):
    """``edited`` is told after each change that a person made here."""

    edited = Signal()

    def __init__(self, book: Replica, syncer: Syncer) -> None:
        super().__init__()
        self.book = book
        self.syncer = syncer
        self._pool = QThreadPool(self)
        self._rows = Aside(partial(read_rows, book), self._pool, self)
        self._status = Aside(book.status, self._pool, self)
        self._error: Exception | None = None
        self._deleted: Contact | None = None
        self._version = 0
        self._make_menus()
        self._connect()
        if saved := book.settings.get(GEOMETRY):
            self.restoreGeometry(QByteArray.fromBase64(str(saved).encode()))
        self.refresh()
        self.search.setFocus()

    # --- menus ---

    def _make_menus(self) -> None:
        contact = self.menuBar().addMenu("&Contact")
        add_action(contact, "&New…", self.add, QKeySequence.StandardKey.New)
        self._for_one = [
            add_action(contact, "&Edit…", self.edit, "Ctrl+E"),
            add_action(contact, "&Delete", self.delete, QKeySequence.StandardKey.Delete),
        ]
        self._for_one[1].setShortcutContext(Qt.ShortcutContext.WidgetShortcut)  # in the search it deletes a letter
        self.list.addAction(self._for_one[1])
        add_action(contact, "&Undo delete", self.put_back, QKeySequence.StandardKey.Undo)
        contact.addSeparator()
        add_action(contact, "&Find", self._find, QKeySequence.StandardKey.Find)
        add_action(contact, "&Quit", self.close, QKeySequence.StandardKey.Quit)
        sync = self.menuBar().addMenu("&Sync")
        add_action(sync, "Sync &now", self.syncer.sync_now, QKeySequence.StandardKey.Refresh)
        add_action(sync, "&Decide…", self.decide, "Ctrl+D")
        self._add_intervals(sync.addMenu("&Every"))
        add_action(sync, "&Server…", self.choose_server)

    def _add_intervals(self, menu: QMenu) -> None:
        group = QActionGroup(menu)
        for seconds, name in INTERVALS.items():
            action = add_action(menu, name, partial(setattr, self.syncer, "interval_seconds", seconds))
            action.setCheckable(True)
            action.setChecked(seconds == self.syncer.interval_seconds)
            group.addAction(action)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._search)
        self.add_button.clicked.connect(self.add)
        self.search.returnPressed.connect(self.list.setFocus)
        self.list.selectionModel().currentChanged.connect(self._show_current)
        self.list.activated.connect(self.edit)
        self.pane.edit.connect(self.edit)
        self.pane.delete.connect(self.delete)
        self.pane.star.connect(self._star)
        self.undo.chosen.connect(self.put_back)
        self.waits.chosen.connect(self.decide)
        self.trouble.chosen.connect(self.choose_server)
        self.sync_button.clicked.connect(self.syncer.sync_now)
        self.syncer.started.connect(self._status.ask)
        self.syncer.progress.connect(self.refresh)
        self.syncer.finished.connect(self._synced)
        self.syncer.error.connect(self._failed)
        self._rows.found.connect(self._show_rows)
        self._status.found.connect(self._show_status)

    # --- what is shown ---

    def refresh(self) -> None:
        """Read what anyone else has written to the book: a sync, or another program on this device."""
        (version,) = self.book.connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self._rows.ask()
        self._status.ask()

    def _show_rows(self, rows: list[Row]) -> None:
        current = self.current()
        self.model.take(rows)
        self._select(current or self._first())
        self._show_total()

    def _show_total(self) -> None:
        shown, total = self.model.rowCount(), self.model.total
        self.total.setText(count(total, "contact") if shown == total else f"{shown:,} of {count(total, 'contact')}")

    def _show_current(self) -> None:
        record_id = self.current()
        for action in self._for_one:
            action.setEnabled(bool(record_id))
        try:
            self.pane.show_contact(self.book.contacts.get(record_id))
        except NotFound:
            self.pane.show_nothing(self._why_nothing())

    def _why_nothing(self) -> str:
        if not self.model.total:
            return "No contacts yet: Ctrl+N adds one"
        return "This contact is not there any more" if self.model.rowCount() else "Nothing found"

    def _show_status(self, status: Status) -> None:
        self.show_state(state(status, self._error, self.syncer.is_syncing), moment(status.last_success))
        self.waits.tell(undecided(status))

    def _synced(self, report: SyncReport) -> None:
        self._error = None
        self.refresh()

    def _failed(self, error: Exception) -> None:
        self._error = error
        self.refresh()

    # --- finding ---

    def current(self) -> str:
        """The id of the contact that is selected; empty where none is."""
        index = self.list.currentIndex()
        row: Row | None = index.data(Qt.ItemDataRole.UserRole) if index.isValid() else None
        return row.id if row else ""

    def select(self, record_id: str) -> None:
        """Select a contact, wherever the search has left it."""
        if self.search.text() and not self.model.place_of(record_id).isValid():
            self.search.clear()
        self._select(record_id)

    def _select(self, record_id: str) -> None:
        place = self.model.place_of(record_id)
        self.list.setCurrentIndex(place)
        self.list.scrollTo(place)
        self._show_current()

    def _search(self, text: str) -> None:
        current = self.current()
        self.model.search(text)
        place = self.model.place_of(current)
        self._select(current if place.isValid() or not text else self._first())
        self._show_total()

    def _first(self) -> str:
        row: Row | None = self.model.index(0).data(Qt.ItemDataRole.UserRole) if self.model.rowCount() else None
        return row.id if row else ""

    def _find(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    # --- what a person does ---

    def add(self) -> None:
        self._open_editor(None)

    def edit(self) -> None:
        if (contact := self._chosen()) is not None:
            self._open_editor(contact)

    def delete(self) -> None:
        if (contact := self._chosen()) is None:
            return
        at = self.list.currentIndex().row()
        self._deleted = contact
        self.book.contacts.delete(contact["id"])
        self._was_edited(contact["id"])
        self.list.setCurrentIndex(self.model.index(min(at, self.model.rowCount() - 1)))
        self.undo.tell(f"Deleted {contact['name']}.")

    def put_back(self) -> None:
        """Take the last deletion back."""
        if self._deleted is not None:
            contact, self._deleted = self._deleted, None
            self.book.contacts.put_back(contact)
            self._was_edited(contact["id"])
            self.select(contact["id"])
            self.undo.tell("")

    def decide(self) -> Waiting:
        dialog = Waiting(self.book, self)
        dialog.decided.connect(self._decided)
        dialog.open()
        return dialog

    def choose_server(self) -> None:
        dialog = ServerDialog(self.book, self)
        dialog.accepted.connect(self.syncer.sync_now)
        dialog.open()

    def _chosen(self) -> Contact | None:
        """The contact that is selected; None where it is gone by now, which the list will show."""
        try:
            return self.book.contacts.get(self.current())
        except NotFound:
            self.refresh()
            return None

    def _open_editor(self, contact: Contact | None) -> None:
        self.editor = Editor(self.book, contact, self)
        self.editor.saved.connect(self._saved)
        self.editor.open()

    def _saved(self, record_id: str) -> None:
        self._was_edited(record_id)
        self.select(record_id)

    def _star(self, is_starred: bool) -> None:
        if (contact := self._chosen()) is not None:
            self.book.contacts.update(contact["id"], starred=is_starred)
            self._saved(contact["id"])

    def _decided(self) -> None:
        self._rows.ask()
        self._status.ask()
        self._show_current()
        self.edited.emit()

    def _was_edited(self, record_id: str) -> None:
        """Show at once what this window changed."""
        self._rows.overtake()
        self.model.put(record_id, read_rows(self.book, record_id))
        self._show_total()
        self._status.ask()
        self.edited.emit()

    # --- events ---

    def changeEvent(self, event: QEvent) -> None:
        """Whoever comes back to the window may have been at work in another one."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.refresh()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Let go of the server, and of the file. Within two seconds, whatever the server does."""
        self.book.settings[GEOMETRY] = self.saveGeometry().toBase64().toStdString()
        self.syncer.stop()
        self._pool.waitForDone(STOP_MS_MAX)
        super().closeEvent(event)
