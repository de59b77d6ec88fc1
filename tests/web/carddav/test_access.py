"""Who is let in: a device of that user, by its token, over HTTPS or from this machine; and what wrong tokens cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app import App
from offbook.core.accounts.login_throttle import PER_GUEST
from offbook.core.accounts.users import UserAction
from tests.support.api_client import caller
from tests.support.browser import PASSWORD, Browser, Stage, add_device, add_user, app_on, bearer, parts_of, signed_in
from tests.support.dav_client import DavClient, basic, code_of, error_of, multiget_body, phone, sync_body
from web.carddav.access import is_loopback, read_credentials
from web.messages.api import OF_STATUS
from web.server.refusals import RequestRefused, answer_to
from web.server.wsgi_bridge import HEAD_ONLY, HeadOnly

pytestmark = pytest.mark.engines("sqlite")  # what the store gives has tests on every database

BOOK = "/dav/ada/contacts/"
METHODS = ("OPTIONS", "PROPFIND", "REPORT", "GET", "PUT", "DELETE", "PROPPATCH", "MKCOL")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/dav/", "/dav/ada/", BOOK, BOOK + "x.vcf", "/dav/nobody/"])
def test_nobody_gets_in_without_a_token(app: App, method: str, path: str) -> None:
    """Trap 9: the challenge comes with the first answer of the address that discovery leads to."""
    answer = app.test_client().open(path, method=method)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Basic realm="offbook"')
    assert code_of(answer) == "not_authorized"
    assert "Set-Cookie" not in answer.headers


def test_the_root_asks_for_a_token_too_where_it_is_asked_as_carddav(app: App) -> None:
    answer = app.test_client().open("/", method="PROPFIND")
    assert (answer.status_code, answer.headers["WWW-Authenticate"][:5]) == (401, "Basic")


def test_only_a_token_of_that_user_lets_in(app: App) -> None:
    client = phone(app)
    token = add_device(app, "ada", "other")[1]
    add_user(app, "bob")
    bobs = add_device(app, "bob", "phone of bob")[1]
    good = [basic("ada", token), basic("ADA", token), basic(" Ada ", token)]
    bad = [
        basic("ada", PASSWORD),
        basic("bob", token),
        basic("ada", bobs),
        basic("", token),
        basic("ada", token[:-1]),
        basic("ada", ""),
        bearer(token)["Authorization"],
        "Basic",
        "Basic " + "x" * 5000,
        "Basic !!!",
        "Basic " + token,
        "Digest username=ada",
        "Negotiate abc",
    ]
    for header in good:
        assert client.ask("PROPFIND", "/dav/", Authorization=header).status_code == 207, header
    for header in bad:
        assert client.ask("PROPFIND", "/dav/", Authorization=header).status_code == 401, header


def test_a_session_lets_nobody_in(app: App) -> None:
    """Or a page of somebody else could read and write with a browser that is signed in."""
    add_user(app, "ada")
    browser = signed_in(app, "ada")
    for method in METHODS:
        assert browser.client.open(BOOK, method=method).status_code == 401


def test_a_revoked_device_is_out_at_once(app: App) -> None:
    client = phone(app)
    assert client.ask("PROPFIND", "/dav/").status_code == 207
    parts = parts_of(app)
    parts.accounts.revoke_devices(parts.accounts.user_named("ada").id, parts.clock())
    answer = client.ask("PROPFIND", "/dav/")
    assert (answer.status_code, "WWW-Authenticate" in answer.headers) == (401, True)


def test_whoever_is_kept_out_is_told_so(app: App) -> None:
    client = phone(app)
    parts = parts_of(app)
    add_user(app, "root", admin=True)
    parts.user_rights.act(parts.accounts.user_named("ada").id, parts.clock(), UserAction.DISABLE)
    for _ in range(2 * PER_GUEST):  # and never as if the token were wrong
        answer = client.ask("PROPFIND", "/dav/")
        assert (answer.status_code, code_of(answer)) == (403, "user_disabled")


@pytest.mark.parametrize(
    "path", ["/dav/bob/", "/dav/bob/contacts/", "/dav/bob/contacts/x.vcf", "/dav/nobody/contacts/"]
)
@pytest.mark.parametrize("method", ["OPTIONS", "PROPFIND", "REPORT", "GET", "PUT", "DELETE", "PROPPATCH"])
def test_another_user_s_address_is_nothing(app: App, path: str, method: str) -> None:
    """Whether there is such a user is not told."""
    phone(app, "bob")
    answer = phone(app).ask(method, path, "BEGIN:VCARD" if method == "PUT" else "")
    assert (answer.status_code, code_of(answer)) == (404, "not_found")


def test_another_user_s_card_is_not_read_by_its_address(app: App) -> None:
    caller(app, "bob").add(name="Secret")
    bob = phone(app, "bob")
    _, theirs = bob.propfind("/dav/bob/contacts/", "getetag", depth=1)
    answer = phone(app).ask("REPORT", BOOK, multiget_body(theirs))
    assert (answer.status_code, "Secret" in answer.text, "404" in answer.text) == (207, False, True)


# --- connections ---


def test_over_a_plain_connection_nobody_is_asked_for_a_token(app: App) -> None:
    client = phone(app)
    client.base["REMOTE_ADDR"] = "203.0.113.9"
    for header in (client.headers["Authorization"], None):
        answer = client.ask("PROPFIND", "/dav/", Authorization=header)
        assert (answer.status_code, code_of(answer)) == (403, "https_required")
        assert "WWW-Authenticate" not in answer.headers
    client.base["wsgi.url_scheme"] = "https"
    assert client.ask("PROPFIND", "/dav/").status_code == 207


@pytest.fixture
def behind_a_proxy(stage: Stage, tmp_path: Path) -> Iterator[App]:
    with stage.set() as empty:
        url = str(empty.extensions["database"].engine.url)
        made = app_on(url, trusted_proxies=1)
        try:
            yield made
        finally:
            made.extensions["database"].close()


def test_behind_a_trusted_proxy_what_it_forwards_counts(behind_a_proxy: App) -> None:
    client = phone(behind_a_proxy)
    forwarded = {"X_Forwarded_For": "203.0.113.9", "X_Forwarded_Host": "localhost"}
    assert client.ask("PROPFIND", "/dav/", X_Forwarded_Proto="https", **forwarded).status_code == 207
    answer = client.ask("PROPFIND", "/dav/", X_Forwarded_Proto="http", **forwarded)
    assert (answer.status_code, code_of(answer)) == (403, "https_required")


def test_what_nobody_may_forward_does_not_count(app: App) -> None:
    client = phone(app)
    client.base["REMOTE_ADDR"] = "203.0.113.9"
    told = {"X_Forwarded_For": "127.0.0.1", "X_Forwarded_Proto": "https"}
    assert client.ask("PROPFIND", "/dav/", **told).status_code == 403


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False),
     ("::ffff:10.0.0.1", False), ("", False), ("unix:", False)],
)  # fmt: skip
def test_which_addresses_are_this_machine(address: str, is_ours: bool) -> None:
    assert is_loopback(address) is is_ours


def test_credentials_are_read_however_a_program_writes_them() -> None:
    assert read_credentials(basic("a:b", "t")) == ("a:b", "t")
    assert read_credentials(basic("é", "t").replace("Basic", "bAsIc")) == ("é", "t")
    assert read_credentials("Basic 6Tp0") == ("é", "t")  # latin-1
    assert read_credentials("Basic 6Q==") is None


# --- wrong tokens ---


def test_wrong_tokens_are_counted_and_never_keep_anybody_from_signing_in(app: App) -> None:
    client = phone(app)
    other = DavClient(app, "ada", add_device(app, "ada", "tablet")[1])
    other.base = client.base
    wrong = basic("ada", "ob_" + "0" * 32 + "_" + "x" * 43)
    statuses = [client.ask("PROPFIND", "/dav/", Authorization=wrong).status_code for _ in range(3 * PER_GUEST)]
    assert statuses == [401] * PER_GUEST + [429] * 2 * PER_GUEST
    answer = client.ask("PROPFIND", "/dav/", Authorization=wrong)
    assert int(answer.headers["Retry-After"]) > 0
    assert code_of(answer) == "too_many_attempts"
    assert other.ask("PROPFIND", "/dav/").status_code == 207
    browser = Browser(app, str(client.base["REMOTE_ADDR"]))
    assert browser.sign_in("ada").status_code == 302


def test_a_large_body_is_taken_of_a_device_alone(app: App) -> None:
    """Which is asked by the head, before a byte of it is (web.server.bodies)."""
    client = phone(app)
    for header, is_known in ((client.headers["Authorization"], True), (basic("bob", "x"), False), (None, False)):
        head = HeadOnly()
        client.base[HEAD_ONLY] = head
        answer = client.ask("REPORT", BOOK, Authorization=header)
        assert (head.is_known, answer.status_code) == (is_known, 200 if is_known else 401)


def test_a_device_is_seen_by_what_it_asks(app: App) -> None:
    client = phone(app)
    assert client.ask("REPORT", BOOK, sync_body()).status_code == 207
    (device,) = parts_of(app).accounts.devices(parts_of(app).accounts.user_named("ada").id)
    assert device.last_seen_at is not None
    assert device.cursor_seq is not None


def test_problems_are_in_xml_wherever_carddav_is_spoken(app: App) -> None:
    client = phone(app)
    for method, path in [("GET", "/dav//ada"), ("BREW", "/dav/"), ("PROPFIND", "/dav/%00"), ("GET", "/dav/ada//")]:
        answer = client.ask(method, path)
        assert answer.status_code in (400, 404, 405), (method, path)
        assert answer.mimetype == "application/xml"
        error_of(answer)
    assert client.ask("PROPFIND", "/", Authorization=None).mimetype == "application/xml"


def test_what_is_refused_before_the_app_sees_it_is_refused_in_xml_too(app: App) -> None:
    refusal = RequestRefused(413, OF_STATUS[413].fault(), (b"connection", b"close"))
    answer = answer_to(app, {"path": "/dav/ada/contacts/x.vcf"}, refusal)
    assert answer.status == 413
    assert b"max-resource-size" in answer.body
    assert dict(answer.headers)[b"content-type"].startswith(b"application/xml")
    assert dict(answer.headers)[b"connection"] == b"close"
    for path in ("/sync", "/", "*", "/davy"):
        assert dict(answer_to(app, {"path": path}, refusal).headers)[b"content-type"] == b"application/problem+json"
