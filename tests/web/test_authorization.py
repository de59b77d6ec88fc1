"""Who may do what: a row for every route, and every route asked by everyone who may not.

A route without a row fails, and so does a row without a route. What a row says is not repeated in words: the tests ask
each route anonymously, with a device's token, as another user with the first user's ids, by a revoked token, by a form
without its CSRF token; and look that nothing of the first user shows and nothing changes.

A new route is one line in MATRIX. If it takes a body or a form, give one that would do harm if it were allowed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from app import STATIC, App
from offbook.contacts.table import CONTACTS, LABELS
from offbook.core.accounts.users import UserAction
from offbook.core.cells.validation import parse_cells
from offbook.core.model import Change, Operation
from offbook.core.pictures import sha256_of
from offbook.core.schema import record_id_of_key
from storage.base import ChangeOrigin
from tests.support.browser import Browser, Stage, add_device, add_user, bearer, csrf_of, parts_of, signed_in
from tests.support.dav_client import basic
from tests.support.pictures import picture
from tests.support.pushes import push
from tests.support.stream_files import shown, written
from web.assets import url_of

pytestmark = pytest.mark.engines("sqlite")  # the stores behind it have tests on every database

CANARY = "Canary of Ada"


class Who(Enum):
    """Who may use a route."""

    ANYONE = "anyone"
    PERSON = "a signed-in person, for what is theirs"
    ADMIN = "a signed-in admin"
    DEVICE = "a device, for its book"
    ADMIN_OR_DEVICE = "a signed-in admin, or a device of one"
    PERSON_OR_DEVICE = "a signed-in person on a page of ours, or a device"
    CARDDAV = "a device that speaks CardDAV: a user's name and a token of that user"


BY_SESSION = (Who.PERSON, Who.ADMIN)
BY_TOKEN = (Who.DEVICE, Who.ADMIN_OR_DEVICE, Who.PERSON_OR_DEVICE)


@dataclass
class World:
    """Ada, an admin with a contact and a device; Bob, who is nobody's admin, with a device of his own."""

    app: App
    contact: str
    change: str
    stream: str
    device: str
    device_token: str
    session: str
    bob: Browser
    bob_token: str
    revoked_token: str

    def path(self, rule: str) -> str:
        """The rule's path with Ada's ids in it."""
        ids = {
            "<number:user_id>": "1",
            "<any(disable,enable,remove,restore,promote,demote):act>": "demote",
            "<uuid:contact_id>": self.contact,
            "<uuid:label_id>": record_id_of_key(LABELS, CANARY),
            "<uuid:record_id>": self.contact,
            "<table_name>": "contacts",
            "<uuid:change_id>": self.change,
            "<uuid:conflict_id>": self.change,
            "<uuid:batch_id>": self.change,
            "<uuid:stream_id>": self.stream,
            "<uuid:device_id>": self.device,
            "<uuid:session_id>": self.session,
            "<hash:sha256>": sha256_of(picture()),
            "<once>": "x" * 43,
            "<signed>": "x" * 43,
            "<path:filename>": "logo.svg",
            "<path:path>": f"ada/contacts/{self.contact}.vcf",
        }
        for variable, value in ids.items():
            rule = rule.replace(variable, value)
        assert "<" not in rule, f"no id is known for {rule}: add it here"
        return rule

    def state(self) -> list[Any]:
        """All that Ada has, and all there is of users."""
        tables = ("contacts", "contact_details", "labels", "changes", "conflicts", "blobs", "blob_chunks")
        queries = [f"SELECT * FROM {table} WHERE book_id = 1 ORDER BY 1, 2" for table in tables]
        queries += [
            "SELECT * FROM books WHERE id = 1",
            "SELECT * FROM devices WHERE book_id = 1",
            "SELECT id, name, password_hash, admin, disabled_at, removed_at FROM users",
            "SELECT signed_out_at FROM users WHERE id = 1",
            f"SELECT * FROM sessions WHERE id = '{self.session}'",
        ]
        with self.app.extensions["database"].read() as connection:
            return [connection.execute(text(query)).all() for query in queries]

    def shows_ada(self, answer: TestResponse) -> bool:
        return any(hers in answer.get_data(as_text=True) for hers in (CANARY, "tablet of ada"))


Body = Callable[[World], Any]


@dataclass(frozen=True)
class Row:
    """Who may, and what is sent: a ``form`` by people, a JSON ``body`` by devices."""

    who: Who
    form: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None


