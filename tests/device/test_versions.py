"""Devices of several versions, and a file that several versions open: what one of them does not know is not lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from offbook import Offline, Replica, Response, SyncReport
from offbook.cli.record_text import contact_lines
from offbook.database.local_changes import change_log
from offbook.database.visible_rows import rebuild_row
from offbook.formats.google_csv.writing import write
from offbook.live.session import LiveSession, Verdicts
from offbook.sync.response import results_of
from tests.device.fake_server import Server, Wire, lost_request
from tests.support import other_versions
from tests.support.google_files import read
from tests.support.other_versions import Modules

Open = Callable[..., Any]
NOW = 1_795_000_000_000


@pytest.fixture(scope="module")
def last(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    """The last version's own code."""
    return other_versions.last(tmp_path_factory.mktemp("last"))


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    """An earlier version's own code."""
    return other_versions.early(tmp_path_factory.mktemp("early"))


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    """A version that knows more, with its server."""
    return other_versions.changed(tmp_path_factory.mktemp("newer"), other_versions.MORE)


@pytest.fixture
def server(newer: Modules) -> Any:
    """A server of the newer version."""
    return newer["tests.device.fake_server"].Server()


@pytest.fixture
def device(tmp_path: Path, server: Any) -> Iterator[Open]:
    """Opens a file with a version's Replica; what was open is closed first, as an app that is replaced is."""
    with ExitStack() as stack:
        opened: dict[str, Any] = {}

        def open_replica(replica: Any, name: str = "a", beside: bool = False) -> Any:
            if name in opened and not beside:
                opened[name].close()
            found = stack.enter_context(replica(tmp_path / f"{name}.db", transport=Wire(server)))
            opened[name] = found
            return found

        yield open_replica


@pytest.fixture
def b(device: Open, newer: Modules) -> Any:
    """A device of the newer version, by which things come into the book."""
    return device(newer["offbook.replica"].Replica, "b")


ENTRY = {"kind": "gift", "value": "@ada", "label": "Work", "service": "Matrix"}
LONG = "5" * 150
ADA: dict[str, Any] = {"name": "Ada", "phone": LONG, "pronouns": "she", "details": {"k1": ENTRY}}


def add_ada(b: Any) -> str:
    record_id = str(b.contacts.add(**ADA))
    b.sync()
    return record_id


def cells(replica: Any, record_id: str) -> dict[str, Any]:
    found = replica.contacts.get(record_id)
    return {name: found[name] for name in ADA if name in found}


def requests(server: Any) -> int:
    return len(server.requests)


KNOWN = {"name": "Ada", "phone": LONG, "details": {"k1": {"kind": "gift", "value": "@ada", "label": "Work"}}}
"""What of Ada this version knows."""


# --- a device that is older than its book --------------------------------------------------------------------------


def test_a_device_that_is_older_than_its_book_shows_all_that_it_knows(device: Open, b: Any) -> None:
    """In the page of a pull, with a verdict, and in a snapshot."""
    ada = add_ada(b)
    a = device(Replica)
    a.sync()
    assert cells(a, ada) == KNOWN
    b.contacts.update(ada, notes="two")
    a.contacts.update(ada, email="a@b.c")
    b.sync()
    a.sync()
    assert cells(a, ada) == KNOWN
    a.connection.execute("UPDATE sync_state SET cursor = NULL, snapshot = 0")
    a.sync()
    assert cells(a, ada) == KNOWN
    assert a.contacts.get(ada)["notes"] == "two"


def test_an_edit_of_an_older_device_erases_nothing_that_it_does_not_know(device: Open, b: Any) -> None:
    ada = add_ada(b)
    a = device(Replica)
    a.sync()
    a.connection.execute("UPDATE contacts SET email = 'a@b.c'")
    a.connection.execute("UPDATE contact_details SET label = 'Home'")
    report = a.sync()
    assert (report.parked, a.parked()) == (0, [])
    b.sync()
    assert cells(b, ada) == {**ADA, "details": {"k1": {**ENTRY, "label": "Home"}}}
    assert b.contacts.get(ada)["email"] == "a@b.c"


