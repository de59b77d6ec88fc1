"""Whatever stands in a parameter of a route, the answer is a sentence, and has the same status on every engine.

Every route of the URL map has a row in tests.support.odd_values, and each of its parameters in turn holds each odd
value while the others are as they should be. The test client raises what a view raises, so that a fault ends with its
traceback.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, unquote_to_bytes

import pytest
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, TestResponse

import web
from app import STATIC, App
from storage.engines.adapter import ENGINES
from tests.conftest import REQUIRE_ALL
from tests.support.api_client import change, new_id
from tests.support.browser import COOKIE, Stage, add_user, app_on, bearer, csrf_of, parts_of, signed_in
from tests.support.conflict_scenarios import pair
from tests.support.databases import MAKERS
from tests.support.dav_client import basic
from tests.support.odd_values import (
    ESCAPED,
    HEADERS,
    ROUTES,
    SHARP,
    SHARP_IN_HEADERS,
    SHARP_IN_JSON,
    TEXTS,
    VALUES,
    By,
    Takes,
    places,
    replaced,
)
from tests.support.samples import IS_PROOF
from tests.support.stream_files import shown, written
from web.assets import url_of

STATIC_URL = url_of(STATIC)
WEB = Path(web.__file__).parent


# --- somewhere to ask ------------------------------------------------------------------------------------------------


@dataclass
class House:
    """The app on one engine, with someone in it who has one of everything. ``names`` are those of
    tests.support.odd_values.
    """

    stage: Stage
    template: Path
    names: Mapping[str, str]
    token: str
    cookie: str
    csrf: str
    stack: ExitStack = field(default_factory=ExitStack)

    def begin(self) -> App:
        """The app, as if nobody had asked anything yet."""
        self.stack.close()
        return self.stack.enter_context(self.stage.set(self.template))

    def filled(self, value: Any) -> Any:
        """With this house's own names in the place of those in braces."""
        match value:
            case str():
                return self.names.get(value[1:-1], value) if value.startswith("{") else value
            case dict():
                return {key: self.filled(part) for key, part in value.items()}
            case list():
                return [self.filled(part) for part in value]
            case _:
                return value


def house(engine: str, folder: Path) -> House:
    maker = MAKERS[engine]
    stage = Stage(maker, maker.template(folder), folder)
    with stage.set() as app:
        add_user(app, "ada", admin=True)
        parts, two = parts_of(app), pair(app)
        contact, conflict = two.conflict(phone=("555-1", "555-2"))
        user, past = parts.accounts.user_named("ada"), two.laptop.get(f"/history/{contact}").get_json()["changes"]
        batch = new_id()
        two.laptop.synced(change(data={"name": "Grace"}) | {"batch": batch})
        label = two.laptop.ask("POST", "/labels", json={"name": "Club"}).get_json()
        stream = shown(app, written(folder / "stream.db", parts.clock(), "message"))
        page = two.laptop.get("/changes").get_json()
        browser = signed_in(app, "ada")
        csrf = csrf_of(browser.get("/settings").text)
        cookie = browser.client.get_cookie(COOKIE)
        assert cookie is not None
        names = {
            "contact": contact,
            "conflict": conflict.id,
            "change": past[0]["id"],
            "seq": str(past[0]["seq"]),
            "cursor": page["cursor"],
            "batch": batch,
            "label": label["id"],
            "stream": stream.id,
            "device": parts.accounts.devices(user.id)[1].uuid,
            "session": parts.accounts.sessions(user.id, parts.clock())[0].id,
        }
    return House(stage, stage.kept("house.db"), names, two.laptop.token, cookie.value, csrf)


@pytest.fixture(scope="module")
def house_on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = house("sqlite", tmp_path_factory.mktemp("sqlite"))
    yield made
    made.stack.close()


@pytest.fixture(scope="module")
def houses(house_on_sqlite: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, House]]:
    """One on each engine that there is on this machine."""
    missing = [reason for maker in MAKERS.values() if (reason := maker.missing())]
    assert not (missing and REQUIRE_ALL), missing
    servers = [engine for engine in ENGINES if engine != "sqlite" and not MAKERS[engine].missing()]
    folders = {engine: tmp_path_factory.mktemp(engine) for engine in servers}
    made = {engine: house(engine, folder) for engine, folder in folders.items()}
    yield {"sqlite": house_on_sqlite, **made}
    for engine, folder in folders.items():
        made[engine].stack.close()
        MAKERS[engine].free(folder)