def hostile_push(world: World) -> Any:
    """An edit and a removal of Ada's contact, by its own id."""
    common = {"table": "contacts", "record_id": world.contact, "timestamp": "2099-01-01T00:00:00.000Z", "base": 2**62}
    update = {"id": str(uuid.uuid4()), "operation": "UPDATE", "data": {"name": "hijacked"}}
    delete = {"id": str(uuid.uuid4()), "operation": "DELETE"}
    return {"changes": [common | update, common | delete], "since": None}


def hostile_row(world: World) -> Any:
    return {"id": world.contact, "name": "hijacked"}


PASSWORDS = {"password": "x" * 10, "new_password": "hijacked password", "new_password_again": "hijacked password"}

ACT = "/people/<number:user_id>/<any(disable,enable,remove,restore,promote,demote):act>"

DAV_METHODS = ("GET", "PROPFIND", "PROPPATCH", "REPORT", "PUT", "DELETE", "MKCOL")
DAV_ROWS = {
    f"{method} {rule}": Row(Who.CARDDAV) for rule in ("/dav", "/dav/", "/dav/<path:path>") for method in DAV_METHODS
}

MATRIX: Mapping[str, Row] = {
    **DAV_ROWS,
    "PROPFIND /": Row(Who.CARDDAV),
    "GET /.well-known/carddav": Row(Who.ANYONE),
    "PROPFIND /.well-known/carddav": Row(Who.ANYONE),
    f"GET {url_of(STATIC)}/<path:filename>": Row(Who.ANYONE),
    "GET /healthz": Row(Who.ANYONE),
    "GET /openapi.json": Row(Who.ANYONE),
    "GET /metrics": Row(Who.ANYONE),
    "GET /login": Row(Who.ANYONE),
    "POST /login": Row(Who.ANYONE, {"name": "ada", "password": "hijacked password"}),
    "GET /setup/<once>": Row(Who.ANYONE),
    "POST /setup/<once>": Row(Who.ANYONE, {"name": "eve", "password": "hijacked password"}),
    "POST /logout": Row(Who.PERSON),
    "GET /": Row(Who.PERSON),
    "GET /c/new": Row(Who.PERSON),
    "POST /c/new": Row(Who.PERSON, {"name": "hijacked"}),
    "GET /c/<uuid:contact_id>": Row(Who.PERSON),
    "GET /c/<uuid:contact_id>/edit": Row(Who.PERSON),
    "POST /c/<uuid:contact_id>/edit": Row(Who.PERSON, {"name": "hijacked", "base": "1", "opened": "{}"}),
    "POST /c/<uuid:contact_id>/star": Row(Who.PERSON, {"starred": "1"}),
    "POST /c/<uuid:contact_id>/delete": Row(Who.PERSON, {"base": "1", "change_id": str(uuid.UUID(int=7, version=4))}),
    "POST /c/<uuid:contact_id>/restore": Row(Who.PERSON),
    "GET /c/<uuid:contact_id>/history": Row(Who.PERSON),
    "POST /c/<uuid:contact_id>/history/restore": Row(Who.PERSON, {"cell": "name"}),
    "POST /c/<uuid:contact_id>/history/version": Row(Who.PERSON, {"seq": "1"}),
    "GET /c/<uuid:contact_id>/card.vcf": Row(Who.PERSON),
    "GET /c/<uuid:contact_id>/code.svg": Row(Who.PERSON),
    "GET /c/labels": Row(Who.PERSON),
    "POST /c/labels": Row(Who.PERSON, {"name": "hijacked"}),
    "POST /c/labels/<uuid:label_id>/rename": Row(Who.PERSON, {"name": "hijacked"}),
    "POST /c/labels/<uuid:label_id>/remove": Row(Who.PERSON),
    "POST /c/labels/undo/<uuid:batch_id>": Row(Who.PERSON),
    "GET /past": Row(Who.PERSON),
    "POST /past": Row(Who.PERSON, {"seq": "0"}),
    "GET /trash": Row(Who.PERSON),
    "POST /trash/empty": Row(Who.PERSON),
    "GET /inbox": Row(Who.PERSON),
    "POST /inbox/<uuid:conflict_id>": Row(Who.PERSON, {"choice": "theirs", "base": "1"}),
    "POST /inbox/<uuid:conflict_id>/undo": Row(Who.PERSON),
    "POST /inbox/all": Row(Who.PERSON, {"rule": "theirs", "seq": str(2**60)}),
    "GET /activity": Row(Who.PERSON),
    "GET /import": Row(Who.PERSON),
    "POST /import": Row(Who.PERSON),
    "POST /import/columns": Row(Who.PERSON),
    "POST /import/confirm": Row(Who.PERSON),
    "GET /import/progress": Row(Who.PERSON),
    "POST /import/resume": Row(Who.PERSON),
    "POST /import/undo": Row(Who.PERSON),
    "GET /export.csv": Row(Who.PERSON),
    "GET /devices": Row(Who.PERSON),
    "POST /devices": Row(Who.PERSON, {"name": "hijacked"}),
    "POST /devices/phones": Row(Who.PERSON, {"name": "hijacked"}),
    "GET /phone/<once>": Row(Who.ANYONE),
    "POST /phone/<once>": Row(Who.ANYONE),
    "GET /phone-profile/<signed>": Row(Who.ANYONE),
    "POST /devices/revoke-all": Row(Who.PERSON),
    "POST /devices/<uuid:device_id>/rename": Row(Who.PERSON, {"name": "hijacked"}),
    "POST /devices/<uuid:device_id>/revoke": Row(Who.PERSON),
    "GET /settings": Row(Who.PERSON),
    "POST /settings/appearance": Row(Who.PERSON, {"theme": "dark"}),
    "POST /settings/password": Row(Who.PERSON, PASSWORDS),
    "POST /settings/policy": Row(Who.PERSON, {"policy": "ask"}),
    "POST /settings/region": Row(Who.PERSON, {"region": "DE"}),
    "POST /settings/sessions/<uuid:session_id>/end": Row(Who.PERSON),
    "POST /settings/sessions/end-others": Row(Who.PERSON),
    "GET /people": Row(Who.ADMIN),
    "GET /streams": Row(Who.ADMIN),
    "GET /streams/<uuid:stream_id>": Row(Who.ADMIN),
    "POST /people": Row(Who.ADMIN, {"name": "eve", "password": "hijacked password", "admin": "on"}),
    f"GET {ACT}": Row(Who.ADMIN),
    f"POST {ACT}": Row(Who.ADMIN),
    "GET /users": Row(Who.ADMIN_OR_DEVICE),
    "POST /users": Row(Who.ADMIN_OR_DEVICE, body=lambda _: {"name": "eve", "password": "hijacked password"}),
    "GET /users/<number:user_id>": Row(Who.ADMIN_OR_DEVICE),
    "PATCH /users/<number:user_id>": Row(Who.ADMIN_OR_DEVICE, body=lambda _: {"admin": False, "disabled": True}),
    "DELETE /users/<number:user_id>": Row(Who.ADMIN_OR_DEVICE),
    "POST /users/<number:user_id>/restore": Row(Who.ADMIN_OR_DEVICE),
    "POST /sync": Row(Who.DEVICE, body=hostile_push),
    "POST /plan": Row(Who.DEVICE, body=hostile_push),
    "GET /history/<uuid:record_id>": Row(Who.DEVICE),
    "POST /history/<uuid:change_id>/restore": Row(Who.DEVICE, body=lambda _: {"to": "before"}),
    "POST /history/<uuid:record_id>/version": Row(Who.DEVICE, body=lambda _: {"seq": 0}),
    "GET /batches": Row(Who.DEVICE),
    "GET /batches/<uuid:batch_id>": Row(Who.DEVICE),
    "POST /batches/<uuid:batch_id>/undo": Row(Who.DEVICE),
    "GET /blobs/<hash:sha256>": Row(Who.PERSON_OR_DEVICE),
    "PUT /blobs/<hash:sha256>": Row(Who.PERSON_OR_DEVICE, body=lambda _: {"no": "picture"}),
    "GET /conflicts": Row(Who.DEVICE),
    "POST /conflicts/<uuid:conflict_id>": Row(Who.DEVICE, body=lambda _: {"choice": "theirs"}),
    "GET /changes": Row(Who.DEVICE),
    "GET /tables": Row(Who.PERSON_OR_DEVICE),
    "GET /live": Row(Who.PERSON_OR_DEVICE),
    "POST /verify": Row(Who.DEVICE, body=lambda world: {"table": "contacts", "ranges": [["", None]], "records": True}),
    "POST /rows": Row(Who.DEVICE, body=lambda world: {"table": "contacts", "ids": [world.contact]}),
    "GET /tables/<table_name>": Row(Who.DEVICE),
    "POST /tables/<table_name>": Row(Who.DEVICE, body=hostile_row),
    "GET /tables/<table_name>/<uuid:record_id>": Row(Who.DEVICE),
    "PATCH /tables/<table_name>/<uuid:record_id>": Row(Who.DEVICE, body=hostile_row),
    "DELETE /tables/<table_name>/<uuid:record_id>": Row(Who.DEVICE),
    "GET /tables/<table_name>/<uuid:record_id>/history": Row(Who.DEVICE),
    "GET /labels": Row(Who.DEVICE),
    "POST /labels": Row(Who.DEVICE, body=lambda _: {"name": "hijacked"}),
    "PATCH /labels/<uuid:label_id>": Row(Who.DEVICE, body=lambda _: {"name": "hijacked"}),
    "DELETE /labels/<uuid:label_id>": Row(Who.DEVICE),
    "POST /labels/<uuid:label_id>/contacts": Row(Who.DEVICE, body=lambda world: {"remove": [world.contact]}),
    "GET /contacts": Row(Who.DEVICE),
    "GET /contacts/export": Row(Who.DEVICE),
    "POST /contacts/import": Row(Who.DEVICE),
    "POST /contacts": Row(Who.DEVICE, body=hostile_row),
    "GET /contacts/<uuid:contact_id>": Row(Who.DEVICE),
    "PATCH /contacts/<uuid:contact_id>": Row(Who.DEVICE, body=hostile_row),
    "DELETE /contacts/<uuid:contact_id>": Row(Who.DEVICE),
}