def test_an_edit_beside_a_text_that_is_too_long_here_is_sent(device: Open, b: Any) -> None:
    """An address is one value, so that an edit of its city sends its street along."""
    ada = b.contacts.add(name="Ada", details={"k1": {"kind": "address", "street": "x" * 800, "city": "Rome"}})
    b.sync()
    a = device(Replica)
    a.sync()
    a.connection.execute("UPDATE contact_details SET city = 'Bath'")
    assert a.plan().park == []
    assert a.sync().parked == 0
    b.sync()
    assert b.contacts.get(ada)["details"]["k1"]["city"] == "Bath"


def test_what_a_person_types_still_keeps_the_limits(device: Open, b: Any) -> None:
    ada = add_ada(b)
    a = device(Replica)
    a.sync()
    a.connection.execute("UPDATE contacts SET phone = phone || '5'")
    assert a.sync().parked == 1
    assert cells(a, ada) == KNOWN


@pytest.mark.parametrize("phone", ["1", LONG])
def test_a_whole_record_can_be_written_back_as_it_was_read(phone: str, device: Open, b: Any) -> None:
    """As forms do, which send all that they show; and tools that write by REPLACE."""
    ada = add_ada(b)
    a = device(Replica)
    a.sync()
    known = a.contacts.get(ada)
    a.contacts.update(ada, name="Ada L.", phone=phone, details=known["details"])
    a.connection.execute("REPLACE INTO contacts SELECT * FROM contacts")
    assert a.sync().parked == 0
    b.sync()
    assert cells(b, ada) == {**ADA, "name": "Ada L.", "phone": phone}


def test_a_deletion_here_can_be_undone_though_nobody_could_type_the_record_here(device: Open, b: Any) -> None:
    ada = add_ada(b)
    a = device(Replica)
    a.sync()
    contact = a.contacts.get(ada)
    a.contacts.delete(ada)
    a.sync()
    a.contacts.put_back(contact)
    assert cells(a, ada) == KNOWN
    assert a.sync().parked == 0
    b.sync()
    assert cells(b, ada)["phone"] == LONG
    assert b.contacts.get(ada)["details"]["k1"]["kind"] == "gift"


@pytest.mark.parametrize("epoch", ["e2", None])
def test_what_a_restored_server_has_lost_comes_again_from_an_older_device(
    epoch: str | None, device: Open, b: Any, server: Any
) -> None:
    b.contacts.add(name="Grace")
    ida = b.contacts.add(name="Ida")
    b.sync()
    backup = server.backup()
    ada = add_ada(b)
    b.contacts.update(ida, phone=LONG, details={"k1": ENTRY})
    b.sync()
    a = device(Replica)
    a.sync()
    server.restore(backup, epoch)
    assert a.sync().parked == 0
    c = device(Replica, "c")
    c.sync()
    assert cells(c, ada) == KNOWN
    assert cells(c, ida) == {**KNOWN, "name": "Ida"}
    assert a.parked() == []


def test_a_value_of_a_newer_version_is_given_back_from_the_history(device: Open, b: Any) -> None:
    ada = add_ada(b)
    a = device(Replica)
    a.sync()
    a.contacts.update(ada, phone="1")
    a.sync()
    (last, *_) = a.history(ada)
    a.restore(last.id, ada, ["phone"])
    assert a.sync().parked == 0
    b.sync()
    assert b.contacts.get(ada)["phone"] == LONG


def test_a_device_with_more_than_it_could_type_agrees_with_its_server(tmp_path: Path) -> None:
    """The same fields, so that their digests can be compared: only the limits and kinds are others."""
    other = other_versions.changed(tmp_path / "longer", other_versions.LONGER)
    server = other["tests.device.fake_server"].Server()
    with (
        other["offbook.replica"].Replica(tmp_path / "b.db", transport=Wire(server)) as b,
        Replica(tmp_path / "a.db", transport=Wire(server)) as a,
    ):
        b.contacts.add(name="Ada", phone=LONG, details={"k1": {"kind": "gift", "value": "@ada"}})
        b.sync()
        report = a.verify()
        assert (report.compared, report.repaired, report.left_out) == (1, (), ())


# --- one file and several versions ---------------------------------------------------------------------------------


