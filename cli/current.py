"""What the app that a command runs in is made of."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from flask import current_app

from config import blob_folder
from services.container import Services
from storage.engines.database import Database


def services() -> Services:
    """The parts that commands work with."""
    return cast(Services, current_app.extensions["offbook"])


def photos_elsewhere() -> Path | None:
    """The folder with the photos, where they are not in the database: what commands copy leaves it out."""
    return blob_folder(services().config.blob_url)


def current_database() -> Database:
    """The database as it is, for commands that move, copy or examine it."""
    return cast(Database, current_app.extensions["database"])
