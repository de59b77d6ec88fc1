"""Which server this device syncs with, and its token."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLabel, QLineEdit, QWidget

from offbook import Invalid, Replica


class ServerDialog(QDialog):
    """Both are remembered in the book. The token that is there is never shown."""

    def __init__(self, book: Replica, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._book = book
        self.setWindowTitle("Server")
        self.address = QLineEdit(book.status().server or "")
        self.address.setPlaceholderText("https://contacts.example.org")
        self.address.setMinimumWidth(320)
        self.token = QLineEdit()
        self.token.setEchoMode(QLineEdit.EchoMode.Password)
        self.token.setPlaceholderText("as it is" if book.status().server else "")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.save)
        buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        form.addRow("Address", self.address)
        form.addRow("Token", self.token)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        form.addRow(self.problem)
        form.addRow(QLabel("The page “Devices” of the server makes a token for this device."))
        form.addRow(buttons)

    def save(self) -> None:
        """Remember both in the book, and close; or say what is wrong with the address."""
        try:
            self._book.set_server(self.address.text() or None, self.token.text() or None)
        except Invalid as error:  # what was typed stays, to be mended
            self.problem.setText(str(error))
        else:
            self.accept()