def test_an_app_that_goes_back_a_version_and_forward_again_shows_all(
    device: Open, b: Any, newer: Modules, server: Any
) -> None:
    ada = add_ada(b)
    boat = b.connection.execute("INSERT INTO boats (name, length) VALUES ('Beagle', 27) RETURNING id").fetchone()
    b.sync()
    device(Replica).sync()
    a = device(newer["offbook.replica"].Replica)
    before = a.contacts.get(ada)
    a._transport.steps = [lost_request]
    with pytest.raises(Offline):
        a.sync()
    assert a.contacts.get(ada) == before  # nothing that shows goes away meanwhile
    a.sync()
    assert cells(a, ada) == ADA
    assert a.connection.execute("SELECT id, length FROM boats").fetchall() == [(*boat, 27)]
    asked = requests(server)
    a.sync()
    a.sync()
    assert requests(server) == asked + 2
    assert server.requests[-1]["since"]


def test_a_file_of_an_early_version_shows_what_that_left_out(device: Open, b: Any, early: Modules, server: Any) -> None:
    """It left out the record, and moved its cursor past it."""
    ada = add_ada(b)
    old = device(early["offbook.replica"].Replica)
    old.sync()
    assert old.contacts.list() == []
    mine = old.contacts.add(name="Mine")
    a = device(Replica)
    a.sync()
    assert cells(a, ada) == KNOWN
    assert a.contacts.get(mine)["name"] == "Mine"
    assert a.status().pending == 0
    asked = requests(server)
    a.sync()
    assert requests(server) == asked + 1


def test_the_last_version_leaves_a_file_of_this_one_alone(device: Open, last: Modules) -> None:
    """Its triggers would log with tables of ours that have other names by now."""
    device(Replica).contacts.add(name="Ada")
    with pytest.raises(last["offbook.database.schema"].TooNew, match="update offbook on this device"):
        device(last["offbook.replica"].Replica)
    assert device(Replica).contacts.count() == 1


def test_what_the_last_version_writes_while_this_one_takes_its_file_over_is_sent(device: Open, last: Modules) -> None:
    old = device(last["offbook.replica"].Replica)
    ada = old.contacts.add(name="Ada")
    a = device(Replica, beside=True)
    old.contacts.update(ada, phone="1")
    old.connection.execute("UPDATE contacts SET email = 'a@b.c'")
    assert a.sync().pushed == 3
    assert a.contacts.get(ada)["phone"] == "1"


@pytest.mark.parametrize("fails", [False, True])
def test_a_restored_server_is_noticed_though_the_file_needs_a_snapshot_anyway(
    fails: bool, device: Open, b: Any, newer: Modules, server: Any
) -> None:
    """The cursor is what tells it, and goes with the first page of the snapshot alone."""
    ada = add_ada(b)
    n = device(newer["offbook.replica"].Replica)
    n.sync()
    backup = server.backup()
    n.contacts.update(ada, phone="2")
    n.sync()
    device(Replica).sync()
    n = device(newer["offbook.replica"].Replica)
    if fails:
        n._transport.steps = [None, lost_request]
        with pytest.raises(Offline):
            n.sync()
    server.restore(backup, "e2")
    n.sync()
    assert server.contacts[ada]["phone"] == "2"
    assert cells(n, ada) == {**ADA, "phone": "2"}


def test_an_upgrade_amid_the_snapshot_of_a_restored_server_still_sends_what_is_for_its_history(
    device: Open, b: Any, newer: Modules, server: Any
) -> None:
    """The file begins its snapshot anew, of a server that is known to take such changes."""
    b.sync()
    backup = server.backup()
    a = device(Replica)
    eve = a.contacts.add(name="Eve", phone="replaced")
    a.contacts.update(eve, phone="2")
    a.sync()
    server.restore(backup, "e2")
    a._transport.steps = [None, lost_request]
    with pytest.raises(Offline):
        a.sync()
    n = device(newer["offbook.replica"].Replica)
    n.sync()
    assert server.contacts[eve]["phone"] == "2"
    assert any("replaced" in str(past.data) for past in server.shelf.history("contacts", eve))