NAMES_AN_ID = (
    *("<uuid:contact_id>", "<uuid:label_id>", "<uuid:conflict_id>", "<uuid:batch_id>", "<uuid:device_id>"),
    "<uuid:session_id>",
)


def rows(*kinds: Who) -> list[Any]:
    return [pytest.param(*name.split(" "), row, id=name) for name, row in MATRIX.items() if row.who in kinds]


@pytest.fixture(scope="module")
def begun(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Path]:
    """The world, and its database as a template."""
    with stage.set() as app:
        return made_on(app, tmp_path_factory.mktemp("world")), stage.kept("world.db")


@pytest.fixture
def world(stage: Stage, begun: tuple[World, Path]) -> Iterator[World]:
    """The same in each test: what one does to it, no other finds."""
    made, template = begun
    with stage.set(template) as app:
        yield replace(made, bob=signed_in(app, "bob"))


def made_on(app: App, folder: Path) -> World:
    add_user(app, "ada", admin=True)
    add_user(app, "bob")
    hers, her_token = add_device(app, "ada", "tablet of ada")
    _, his_token = add_device(app, "bob")
    gone, revoked_token = add_device(app, "ada", "lost tablet of ada")
    parts = parts_of(app)
    parts.accounts.revoke_device(hers.user_id, gone.uuid, parts.clock())
    contact, change = add_contact(app, hers.book_id)
    parts.blobs.put(hers.book_id, sha256_of(picture()), picture(), parts.clock())
    stream = shown(app, written(folder / "stream.db", parts.clock(), CANARY)).id
    signed_in(app, "ada")
    (session,) = parts.accounts.sessions(hers.user_id, parts.clock())
    bob = signed_in(app, "bob")
    return World(app, contact, change, stream, hers.uuid, her_token, session.id, bob, his_token, revoked_token)


