"""The window: the list, the contact beside it, and below both how this device and its server stand.

Everything here reads and writes the book on this device, which takes no time. Nothing here waits for a server: what is
committed goes out from a thread of its own, and what others change comes in from there by a signal.
"""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QByteArray, QEvent, Qt, QThreadPool
from PySide6.QtGui import QCloseEvent, QKeySequence

from examples.desktop.background_call import BackgroundCall
from examples.desktop.contact_editor import ContactEditor
from examples.desktop.contact_list import ContactRow, read_rows
from examples.desktop.formatting import Contact, describe_pending, describe_state, format_time
from examples.desktop.main_frame import MainFrame, add_action
from examples.desktop.pending_view import PendingDialog
from examples.desktop.server_dialog import ServerDialog
from offbook import NotFound, Replica, Status
from offbook.core.formatting import format_count
from offbook.qt import LiveSignals, Syncer

GEOMETRY = "desktop_geometry"
STOP_MS_MAX = 1000
CHANGED_ONE_BY_ONE_MAX = 10
"""So many changed contacts are read one by one; of more, all are read."""


class MainWindow(MainFrame):
    """The main window of one replica."""

    def __init__(self, book: Replica) -> None:
        super().__init__()
        self.book = book
        self.live = LiveSignals(book, self)
        self.syncer = Syncer(book, self)
        self._pool = QThreadPool(self)
        self._rows = BackgroundCall(partial(read_rows, book), self._pool, self)
        self._status = BackgroundCall(book.status, self._pool, self)
        self._deleted: Contact | None = None
        self._version = 0
        self._make_menus()
        self._connect()
        if saved := book.settings.get(GEOMETRY):
            self.restoreGeometry(QByteArray.fromBase64(str(saved).encode()))
        self.refresh()
        self.search.setFocus()

    def start(self) -> None:
        """Show the window, and sync as long as it is open."""
        self.show()
        self.live.start()

    # --- menus ---

    def _make_menus(self) -> None:
        contact = self.menuBar().addMenu("&Contact")
        add_action(contact, "&New…", self.add, QKeySequence.StandardKey.New)
        self._contact_actions = [
            add_action(contact, "&Edit…", self.edit, "Ctrl+E"),
            add_action(contact, "&Delete", self.delete, QKeySequence.StandardKey.Delete),
        ]
        self._contact_actions[1].setShortcutContext(
            Qt.ShortcutContext.WidgetShortcut
        )  # in the search it deletes a letter
        self.list.addAction(self._contact_actions[1])
        add_action(contact, "&Undo delete", self.put_back, QKeySequence.StandardKey.Undo)
        contact.addSeparator()
        add_action(contact, "&Find", self._find, QKeySequence.StandardKey.Find)
        add_action(contact, "&Quit", self.close, QKeySequence.StandardKey.Quit)
        sync = self.menuBar().addMenu("&Sync")
        add_action(sync, "Sync &now", self.syncer.sync_now, QKeySequence.StandardKey.Refresh)
        add_action(sync, "&Decide…", self.decide, "Ctrl+D")
        add_action(sync, "&Server…", self.choose_server)

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
        self.live.changed.connect(self._show_changes)
        self.live.status.connect(self._status.request)  # what it brings may be older than what is being read
        for signal in (self.syncer.started, self.syncer.progress, self.syncer.finished, self.syncer.error):
            signal.connect(self.refresh)
        self._rows.returned.connect(self._show_rows)
        self._status.returned.connect(self._show_status)

    # --- what is shown ---

    def refresh(self) -> None:
        """Read what anyone else has written to the book: a sync, or another program on this device."""
        (version,) = self.book.connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self._rows.request()
        self._status.request()

    def _show_rows(self, rows: list[ContactRow]) -> None:
        current = self.current()
        self.model.set_rows(rows)
        self._select(current or self._first())
        self._show_total()

    def _show_changes(self, record_ids: list[str]) -> None:
        """Show what the server changed: a few contacts where they are, more by reading all."""
        if len(record_ids) > CHANGED_ONE_BY_ONE_MAX:
            self.refresh()
            return
        current = self.current()
        self._rows.invalidate()
        for record_id in record_ids:
            self.model.replace(record_id, read_rows(self.book, record_id))
        self._select(current or self._first())
        self._show_total()
        self._status.request()

    def _show_total(self) -> None:
        shown, total = self.model.rowCount(), self.model.total
        contacts = format_count(total, "contact")
        self.total.setText(contacts if shown == total else f"{shown:,} of {contacts}")

    def _show_current(self) -> None:
        record_id = self.current()
        for action in self._contact_actions:
            action.setEnabled(bool(record_id))
        try:
            self.pane.show_contact(self.book.contacts.get(record_id))
        except NotFound:
            self.pane.show_nothing(self._empty_text())

    def _empty_text(self) -> str:
        if not self.model.total:
            return "No contacts yet: Ctrl+N adds one"
        return "This contact is not there any more" if self.model.rowCount() else "Nothing found"

    def _show_status(self, status: Status) -> None:
        self.show_state(describe_state(status, self.syncer.is_syncing), format_time(status.last_success))
        self.waits.show_text(describe_pending(status))

    # --- selection and search ---

    def current(self) -> str:
        """The id of the contact that is selected; empty where none is."""
        index = self.list.currentIndex()
        row: ContactRow | None = index.data(Qt.ItemDataRole.UserRole) if index.isValid() else None
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
        row: ContactRow | None = self.model.index(0).data(Qt.ItemDataRole.UserRole) if self.model.rowCount() else None
        return row.id if row else ""

    def _find(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    # --- actions ---

    def add(self) -> None:
        """Open the form for a new contact."""
        self._open_editor(None)

    def edit(self) -> None:
        """Open the form for the selected contact."""
        if (contact := self._selected_contact()) is not None:
            self._open_editor(contact)

    def delete(self) -> None:
        """Delete the selected contact, which can be undone, and select the next one."""
        if (contact := self._selected_contact()) is None:
            return
        row = self.list.currentIndex().row()
        self._deleted = contact
        self.book.contacts.delete(contact["id"])
        self._show_edit(contact["id"])
        self.list.setCurrentIndex(self.model.index(min(row, self.model.rowCount() - 1)))
        self.undo.show_text(f"Deleted {contact['name']}.")

    def put_back(self) -> None:
        """Take the last deletion back."""
        if self._deleted is not None:
            contact, self._deleted = self._deleted, None
            self.book.contacts.put_back(contact)
            self._show_edit(contact["id"])
            self.select(contact["id"])
            self.undo.show_text("")

    def decide(self) -> PendingDialog:
        """Open what waits for a person."""
        dialog = PendingDialog(self.book, self)
        dialog.decided.connect(self._decided)
        dialog.open()
        return dialog

    def choose_server(self) -> None:
        """Open the server's address and token, and sync once they are saved."""
        dialog = ServerDialog(self.book, self)
        dialog.accepted.connect(self.syncer.sync_now)
        dialog.open()

    def _selected_contact(self) -> Contact | None:
        """The contact that is selected; None where it is gone by now, which the list will show."""
        try:
            return self.book.contacts.get(self.current())
        except NotFound:
            self.refresh()
            return None

    def _open_editor(self, contact: Contact | None) -> None:
        self.editor = ContactEditor(self.book, contact, self)
        self.editor.saved.connect(self._saved)
        self.editor.open()

    def _saved(self, record_id: str) -> None:
        self._show_edit(record_id)
        self.select(record_id)

    def _star(self, is_starred: bool) -> None:
        if (contact := self._selected_contact()) is not None:
            self.book.contacts.update(contact["id"], starred=is_starred)
            self._saved(contact["id"])

    def _decided(self) -> None:
        self._rows.request()
        self._status.request()
        self._show_current()

    def _show_edit(self, record_id: str) -> None:
        """Show at once what this window changed."""
        self._rows.invalidate()
        self.model.replace(record_id, read_rows(self.book, record_id))
        self._show_total()
        self._status.request()

    # --- events ---

    def changeEvent(self, event: QEvent) -> None:
        """Whoever comes back to the window may have been at work in another one."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.refresh()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop syncing and close the file: within two seconds, whatever the server does."""
        self.book.settings[GEOMETRY] = self.saveGeometry().toBase64().toStdString()
        self.syncer.stop()
        self.live.stop()
        self._pool.waitForDone(STOP_MS_MAX)
        super().closeEvent(event)