def test_a_row_that_came_with_a_verdict_to_an_older_version_comes_whole_with_the_page(
    device: Open, b: Any, newer: Modules, server: Any
) -> None:
    """A push over the live channel is answered without a page."""
    ada = add_ada(b)
    n = device(newer["offbook.replica"].Replica)
    n.sync()
    a = device(Replica, beside=True)
    b.contacts.update(ada, pronouns="they", phone="1")
    b.sync()
    a.contacts.update(ada, phone="2")
    live = LiveSession(a.connection, lambda: NOW)
    request = json.loads(live.push() or "")
    number = request.pop("push")
    del request["since"]
    answer = json.loads(server.answer(json.dumps(request).encode()).body)
    live.apply_verdicts(Verdicts(number, answer["book"], results_of(answer["results"])))
    n.sync()
    assert n.contacts.get(ada)["pronouns"] == "they"


def test_an_older_version_leaves_the_triggers_of_a_newer_one_in_place(device: Open, b: Any, newer: Modules) -> None:
    """Else what is typed into a field that it does not know would be logged by nobody."""
    ada = add_ada(b)
    n = device(newer["offbook.replica"].Replica)
    n.sync()
    a = device(Replica, beside=True)
    a.contacts.update(ada, email="a@b.c")
    n.connection.execute("UPDATE contacts SET pronouns = 'they'")
    n.sync()
    b.sync()
    assert (b.contacts.get(ada)["pronouns"], b.contacts.get(ada)["email"]) == ("they", "a@b.c")


def test_the_triggers_of_the_last_version_are_made_anew(device: Open, b: Any, newer: Modules, last: Modules) -> None:
    ada = add_ada(b)
    device(last["offbook.replica"].Replica).sync()
    n = device(newer["offbook.replica"].Replica)
    n.sync()
    n.connection.execute("UPDATE contacts SET pronouns = 'they'")
    n.sync()
    b.sync()
    assert b.contacts.get(ada)["pronouns"] == "they"


def test_what_a_newer_version_has_not_sent_yet_is_sent_by_an_older_one(
    device: Open, b: Any, newer: Modules, server: Any
) -> None:
    n = device(newer["offbook.replica"].Replica)
    n.sync()
    ada = n.contacts.add(**ADA)
    n.contacts.update(ada, pronouns="they", email="a@b.c")
    a = device(Replica)
    report = a.sync()
    assert (report.pushed, report.parked) == (2, 0)
    assert a.contacts.get(ada)["email"] == "a@b.c"
    b.sync()
    assert cells(b, ada) == {**ADA, "pronouns": "they"}


@pytest.mark.parametrize("cell", ["pronouns", "service"])
def test_an_older_version_sends_nothing_again_over_what_a_newer_one_typed_and_has_not_sent(
    cell: str, device: Open, b: Any, newer: Modules, server: Any
) -> None:
    """A restored server lacks the value that was typed over; the older version knows neither of the two."""
    ada = b.contacts.add(name="Ada", details={"k1": {"kind": "gift", "value": "@ada"}})
    b.sync()
    backup = server.backup()
    b.contacts.update(ada, pronouns="she", details={"k1": {"service": "Matrix"}})
    b.sync()
    n = device(newer["offbook.replica"].Replica)
    n.sync()
    edit: dict[str, Any] = {"pronouns": "they"} if cell == "pronouns" else {"details": {"k1": {"service": "Signal"}}}
    n.contacts.update(ada, **edit)
    server.restore(backup, "e2")
    a = device(Replica)
    assert a.sync().parked == 0
    assert a.sync() == SyncReport()
    b.sync()
    ours = b.contacts.get(ada)
    assert (ours["pronouns"], ours["details"]["k1"]["service"]) == {
        "pronouns": ("they", "Matrix"),
        "service": ("she", "Signal"),
    }[cell]