def add_contact(app: App, book_id: int) -> tuple[str, str]:
    parts, record_id, change_id = parts_of(app), str(uuid.uuid4()), str(uuid.uuid4())
    data = {"name": CANARY, "email": "ada@example.org", "details": {"k1": {"kind": "group", "value": CANARY}}}
    cells = parse_cells(CONTACTS, data, Operation.INSERT)
    change = Change(change_id, CONTACTS, record_id, Operation.INSERT, change_id, parts.clock() // 1000, 0, cells)
    change = change._replace(batch=change_id)
    push(parts.store, book_id, ChangeOrigin(), [change], parts.clock())
    return record_id, change_id


def ask(world: World, method: str, rule: str, row: Row, headers: Mapping[str, str] | None = None) -> TestResponse:
    """Without a session: as nobody, or with a token."""
    body = None if row.body is None else row.body(world)
    client = world.app.test_client()
    path, sent = world.path(rule), {"json": body} if body is not None else {"data": dict(row.form)}
    return client.open(path, method=method, headers=dict(headers or {}), buffered=True, **sent)


def ask_as_bob(world: World, method: str, rule: str, row: Row) -> TestResponse:
    """In Bob's browser, with the token that every form of his carries."""
    token = csrf_of(world.bob.get("/settings").text)
    if method == "GET":
        return world.bob.get(world.path(rule))
    return world.bob.client.open(world.path(rule), method=method, data={"csrf_token": token, **row.form})


def is_asked_to_sign_in(answer: TestResponse) -> bool:
    return answer.status_code == 302 and answer.headers["Location"].startswith("/login")


# --- the matrix itself -----------------------------------------------------------------------------------------------


def test_every_route_has_a_row_and_every_row_a_route(app: App) -> None:
    rules = app.url_map.iter_rules()
    routes = {f"{method} {rule}" for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert routes - MATRIX.keys() == set(), "these routes need a row in MATRIX"
    assert MATRIX.keys() - routes == set(), "these rows have no route any more"


# --- those who may not -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "rule", "row"), rows(*BY_SESSION, *BY_TOKEN))
def test_nobody_gets_in_without_signing_in(world: World, method: str, rule: str, row: Row) -> None:
    before, answer = world.state(), ask(world, method, rule, row)
    if row.who in BY_TOKEN:
        assert answer.status_code == 401
        assert answer.json
        assert answer.json["code"] == "not_authorized"
    else:
        # A form that nobody was given has no token either.
        assert is_asked_to_sign_in(answer) if method == "GET" else answer.status_code == 400
    assert not world.shows_ada(answer)
    assert world.state() == before


@pytest.mark.parametrize(("method", "rule", "row"), rows(*BY_SESSION))
def test_a_form_alone_gets_nobody_in(world: World, method: str, rule: str, row: Row) -> None:
    stranger, before = Browser(world.app), world.state()
    token = csrf_of(stranger.get("/login").text)
    form = {"csrf_token": token, **row.form} if method != "GET" else None
    answer = stranger.client.open(world.path(rule), method=method, data=form)
    assert is_asked_to_sign_in(answer)
    assert world.state() == before


@pytest.mark.parametrize(("method", "rule", "row"), rows(*BY_SESSION))
def test_a_device_s_token_opens_no_page(world: World, method: str, rule: str, row: Row) -> None:
    before, answer = world.state(), ask(world, method, rule, row, bearer(world.device_token))
    assert is_asked_to_sign_in(answer) or answer.status_code == 400
    assert world.state() == before


@pytest.mark.parametrize(("method", "rule", "row"), rows(Who.DEVICE))
def test_a_session_opens_no_door_of_devices(world: World, method: str, rule: str, row: Row) -> None:
    ada = signed_in(world.app, "ada")
    before = world.state()
    body = None if row.body is None else row.body(world)
    assert ada.client.open(world.path(rule), method=method, json=body).status_code == 401
    assert world.state() == before


@pytest.mark.parametrize(("method", "rule", "row"), rows(*BY_TOKEN))
def test_a_revoked_token_opens_nothing(world: World, method: str, rule: str, row: Row) -> None:
    before, answer = world.state(), ask(world, method, rule, row, bearer(world.revoked_token))
    assert answer.status_code == 401
    assert world.state() == before


@pytest.mark.parametrize(("method", "rule", "row"), rows(*BY_TOKEN))
def test_a_token_in_the_url_opens_nothing(world: World, method: str, rule: str, row: Row) -> None:
    body = None if row.body is None else row.body(world)
    query = {"token": world.device_token, "access_token": world.device_token}
    answer = world.app.test_client().open(world.path(rule), method=method, json=body, query_string=query)
    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "rule", "row"), rows(Who.ADMIN))
