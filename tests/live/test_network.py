"""A network that is cut, proxies that swallow, a server that is killed: in the end all are equal, by themselves."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import update

from app import App
from models import Base
from offbook import HTTP, NoLive, NotAuthorized, Offline, Refused, Replica
from offbook.sync.http.errors import error_of
from tests.support.api_client import new_id
from tests.support.browser import add_device, add_user, app_beside, parts_of
from tests.support.callback_recorder import Witness, equal, names
from tests.support.fault_proxy import Middle, silence, status
from tests.support.live_server import serving_process
from web.errors import problem_json
from web.messages.api import WRONG_TOKEN


def test_a_network_that_is_cut_without_a_word_is_noticed_by_both_ends(
    laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    middle.cut()
    laptop.contacts.add(name="Ada")
    witness.until_link("offline", laptop, phone)
    phone.contacts.add(name="Bob")
    middle.mend()
    witness.until(lambda: names(laptop) == ["Ada", "Bob"] and equal(laptop, phone))
    witness.until_link("live", laptop, phone)
    assert {type(error) for error in witness.errors(laptop) + witness.errors(phone)} == {Offline}


def test_a_proxy_that_swallows_the_handshake_leaves_a_replica_that_polls(
    laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    middle.live = silence
    witness.start(laptop, phone)
    laptop.contacts.add(name="Ada")
    witness.until(lambda: names(phone) == ["Ada"])
    witness.until_link("polling", laptop, phone)
    assert {type(error) for error in witness.errors(phone)} == {NoLive}
    phone.contacts.add(name="Bob")
    witness.until(lambda: equal(laptop, phone) and names(laptop) == ["Ada", "Bob"])
    middle.live = None
    witness.until_link("live", laptop, phone)


@pytest.mark.parametrize("code", [200, 302, 401, 403, 404, 410, 429, 502])
def test_an_answer_that_is_no_live_channel_leaves_a_replica_that_polls(
    code: int, laptop: Replica, phone: Replica, witness: Witness, middle: Middle
) -> None:
    middle.live = status(code, "Location: http://127.0.0.1:1/live", "Retry-After: 0", body=b"<html>No.</html>")
    witness.start(laptop, phone)
    witness.until_link("polling", laptop, phone)
    laptop.contacts.add(name="Ada")
    witness.until(lambda: names(phone) == ["Ada"] and equal(laptop, phone))
    middle.live = None
    witness.until_link("live", laptop, phone)
    assert {type(error) for error in witness.errors(laptop)} == {NoLive}


def test_a_handshake_that_refuses_the_token_asks_http_about_it(
    laptop: Replica, witness: Witness, middle: Middle
) -> None:
    middle.live = status(401, body=problem_json(401, WRONG_TOKEN.fault()))
    witness.start(laptop)
    witness.until_link("polling", laptop)
    assert witness.errors(laptop) == []


def test_what_a_server_does_not_have_is_refused_in_its_own_form(url: str) -> None:
    """A newer device asks an older server for what that never heard of: the answer must not look like a proxy's."""
    with closing(HTTP(url, "ob_token")) as http:
        refusals = [error_of(http.send("GET", path, None, {})) for path in ("/no-such-thing", "/sync", "/contacts")]
    assert [type(one) for one in refusals] == [Refused, Refused, NotAuthorized]


def test_a_token_that_is_revoked_pauses_the_queue_until_there_is_another(
    app: App, person: str, laptop: Replica, phone: Replica, witness: Witness
) -> None:
    witness.start(laptop, phone)
    witness.until_link("live", laptop, phone)
    revoke(app, person, "laptop")
    witness.until_link("paused", laptop)
    assert {type(error) for error in witness.errors(laptop)[-1:]} == {NotAuthorized}
    laptop.contacts.add(name="Ada")
    phone.contacts.add(name="Bob")
    laptop.set_server(token=add_device(app, person, "laptop 2")[1])
    witness.until(lambda: names(phone) == ["Ada", "Bob"] and equal(laptop, phone))
    witness.until_link("live", laptop)


def revoke(app: App, person: str, name: str) -> None:
    accounts, owner = parts_of(app).accounts, parts_of(app).accounts.user_named(person)
    (found,) = [device for device in accounts.devices(owner.id) if device.name == name]
    accounts.revoke_device(owner.id, found.uuid, parts_of(app).clock())


def test_a_database_that_was_put_back_is_caught_up_with(
    app: App, person: str, laptop: Replica, phone: Replica, witness: Witness
) -> None:
    laptop.contacts.add(name="Ada")
    witness.start(laptop, phone)
    witness.until(lambda: names(phone) == ["Ada"])
    witness.until_link("live", laptop, phone)
    books, book_id = Base.metadata.tables["books"], parts_of(app).accounts.user_named(person).book_id
    with app.extensions["database"].write() as connection:
        connection.execute(update(books).where(books.c.id == book_id).values(epoch=new_id()))
    phone.contacts.add(name="Bob")
    witness.until(lambda: names(laptop) == ["Ada", "Bob"] and equal(laptop, phone))
    witness.until_link("live", laptop, phone)


@pytest.mark.processes
def test_a_server_that_is_killed_under_its_listeners_finds_them_again(tmp_path: Path, witness: Witness) -> None:
    with app_beside(tmp_path) as app:
        add_user(app, "ada")
        tokens = {name: add_device(app, "ada", name)[1] for name in ("laptop", "phone")}
    with ExitStack() as stack:
        with serving_process(tmp_path) as process:
            laptop, phone = (
                stack.enter_context(Replica(tmp_path / f"{name}.db", process.url, token))
                for name, token in tokens.items()
            )
            witness.start(laptop, phone)
            witness.until_link("live", laptop, phone)
            process.child.kill()
            witness.until_link("offline", laptop, phone)
        laptop.contacts.add(name="Ada")
        phone.contacts.add(name="Bob")
        with serving_process(tmp_path, PORT=str(urlsplit(process.url).port)):
            witness.until(lambda: names(laptop) == ["Ada", "Bob"] and equal(laptop, phone))
            witness.until_link("live", laptop, phone)