def test_what_an_older_version_could_not_send_shows_as_soon_as_a_newer_one_opens_the_file(
    device: Open, b: Any, newer: Modules
) -> None:
    """The older one hid a text that is too long for it. What its rows of the server lack shows on."""
    ada = b.contacts.add(name="Ada", phone="1", pronouns="she", details={"k1": {"kind": "gift", "value": "@ada"}})
    eve = b.contacts.add(name="Eve")
    b.sync()
    n = device(newer["offbook.replica"].Replica)
    n.sync()
    n.connection.execute("UPDATE sync_state SET shape = 'none', knows = NULL")  # as if the triggers were nobody's
    a = device(Replica)
    a.contacts.update(ada, notes="typed")
    a.sync()
    a.connection.execute("UPDATE contacts SET phone = ?", (LONG,))
    a.connection.execute("UPDATE contact_details SET value = ?", (500 * LONG,))
    added = (ada, "k2", "url", 500 * LONG)
    a.connection.execute("INSERT INTO contact_details (contact_id, entry_id, kind, value) VALUES (?, ?, ?, ?)", added)
    a.contacts.delete(eve)
    (entry, *_) = a.history(ada)
    a.restore(entry.id, ada, ["notes"])
    hidden = a.contacts.get(ada)
    assert (hidden["phone"], hidden["details"]) == ("1", {"k1": {"kind": "gift", "value": "@ada"}})
    n = device(newer["offbook.replica"].Replica)
    logged = n.connection.execute("SELECT count(*) FROM change_log").fetchone()
    details = {"k1": {"kind": "gift", "value": 500 * LONG}, "k2": {"kind": "url", "value": 500 * LONG}}
    assert cells(n, ada) == {**ADA, "details": details}
    assert n.contacts.count() == 1
    assert n.contacts.get(ada)["notes"] is None
    assert n.connection.execute("SELECT count(*) FROM change_log").fetchone() == logged
    assert n.sync().parked == 0
    assert cells(n, ada)["phone"] == LONG


def test_a_version_of_other_limits_alone_shows_at_once_what_it_can_send(tmp_path: Path, server: Any) -> None:
    longer = other_versions.changed(tmp_path / "longer", other_versions.LONGER)
    with Replica(tmp_path / "a.db", transport=Wire(server)) as a:
        ada = a.contacts.add(name="Ada", notes="typed")
        a.sync()
        a.connection.execute("UPDATE contacts SET phone = ?", (LONG,))
        (entry,) = a.history(ada)
        a.restore(entry.id, ada, ["notes"])
        assert a.contacts.get(ada)["phone"] is None
    with longer["offbook.replica"].Replica(tmp_path / "a.db", transport=Wire(server)) as a:
        assert a.contacts.get(ada)["phone"] == LONG
        assert a.sync().parked == 0


@pytest.mark.parametrize("emptied", ["UPDATE contacts SET name = ''", "UPDATE contact_details SET kind = ''"])
def test_an_edit_over_a_deletion_shows_though_a_newer_version_emptied_what_is_needed(
    emptied: str, device: Open, b: Any, newer: Modules, server: Any
) -> None:
    """Whether it may be empty is for the server to say: until then all that was typed shows."""
    ada = b.contacts.add(name="Ada", details={"k1": {"kind": "phone", "value": "1"}})
    b.sync()
    n = device(newer["offbook.replica"].Replica)
    n.sync()
    n.connection.execute(emptied)
    n.contacts.update(ada, email="a@b.c", details={"k1": {"value": "2"}})
    b.contacts.delete(ada)
    b.sync()
    server.prune()
    a = device(Replica)
    a._transport.steps = [None, *[loses_changes] * 9]  # a snapshot, at whose end the edits wait over the deletion
    with pytest.raises(Offline):
        a.sync()
    assert a.contacts.get(ada)["email"] == "a@b.c"
    assert a.contacts.get(ada)["details"]["k1"]["value"] == "2"


def loses_changes(body: bytes, server: Any) -> Response:
    if json.loads(body)["changes"]:
        raise Offline("The network is down.")
    return cast(Response, server.answer(body))