def test_who_is_no_admin_does_nothing_of_an_admin_s(world: World, method: str, rule: str, row: Row) -> None:
    before, answer = world.state(), ask_as_bob(world, method, rule, row)
    assert answer.status_code == 403
    assert not world.shows_ada(answer)
    assert world.state() == before


@pytest.fixture(params=[UserAction.DISABLE, UserAction.REMOVE])
def kept_out(world: World, request: pytest.FixtureRequest) -> World:
    """Ada is disabled or removed, once Bob is an admin too."""
    parts = parts_of(world.app)
    parts.user_rights.act(parts.accounts.user_named("bob").id, parts.clock(), UserAction.MAKE_ADMIN)
    parts.user_rights.act(1, parts.clock(), request.param)
    return world


@pytest.mark.parametrize(("method", "rule", "row"), rows(*BY_TOKEN))
def test_a_device_of_whoever_is_kept_out_opens_nothing(kept_out: World, method: str, rule: str, row: Row) -> None:
    before, answer = kept_out.state(), ask(kept_out, method, rule, row, bearer(kept_out.device_token))
    assert answer.status_code == 403
    assert answer.json
    assert answer.json["code"] in ("user_disabled", "user_removed")
    assert kept_out.state() == before


@pytest.mark.parametrize(("method", "rule", "row"), rows(Who.CARDDAV))
def test_carddav_is_for_devices_of_that_user_alone(world: World, method: str, rule: str, row: Row) -> None:
    """Neither a session nor a token of another kind, of another user or of before lets anybody in."""
    before, path = world.state(), world.path(rule)
    strangers: tuple[Mapping[str, str], ...] = (
        {},
        bearer(world.device_token),
        {"Authorization": basic("ada", world.revoked_token)},
        {"Authorization": basic("ada", world.bob_token)},
        {"Authorization": basic("ada", "correct horse battery")},
    )
    address = {"REMOTE_ADDR": f"127.9.{len(rule)}.{sum(method.encode()) % 250}"}
    for headers in strangers:
        answer = world.app.test_client().open(path, method=method, headers=headers, environ_overrides=address)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert not world.shows_ada(answer)
    assert signed_in(world.app, "ada").client.open(path, method=method).status_code == 401
    bob = {"Authorization": basic("bob", world.bob_token)}
    answer = world.app.test_client().open(
        path, method=method, headers=bob, data="BEGIN:VCARD", environ_overrides=address
    )
    assert answer.status_code < 500
    assert not world.shows_ada(answer)
    if "path" in rule:
        assert answer.status_code == 403 if method == "MKCOL" else 404
    after = world.state()
    assert [rows for rows in after if rows] == [rows for rows in before if rows]


