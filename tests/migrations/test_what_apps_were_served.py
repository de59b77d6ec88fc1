"""What a tutorial app kept under an early version, which did not note whether its rows were served, is told at last."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from models import TutorialNumber, TutorialRow
from services.accounts.accounts import Accounts
from services.accounts.passwords import Effort
from services.contacts.tutorial import Tutorial
from storage.engines.database import Database, open_engines
from storage.engines.migrations import downgrade, upgrade
from storage.repositories.tutorial import TutorialRows
from storage.sql.store import SqlStore
from tests.support.tutorial_client import TutorialClient
from tests.support.tutorial_setup import House, Wire

UNDER_THE_EARLY_VERSION = """
import sys
from pathlib import Path

from storage.engines import open_engines
from storage.migrating import upgrade
from tests.tutorial_client import TutorialClient
from tests.tutorial_house import House, Wire

folder = Path(sys.argv[1])
database = open_engines(f"sqlite:///{folder}/server.db")
upgrade(database)
house = House(database, folder, 1_795_021_600_000_000)
_, token = house.accounts.add_device(house.book_id, house.user_id, "app", house.now, house.new_id)
wire = Wire(house, house.accounts.device_by_token(token))
app = TutorialClient(folder / "app.db", wire.get, lambda path, body: wire.post(path, body | {"data": None}))
laptop = house.other()
ada = laptop.add("Ada", phone="1")
laptop.add("Bob")
app.sync()
app.sync()
laptop.edit(ada, phone="2")
app.delete(-1)
app.sync()
app.sync()
assert app.contents() == [("Ada", "", "2"), ("Bob", "", "")]
assert house.contents() == [("Bob", "", "")]
app.close()
database.close()
print(token)
"""


@pytest.mark.versions
def test_an_app_hears_of_the_deletion_that_an_early_version_never_told(
    early_version: Path, tmp_path: Path, now: int
) -> None:
    token = subprocess.run(
        [sys.executable, "-c", UNDER_THE_EARLY_VERSION, tmp_path],
        cwd=early_version,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    database = open_engines(f"sqlite:///{tmp_path}/server.db")
    upgrade(database)
    login = Accounts(database, Effort(1, 8, 1)).device_by_token(token)
    assert login is not None
    house: Any = SimpleNamespace(tutorial=Tutorial(SqlStore(database), TutorialRows(database)), clock=lambda: now)
    wire = Wire(house, login)
    app = TutorialClient(tmp_path / "app.db", wire.get, wire.post)
    assert app.sync()
    assert app.contents() == [("Bob", "", "")]
    app.close()
    database.close()


@pytest.mark.parametrize(("number", "is_told"), [(-1, True), (1, False)])
def test_what_has_a_number_from_elsewhere_is_told_once_more(
    database: Database, tmp_path: Path, now: int, number: int, is_told: bool
) -> None:
    device = House(database, tmp_path, now).login("app").device
    key = {"device_id": device.id, "table_name": "contacts", "record_id": device.uuid}
    downgrade(database, "0007")
    with database.write() as connection:
        connection.execute(insert(TutorialNumber), {**key, "number": number})
        connection.execute(
            text("INSERT INTO tutorial_rows VALUES (:device_id, :table_name, :record_id, NULL, 5, NULL, NULL)"), key
        )
    upgrade(database)
    with database.read() as connection:
        row = connection.execute(select(TutorialRow.offered_seq, TutorialRow.was_served)).one()
    assert tuple(row) == (0 if is_told else None, True)