@pytest.mark.parametrize("says_tables", [True, False])
def test_versions_that_take_turns_fetch_once_each_time_what_one_of_them_left_out(
    says_tables: bool, device: Open, b: Any, newer: Modules, server: Any
) -> None:
    """An older one fetches nothing anew, since it knows no more than the file; a newer one does it once.

    From a server that does not say what it has, it takes a snapshot. Boats it has from the older one, which follows the
    server's declaration.
    """
    ada = add_ada(b)
    server.says_tables = says_tables
    for number in range(3):
        a = device(Replica)
        before = requests(server)
        a.sync()
        assert pulls(server, before) == ([(True, None)] if number == 0 else [(False, None)])
        n = device(newer["offbook.replica"].Replica)
        before = requests(server)
        n.sync()
        n.sync()
        anew = [one for one in pulls(server, before) if one != (False, None)]
        assert anew == [(False, ["contacts"]) if says_tables else (True, None)]
        assert cells(n, ada) == ADA


def pulls(server: Any, start: int) -> list[tuple[bool, Any]]:
    """Of the requests since then that pulled: whether for a snapshot, and of which tables alone."""
    return [(one["since"] is None, one.get("only")) for one in server.requests[start:] if "since" in one]


# --- what people see of it -----------------------------------------------------------------------------------------


def test_what_is_not_known_here_is_shown_by_the_command_and_exported(device: Open, b: Any) -> None:
    ada = add_ada(b)
    b.contacts.update(ada, phone="2", details={"k2": {"kind": "phone", "value": "1"}})
    b.sync()
    a = device(Replica)
    a.sync()
    contact = a.contacts.get(ada)
    assert [line.split()[:2] for line in contact_lines(contact) if "[k" in line] == [["Phone", "1"], ["Gift", "@ada"]]
    (told,) = read(write([contact])).contacts
    entries = [entry for entry in told["details"].values() if entry["kind"] == "custom"]
    assert [(entry["label"], entry["value"]) for entry in entries] == [("gift (Work)", "@ada")]


@pytest.mark.parametrize("is_parked", [True, False], ids=["parked", "pending"])
def test_an_older_version_hides_nothing_of_an_entry_that_only_the_log_has(
    is_parked: bool, device: Open, newer: Modules, server: Any
) -> None:
    n = device(newer["offbook.replica"].Replica)
    n.sync()
    ada = n.contacts.add(name="Ada", details={"k1": ENTRY, "k2": {"kind": "url"}, "k3": {"kind": "url"}})
    if is_parked:
        n.connection.execute("UPDATE contacts SET phone = ? WHERE id = ?", ("5" * 300, ada))
        n.sync()
    a = device(Replica)
    a.contacts.update(ada, email="a@b.c", details={"k1": {"label": "Home"}, "k2": None, "k3": {"value": "3"}})
    a._transport.steps = [lost_request, lost_request]
    with pytest.raises(Offline):
        a.sync()
    with change_log.without_logging(a.connection):
        rebuild_row(a.connection, ("contacts", ada))
    n = device(newer["offbook.replica"].Replica)
    assert n.contacts.get(ada)["details"] == {"k1": ENTRY | {"label": "Home"}, "k3": {"kind": "url", "value": "3"}}
    assert (len(n.parked()), n.contacts.get(ada)["email"]) == (is_parked, "a@b.c")


# --- after a restore by hand ---------------------------------------------------------------------------------------


def test_a_device_of_an_early_version_goes_on_after_what_had_only_lost_is_gone(tmp_path: Path, early: Modules) -> None:
    """It notices, though it has no way to send what is for the history alone."""
    server = Server()
    with ExitStack() as stack:
        behind_ms = 7_200_000
        old = early["offbook.replica"].Replica(
            tmp_path / "old.db", transport=Wire(server), clock=lambda: server.now // 1000 - behind_ms
        )
        b = Replica(tmp_path / "b.db", transport=Wire(server), clock=lambda: server.now // 1000)
        for replica in (old, b):
            stack.enter_context(replica)
        ada = old.contacts.add(name="Ada", phone="1")
        for replica in (old, b):
            replica.sync()
        old.contacts.update(ada, phone="lost")
        b.contacts.update(ada, phone="2")
        b.sync()
        backup = server.backup()
        old.sync()
        server.restore(backup, None)
        count = len(server.requests)
        old.sync()
        assert [request["since"] is None for request in server.requests[count:]] == [False, True]
        assert old.contacts.get(ada)["phone"] == server.contacts[ada]["phone"] == "2"
        assert (old.status().pending, old.parked()) == (0, [])