# --- those who may, with ids of others -------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "rule", "row"), rows(Who.ANYONE, Who.PERSON))
def test_a_person_reaches_nothing_of_another(world: World, method: str, rule: str, row: Row) -> None:
    before, answer = world.state(), ask_as_bob(world, method, rule, row)
    if any(variable in rule for variable in NAMES_AN_ID):
        assert answer.status_code == 404
    assert answer.status_code < 500
    assert not world.shows_ada(answer)
    assert world.state() == before


@pytest.mark.parametrize(("method", "rule", "row"), rows(Who.ANYONE, *BY_TOKEN))
def test_a_device_reaches_nothing_of_another_book(world: World, method: str, rule: str, row: Row) -> None:
    before, answer = world.state(), ask(world, method, rule, row, bearer(world.bob_token))
    if any(variable in rule for variable in NAMES_AN_ID):
        assert answer.status_code == 404
    assert answer.status_code < 500
    assert not world.shows_ada(answer)
    assert world.state() == before


@pytest.mark.parametrize("path", ["/", "/?q=canary", "/trash", "/inbox", "/export.csv", "/devices"])
def test_lists_and_search_hold_one_s_own_alone(world: World, path: str) -> None:
    assert not world.shows_ada(world.bob.get(path))
    if path not in ("/trash", "/inbox"):
        assert world.shows_ada(signed_in(world.app, "ada").get(path))


@pytest.mark.parametrize("path", ["/contacts", "/contacts?search=canary", "/changes"])
def test_the_api_s_lists_hold_one_s_own_alone(world: World, path: str) -> None:
    client = world.app.test_client()
    assert not world.shows_ada(client.get(path, headers=bearer(world.bob_token)))
    assert world.shows_ada(client.get(path, headers=bearer(world.device_token)))


# --- forms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "rule", "row"), [row for row in rows(Who.ANYONE, *BY_SESSION) if row.values[0] == "POST"]
)
def test_no_form_works_from_another_site(world: World, method: str, rule: str, row: Row) -> None:
    ada = signed_in(world.app, "ada")
    before = world.state()
    assert ada.client.open(world.path(rule), method=method, data=dict(row.form)).status_code == 400
    assert world.state() == before
