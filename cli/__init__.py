"""Commands for admins: ``flask user|device|book|stream|tables|backup|restore|move|doctor|vacuum …``.

Everything here goes through a store, as the pages do. A new command is a function in one of these files, and its name
in COMMANDS.
"""

from __future__ import annotations

from flask import Flask

from cli.backup import make_backup, restore_backup
from cli.books import book
from cli.devices import device
from cli.maintenance import doctor, vacuum
from cli.move import move
from cli.streams import stream
from cli.tables import tables
from cli.users import user

COMMANDS = (user, device, book, stream, tables, make_backup, restore_backup, move, doctor, vacuum)


def register(app: Flask) -> None:
    """Add the commands to ``flask``."""
    for command in COMMANDS:
        app.cli.add_command(command)