# --- what is asked ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A request to a route. Path, query and form are as they go over the wire; ``body`` becomes JSON."""

    method: str
    path: str
    query: str = ""
    form: str = ""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One parameter with an odd value."""

    name: str
    value: str
    asked: Asked


def good(house: House, method: str, rule: str, takes: Takes) -> Asked:
    names = house.names
    ids = {
        "uuid:contact_id": names["contact"],
        "uuid:record_id": names["contact"],
        "uuid:change_id": names["change"],
        "uuid:conflict_id": names["conflict"],
        "uuid:batch_id": names["batch"],
        "uuid:label_id": names["label"],
        "table_name": "contacts",
        "uuid:stream_id": names["stream"],
        "uuid:device_id": names["device"],
        "number:user_id": "1",
        "any(disable,enable,remove,restore,promote,demote):act": "demote",
        "once": "x" * 43,
        "signed": "x" * 43,
        "path:filename": "logo.svg",
        "path:path": "ada/contacts/x.vcf",
    }
    for variable, value in ids.items():
        rule = rule.replace(f"<{variable}>", value)
    query, form = house.filled(dict(takes.query)), house.filled(dict(takes.form))
    if method != "GET" and takes.by not in (By.DEVICE, By.PHONE):
        form["csrf_token"] = house.csrf
    return Asked(method, rule, encoded(query), encoded(form), house.filled(takes.body), headers_of(house, takes.by))


def headers_of(house: House, by: By) -> dict[str, str]:
    if by is By.PHONE:
        return {"Authorization": basic("ada", house.token)}
    return bearer(house.token) if by is By.DEVICE else {"Cookie": f"{COOKIE}={house.cookie}"}


def encoded(values: Mapping[str, str], odd: str = "", raw: str = "") -> str:
    """As in a query or a form; ``raw`` stands in the place of the value called ``odd``."""
    return "&".join(f"{name}={raw if name == odd else quote_plus(value)}" for name, value in values.items())


def raw_texts() -> Iterator[tuple[str, str]]:
    yield from ((name, quote_plus(text)) for name, text in TEXTS.items())
    yield from ESCAPED.items()


def cases(house: House, method: str, rule: str, takes: Takes) -> Iterator[Case]:
    """Each parameter of a route with each odd value: of its path, its query, its form and its body."""
    base = good(house, method, rule, takes)
    for variable in variables(rule):
        for value, raw in raw_texts():
            path = good(house, method, rule.replace(f"<{variable}>", "@odd@"), takes).path
            yield Case(f"{variable}", value, replace(base, path=path.replace("@odd@", raw.replace("+", "%20"))))
    query, form = house.filled(dict(takes.query)), house.filled(dict(takes.form))
    for name in query:
        for value, raw in raw_texts():
            yield Case(f"query {name}", value, replace(base, query=encoded(query, name, raw)))
    for name in form:
        for value, raw in raw_texts():
            sent = encoded(form | {"csrf_token": house.csrf}, name, raw)
            yield Case(f"form {name}", value, replace(base, form=sent))
    if takes.body is not None:
        for at in places(base.body):
            for value, odd in VALUES.items():
                yield Case(f"body {at}", value, replace(base, body=replaced(base.body, at, odd)))


def variables(rule: str) -> list[str]:
    return [part.partition(">")[0] for part in rule.split("<")[1:]]


def answered(app: App, asked: Asked, address: str = "127.0.0.1") -> TestResponse:
    body, kind = asked.form.encode(), "application/x-www-form-urlencoded" if asked.form else None
    if asked.body is not None:
        body, kind = json.dumps(asked.body).encode(), "application/json"
    builder = EnvironBuilder(
        method=asked.method,
        input_stream=BytesIO(body),
        content_length=len(body),
        content_type=kind,
        headers=Headers((name, value.encode().decode("latin-1")) for name, value in asked.headers.items()),
        environ_overrides={
            "PATH_INFO": unquote_to_bytes(asked.path).decode("latin-1"),
            "QUERY_STRING": asked.query,
            "REMOTE_ADDR": address,
        },
    )
    return app.test_client(use_cookies=False).open(builder, buffered=True)


def flaw(answer: TestResponse | Exception) -> str:
    """What is wrong with an answer; empty where nothing is."""
    if isinstance(answer, Exception):
        return f"{type(answer).__name__}: {str(answer)[:200]}"
    if answer.status_code >= 500:
        return f"{answer.status_code}: {answer.text[:200]}"
    if answer.status_code < 400:
        return ""
    if answer.mimetype == "application/xml":
        return "" if answer.text.count(".</") == 1 else answer.text
    if answer.mimetype == "application/problem+json":
        return "" if answer.get_json()["detail"].endswith(".") else answer.text
    return (
        "" if answer.mimetype == "text/html" and "<main" in answer.text else f"{answer.mimetype}: {answer.text[:200]}"
    )


def groups() -> dict[str, list[str]]:
    """The routes by the first word of their path: few tests, since it takes time to begin one on three engines."""
    found: dict[str, list[str]] = {}
    for route in ROUTES:
        found.setdefault(route.split("/")[1] or "list", []).append(route)
    return found


GROUPS = groups()


@pytest.mark.servers
@pytest.mark.proof
@pytest.mark.parametrize("routes", [pytest.param(names, id=group) for group, names in GROUPS.items()])
def test_an_odd_value_is_answered_alike_on_every_engine(houses: dict[str, House], routes: list[str]) -> None:
    apps = {engine: house.begin() for engine, house in houses.items()}
    flaws: list[str] = []
    for route in routes:
        for cases in zip(*(cases_of(house, route) for house in houses.values()), strict=True):
            answers = {engine: answer_of(apps[engine], case) for engine, case in zip(apps, cases, strict=True)}
            flaws += [f"{cases[0].name}: {wrong}" for wrong in compared(answers)]
            if any(map(is_shut_out, answers.values())):
                apps = {engine: house.begin() for engine, house in houses.items()}
    assert flaws == []


def cases_of(house: House, route: str) -> Iterator[Case]:
    method, rule = route.replace("{static}", STATIC_URL).split(" ")
    for number, case in enumerate(cases(house, method, rule, ROUTES[route])):
        if IS_PROOF or case.value in sharp(case, number // len(TEXTS)):
            yield replace(case, name=f"{route}, {case.name}: {case.value}")


def sharp(case: Case, parameter: int) -> tuple[str, ...]:
    """The values that the suite takes for each parameter: those that found most, by turns."""
    if case.asked.body is not None:
        return (SHARP_IN_JSON[parameter % len(SHARP_IN_JSON)],)
    if case.name == "query after":
        return ("NUL", "a place with a NUL", "a place over 63 bits")
    return (SHARP[parameter % len(SHARP)],)


def answer_of(app: App, case: Case) -> TestResponse | Exception:
    try:
        return answered(app, case.asked)
    except Exception as error:
        return error


def compared(answers: Mapping[str, TestResponse | Exception]) -> Iterator[str]:
    """What is wrong with the answers of the engines."""
    for engine, answer in answers.items():
        if wrong := flaw(answer):
            yield f"{engine}: {wrong}"
    statuses = {engine: answer.status_code for engine, answer in answers.items() if isinstance(answer, TestResponse)}
    if len(set(statuses.values())) > 1:
        yield str(statuses)


def is_shut_out(answer: TestResponse | Exception) -> bool:
    """Whether whoever asks gets no further: signed out, revoked, or with too many attempts."""
    return isinstance(answer, TestResponse) and (
        answer.status_code in (401, 429) or answer.headers.get("Location", "").startswith("/login")
    )


# --- the rows --------------------------------------------------------------------------------------------------------


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    rules = app_on("sqlite:///nothing.db").url_map.iter_rules()
    routes = {f"{method} {rule}" for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert {route.replace("{static}", STATIC_URL) for route in ROUTES} == routes, (
        "see ROUTES in tests.support.odd_values"
    )


def test_every_value_that_a_view_reads_is_in_a_row() -> None:
    """Views read them by their names, from web.request_values and from nowhere else (tests.meta.test_import_rules)."""
    read = {"query": set[str](), "posted": set[str](), "posted_or_query": set[str]()}
    for path in WEB.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(ast.Attribute(ast.Name(place)), [ast.Constant(str(name)), *_]) if place in read:
                    read[place].add(name)
                case ast.Compare(ast.Constant(str(name)), _, [ast.Name(place)]) if place in read:
                    read[place].add(name)
    queries = {name for takes in ROUTES.values() for name in takes.query}
    forms = {name for takes in ROUTES.values() for name in takes.form}
    assert len(read["query"]) > 10
    assert len(read["posted"]) > 10
    assert read["query"] - queries == read["posted"] - forms == set(), (
        "these need a place in ROUTES of tests.support.odd_values"
    )
    assert read["posted_or_query"] - (queries & forms) == set()


# --- headers ---------------------------------------------------------------------------------------------------------

ASKED_WITH_HEADERS = ("GET /", "POST /login", "GET /contacts/<uuid:contact_id>", "PATCH /contacts/<uuid:contact_id>",
                      "DELETE /contacts/<uuid:contact_id>", "GET /live", "GET /metrics", "PROPFIND /dav/",
                      "PUT /dav/<path:path>", "GET /dav/<path:path>", "DELETE /dav/<path:path>")  # fmt: skip
"""One of each kind: headers are read by what stands before all views of a kind."""


@pytest.mark.parametrize("header", HEADERS)
def test_an_odd_header_is_answered(house_on_sqlite: House, header: str) -> None:
    """On SQLite, since only a device's token reaches the database, and its form is checked."""
    app, flaws = house_on_sqlite.begin(), []
    for route in ASKED_WITH_HEADERS:
        method, rule = route.replace("{static}", STATIC_URL).split(" ")
        response = good(house_on_sqlite, method, rule, ROUTES[route])
        for name, form in product(SHARP_IN_HEADERS, HEADERS[header]):
            odd = {**response.headers, header: form.replace("{}", TEXTS[name])}
            if wrong := flaw(answer_of(app, Case("", "", replace(response, headers=odd)))):
                flaws.append(f"{route}, {form}: {name}: {wrong}")
    assert flaws == []
