"""python -m examples.desktop [FILE]: open a book in a window. Without FILE it is the book of the `offbook` command."""

from __future__ import annotations

import argparse
import signal
import sys

from PySide6.QtWidgets import QApplication

from examples.desktop.main_window import MainWindow
from offbook import Replica
from offbook.cli.paths import book_path


def main(arguments: list[str]) -> int:
    """Show the window until it is closed. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.desktop", description="Contacts in a window.")
    parser.add_argument("file", nargs="?", help="the book's file, which is made where it is not there yet")
    args = parser.parse_args(arguments)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C in a shell ends it at once: the book minds no sudden end
    app = QApplication(sys.argv[:1])
    app.setApplicationName("offbook")
    app.setApplicationDisplayName("Contacts")
    with Replica(book_path(args.file)) as book:
        window = MainWindow(book)
        window.start()
        return app.exec()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
