"""Devices and servers that differ in what a contact holds, with the real code of the versions before contacts grew.

A device that knows less shows what it can and loses nothing; one that knows more keeps it until its server can take it.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app import App, create_app
from bench.peers.commits import BEFORE_GROWTH
from config import Config
from offbook import Replica
from offbook.contacts.table import BUILT_IN, FIRST_ATTRIBUTES, FIRST_FIELDS
from offbook.core.declaration.rules import app_schema
from offbook.tables import Table, Text
from ops.grow import grow
from tests.migrations.test_last_version import serving_before
from tests.support import other_versions
from tests.support.api_client import caller
from tests.support.live_server import serving
from tests.support.other_versions import Modules, extract_version
from tests.support.pictures import picture
from tests.support.served_schemas import AppTransport

pytestmark = [pytest.mark.versions, pytest.mark.engines("sqlite")]

PARAMS = '[["TYPE",["voice"]]]'
DETAILS: dict[str, dict[str, Any]] = {
    "k1": {"kind": "im", "label": "Matrix", "value": "@ada:example.org", "pref": True},
    "k2": {"kind": "relation", "label": "Mother", "value": "Anne Isabella"},
    "k3": {"kind": "property", "label": "X-SHOE-SIZE", "value": "38", "params": PARAMS},
    "k4": {"kind": "address", "street": "12 St James's Square", "city": "London", "po_box": "7", "extended": "Top"},
    "k5": {"kind": "group", "value": "Friends"},
}
ADA: dict[str, Any] = {
    "name": "Ada Lovelace",
    "phone": "030 1234567",
    "uid": "ada@example.org",
    "kind": "person",
    "role": "Analyst",
    "phonetic_given": "Eida",
    "phone_params": PARAMS,
}
NOTES = Table("notes", Text("title"))


def first_part(contact: dict[str, Any]) -> dict[str, Any]:
    """What a version of before knows of a contact."""
    details = {
        key: {name: value for name, value in entry.items() if name in FIRST_ATTRIBUTES}
        for key, entry in contact["details"].items()
    }
    return {name: value for name, value in contact.items() if name in FIRST_FIELDS} | {"details": details}


def names(replica: Any) -> set[str]:
    return {contact["name"] for contact in replica.contacts.list()}


# --- a device of before, a server of today -------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["last", "ungrown"])
def before(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Modules:
    """A version before contacts grew."""
    modules: Modules = getattr(other_versions, request.param)(tmp_path_factory.mktemp(request.param))
    return modules


def test_a_device_of_before_shows_what_it_knows_loses_nothing_and_has_the_rest_once_it_is_upgraded(
    before: Modules, app: App, tmp_path: Path
) -> None:
    ways = {name: AppTransport(app, caller(app, "ada", name).token) for name in ("phone", "laptop")}
    with Replica(tmp_path / "laptop.db", transport=ways["laptop"]) as laptop:
        ada = laptop.contacts.add(**ADA, photo=laptop.blobs.put(picture()), details=DETAILS)
        grace = laptop.contacts.add(name="Grace", role="Admiral")
        laptop.sync()
        whole = laptop.contacts.get(ada)

        with before["offbook.replica"].Replica(tmp_path / "phone.db", transport=ways["phone"]) as phone:
            phone.sync()
            assert first_part(phone.contacts.get(ada)) == first_part(whole)
            phone.contacts.update(ada, notes="met at the engine", details={"k1": {"label": "Chat"}})
            phone.connection.execute("UPDATE contact_details SET city = 'Bath' WHERE entry_id = 'k4'")
            phone.contacts.delete(grace)
            phone.contacts.add(name="Cy", details={"g": {"kind": "group", "value": "Work"}})
            assert (phone.sync().parked, phone.status().pending) == (0, 0)
            phone.contacts.update(ada, company="Analytical Engines")
            phone.contacts.update(ada, name="Ada King")
            phone.contacts.add(name="Eve")

        laptop.sync()
        expected = whole | {
            "notes": "met at the engine",
            "details": whole["details"]
            | {"k1": whole["details"]["k1"] | {"label": "Chat"}, "k4": whole["details"]["k4"] | {"city": "Bath"}},
        }
        assert typed_part(laptop.contacts.get(ada)) == typed_part(expected)
        assert names(laptop) == {"Ada Lovelace", "Cy"}
        with Replica(tmp_path / "phone.db", transport=ways["phone"]) as phone:
            assert phone.contacts.get(ada)["company"] == "Analytical Engines"
            assert (phone.sync().parked, phone.status().pending) == (0, 0)
            laptop.sync()
            renamed = {"name": "Ada King", "given_name": "Ada", "family_name": "King", "company": "Analytical Engines"}
            assert typed_part(phone.contacts.get(ada)) == typed_part(expected | renamed)
            assert phone.contacts.list() == laptop.contacts.list()
            assert phone.labels.counts() == laptop.labels.counts() == {"Friends": 1, "Work": 1}
            assert phone.blobs.get(whole["photo"]) == picture()
            assert phone.verify().repaired == laptop.verify().repaired == ()


def typed_part(contact: dict[str, Any]) -> dict[str, Any]:
    """A contact without its times."""
    return {name: value for name, value in contact.items() if name not in ("created_at", "updated_at")}


# --- a device of today, a server of before -------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {
        "database_url": f"sqlite:///{tmp_path}/offbook.db",
        "secret_key": "a secret of the tests, which is long enough",
        "argon2_time_cost": 1,
        "argon2_memory_kib": 8,
        "argon2_parallelism": 1,
    }


@pytest.mark.parametrize("commit", [other_versions.LAST, BEFORE_GROWTH], ids=["last", "ungrown"])
def test_what_a_server_of_before_can_not_take_waits_and_arrives_once_it_is_upgraded(
    commit: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    """Contacts of the fields that it has go at once, and what others write there comes."""
    with ExitStack() as stack:
        laptop = stack.enter_context(Replica(tmp_path / "laptop.db", tables=[NOTES]))
        code = extract_version(tmp_path / "before", commit=commit)
        with serving_before(code, tmp_path, settings) as server:
            laptop.set_server(server["url"], server["token"])
            bob = laptop.contacts.add(name="Bob", phone="1")
            dan = laptop.contacts.add(name="Dan", details={"g": {"kind": "group", "value": "Work"}})
            laptop.sync()
            ada = laptop.contacts.add(**ADA, details=DETAILS)
            laptop.contacts.update(bob, role="Builder")
            laptop.labels.add(name="Family")
            laptop.notes.add(title="Milk")
            laptop.contacts.update(dan, phone="2")
            report = laptop.sync()
            status = laptop.status()
            assert (report.parked, laptop.parked()) == (0, [])
            assert status.held > status.pending == 0
            assert {"contacts.role", "contacts.uid", "notes"} <= set(status.held_cells)
            phone = stack.enter_context(Replica(tmp_path / "phone.db", server["url"], server["token"]))
            phone.sync()
            assert names(phone) == {"Bob", "Dan"}
            assert phone.contacts.get(dan)["phone"] == "2"
            phone.contacts.update(bob, email="bob@example.org")
            phone.sync()
            assert laptop.sync().parked == 0
            assert laptop.contacts.get(bob).items() >= {"role": "Builder", "email": "bob@example.org"}.items()
            assert laptop.notes.list()[0]["title"] == "Milk"

        app = create_app(Config(**settings | {"instance_path": tmp_path}))
        stack.callback(app.extensions["database"].close)
        assert app.test_cli_runner().invoke(args=["db", "upgrade"]).exit_code == 0
        grow(app.extensions["database"], app_schema([NOTES], BUILT_IN), 1)
        with serving(app, port=int(server["url"].rpartition(":")[2])):
            assert laptop.sync().parked == 0
            assert (laptop.status().held, laptop.status().pending) == (0, 0)
            fresh = stack.enter_context(Replica(tmp_path / "fresh.db", server["url"], server["token"]))
            for replica in (phone, fresh, laptop):
                replica.sync()
            assert fresh.contacts.list() == laptop.contacts.list() == phone.contacts.list()
            assert fresh.contacts.get(ada).items() >= (ADA | {"details": DETAILS}).items()
            assert fresh.contacts.get(bob).items() >= {"role": "Builder", "email": "bob@example.org"}.items()
            assert set(fresh.labels.counts()) == {"Family", "Friends", "Work"}
            assert [note["title"] for note in fresh.table("notes").list()] == ["Milk"]
            assert fresh.verify().repaired == laptop.verify().repaired == ()
