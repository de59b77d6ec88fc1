"""A server's database and a replica's file that the last version's own code made: with today's code all goes on.

The code comes from git, as that of other old versions in these tests: without the history of the project (a shallow
clone), the tests fail with what git says.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from app import App, create_app
from config import Config
from offbook import Replica
from offbook.contacts.table import BUILT_IN
from offbook.core.declaration.rules import app_schema
from offbook.database.local_changes.change_log import without_logging
from offbook.tables import Table, Text
from ops.grow import grow
from tests.support import other_versions
from tests.support.api_client import caller
from tests.support.first_digests import store_first_digests
from tests.support.live_server import serving
from tests.support.other_versions import extract_version

pytestmark = pytest.mark.versions

UNDER_THE_LAST_VERSION = r"""
import json, re, sys, threading
from pathlib import Path

import requests
from werkzeug.serving import make_server

from app import create_app
from config import Config
from offbook import Replica

folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
app = create_app(Config(**settings | {"instance_path": folder}))

def flask(*words, typed=None):
    done = app.test_cli_runner().invoke(args=words, input=typed)
    assert done.exit_code == 0, done.output
    return done.stdout

flask("db", "upgrade")
flask("user", "add", "ada", "--password-stdin", typed="correct horse battery\n")
flask("book", "policy", "ada", "ask")
tokens = [flask("device", "add", "ada", name).split()[-1] for name in ("laptop", "phone")]
server = make_server("127.0.0.1", 0, app, threaded=True)
url = f"http://127.0.0.1:{server.server_port}"
threading.Thread(target=server.serve_forever, daemon=True).start()

laptop, phone = (Replica(folder / f"{name}.db") for name in ("laptop", "phone"))
for replica, token in zip((laptop, phone), tokens):
    replica.set_server(url, token)
ada = laptop.contacts.add(name="Ada", phone="1", details={"k1": {"kind": "email", "value": "ada@example.org"}})
bob = laptop.contacts.add(name="Bob")
gone = laptop.contacts.add(name="Gone")
laptop.sync()
phone.sync()
phone.contacts.update(ada, phone="2")
phone.contacts.delete(gone)
phone.sync()
laptop.contacts.update(ada, phone="3")
laptop.sync()
laptop.connection.execute("UPDATE contacts SET company = ? WHERE id = ?", ("x" * 5_000, bob))
laptop.sync()
laptop.contacts.update(bob, notes="typed with no network")
laptop.contacts.add(name="Cy")

browser = requests.Session()
token = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(url + "/login").text)[1]
browser.post(url + "/login", data={"csrf_token": token, "name": "ada", "password": "correct horse battery"})
pages, unseen = {}, ["/", "/c/" + ada, "/c/" + bob]
while unseen:
    path = unseen.pop()
    answer = browser.get(url + path)
    pages[path] = answer.status_code
    links = re.findall(r'href="(/[^"#]*)"', answer.text) if "html" in answer.headers["Content-Type"] else []
    unseen += {link for link in links if not link.startswith("/static/")} - pages.keys() - set(unseen)

(conflict,), (parked,) = laptop.conflicts(), laptop.parked()
print(json.dumps({
    "url": url, "ada": ada, "bob": bob, "pages": pages, "cookies": browser.cookies.get_dict(),
    "contacts": laptop.contacts.list(), "conflict": conflict, "parked": parked.change_id,
    "pending": laptop.status().pending,
    "cursor": laptop.connection.execute("SELECT cursor FROM sync_state").fetchone()[0],
}))
laptop.close()
phone.close()
server.shutdown()
"""


A_SERVER_OF_THE_LAST_VERSION = r"""
import json, sys, threading
from pathlib import Path

from werkzeug.serving import make_server

from app import create_app
from config import Config

folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
app = create_app(Config(**settings | {"instance_path": folder}))

def flask(*words, typed=None):
    done = app.test_cli_runner().invoke(args=words, input=typed)
    assert done.exit_code == 0, done.output
    return done.stdout

flask("db", "upgrade")
flask("user", "add", "ada", "--password-stdin", typed="correct horse battery\n")
token = flask("device", "add", "ada", "laptop").split()[-1]
server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}", "token": token}), flush=True)
sys.stdin.read()
server.shutdown()
"""


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {
        "database_url": f"sqlite:///{tmp_path}/offbook.db",
        "secret_key": "a secret of the tests, which is long enough",
        "argon2_time_cost": 1,
        "argon2_memory_kib": 8,
        "argon2_parallelism": 1,
    }


@pytest.fixture
def before(tmp_path: Path, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the last version knew of its two files when it was ended."""
    code = extract_version(tmp_path_factory.mktemp("last"))
    words = [sys.executable, "-c", UNDER_THE_LAST_VERSION, str(tmp_path), json.dumps(settings)]
    done = subprocess.run(words, cwd=code, capture_output=True, text=True, env={"PYTHONPATH": str(code)}, check=False)
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return made


@pytest.fixture
def app(before: dict[str, Any], tmp_path: Path, settings: dict[str, Any]) -> Iterator[App]:
    """Today's server on the database of before, at the same address."""
    app = create_app(Config(**settings | {"instance_path": tmp_path}))
    assert app.test_cli_runner().invoke(args=["db", "upgrade"]).exit_code == 0
    with serving(app, port=int(before["url"].rpartition(":")[2])):
        yield app
    app.extensions["database"].close()


def test_a_device_and_a_browser_go_on_as_if_nothing_had_happened(
    app: App, before: dict[str, Any], tmp_path: Path
) -> None:
    with Replica(tmp_path / "laptop.db") as laptop:
        contacts = [{name: contact[name] for name in before["contacts"][0]} for contact in laptop.contacts.list()]
        assert contacts == before["contacts"]
        assert laptop.conflicts() == [before["conflict"]]
        assert [parked.change_id for parked in laptop.parked()] == [before["parked"]]
        assert laptop.status().pending == before["pending"] == 2
        (cursor,) = laptop.connection.execute("SELECT cursor FROM sync_state").fetchone()
        assert cursor == before["cursor"]

        report = laptop.sync()
        assert (report.pushed, report.parked, report.conflicts) == (2, 0, 0)
        assert laptop.contacts.get(before["bob"])["notes"] == "typed with no network"
        laptop.resolve(before["conflict"]["id"], "theirs")
        laptop.retry(before["parked"], company="Short")
        laptop.sync()
        assert (laptop.conflicts(), laptop.parked(), laptop.status().pending) == ([], [], 0)
        with Replica(tmp_path / "phone.db") as phone:
            phone.sync()
            assert phone.contacts.list() == laptop.contacts.list()
            assert phone.contacts.get(before["ada"])["phone"] == "3"
            assert {contact["name"] for contact in phone.contacts.list()} == {"Ada", "Bob", "Cy"}
            assert laptop.verify().repaired == phone.verify().repaired == ()

    browser = requests.Session()
    browser.cookies.update(before["cookies"])
    assert len(before["pages"]) > 15
    assert set(before["pages"].values()) == {200}
    for path in before["pages"]:
        answer = browser.get(before["url"] + path)
        assert answer.status_code == 200, path
        assert urlsplit(answer.url).path != "/login", path
    assert "Short" in browser.get(f"{before['url']}/c/{before['bob']}").text


# --- comparing -------------------------------------------------------------------------------------------------------


@contextmanager
def serving_before(code: Path, folder: Path, settings: dict[str, Any]) -> Iterator[dict[str, str]]:
    """A server of a version of before, as a process: its address and a device's token."""
    words = [sys.executable, "-c", A_SERVER_OF_THE_LAST_VERSION, str(folder), json.dumps(settings)]
    with subprocess.Popen(
        words, cwd=code, env={"PYTHONPATH": str(code)}, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        try:
            yield json.loads(child.stdout.readline())
            child.communicate(timeout=20)
        finally:
            child.kill()


@pytest.fixture
def old_server(
    tmp_path: Path, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The address of a server of the last version, and a device's token."""
    with serving_before(extract_version(tmp_path_factory.mktemp("last")), tmp_path, settings) as server:
        yield server


def test_a_device_compares_its_contacts_with_a_server_of_the_last_version(
    old_server: dict[str, str], tmp_path: Path
) -> None:
    notes = Table("notes", Text("title"))
    with Replica(tmp_path / "a.db", old_server["url"], old_server["token"], tables=[notes]) as a:
        ada = a.contacts.add(name="Ada", starred=True, details=[{"kind": "address", "street": "1 Lane"}])
        a.contacts.add(name="Bob", notes="two\nlines")
        a.notes.add(title="Milk")
        report = a.verify()
        assert (report.compared, report.repaired, report.not_compared) == (2, (), ("labels", "notes"))
        with without_logging(a.connection):
            a.connection.execute("UPDATE contacts SET name = 'Adb' WHERE id = ?", (ada,))
        (repair,) = a.verify().repaired
        assert (repair.record_id, a.contacts.get(ada)["name"]) == (ada, "Ada")
        assert a.verify().repaired == ()


def test_a_device_of_the_last_version_compares_its_contacts_with_todays_server(
    settings: dict[str, Any], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also where an app has brought tables, and whatever is stored of a record."""
    app = create_app(Config(**settings | {"instance_path": tmp_path}))
    assert app.test_cli_runner().invoke(args=["db", "upgrade"]).exit_code == 0
    database = app.extensions["database"]
    grow(database, app_schema([Table("notes", Text("title"))], BUILT_IN), 1)
    replica = other_versions.last(tmp_path_factory.mktemp("last"))["offbook.replica"].Replica
    device = caller(app, "ada")
    with serving(app) as url, replica(tmp_path / "a.db", url, device.token) as a:
        ada = a.contacts.add(name="Ada", starred=True, details=[{"kind": "address", "street": "1 Lane"}])
        a.contacts.add(name="Bob", notes="two\nlines")
        report = a.verify()
        assert (report.compared, report.repaired, report.left_out) == (2, (), ())
        a.connection.execute("UPDATE server_rows SET seq = seq - 1 WHERE record_id = ?", (ada,))
        assert [repair.record_id for repair in a.verify().repaired] == [ada]
        store_first_digests(database)
        assert a.verify().repaired == ()
    database.close()
