"""The sync API as a device sees it: what goes over the wire, and what each answer looks like."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from typing import Any

import pytest
import requests
from sqlalchemy import update
from werkzeug.test import TestResponse

from app import App
from models import Base
from offbook.core.merge.retention import RetentionLimits
from offbook.core.protocol.rows import iso_micros
from services.retention import prune
from tests.support.api_client import NOON, Caller, caller, change, new_id, typed
from tests.support.browser import add_device, parts_of
from tests.support.live_server import serving

PHONE_LATER = "2026-11-18T17:07:00.000Z"


def result_of(answer: dict[str, Any]) -> dict[str, Any]:
    (result,) = answer["results"]
    found: dict[str, Any] = result
    return found


def book_id(app: App) -> int:
    return parts_of(app).accounts.user_named("ada").book_id


def contested(laptop: Caller, phone: Caller, mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """The answer to ``theirs``, an edit by the phone of what it had before the laptop's edit ``mine``."""
    first = change()
    base = result_of(laptop.synced(first))["seq"]
    edit = {"record_id": first["record_id"], "base": base}
    laptop.synced(change("UPDATE", **edit, data=mine))
    return result_of(phone.synced(change("UPDATE", **edit, data=theirs, timestamp=PHONE_LATER)))


# --- a push ----------------------------------------------------------------------------------------------------------


def test_an_applied_change_gets_its_seq_and_no_record(laptop: Caller) -> None:
    item = change(data={"name": "Ada", "given_name": "Ada"})
    answer = laptop.synced(item)
    result = result_of(answer)
    assert result == {"id": item["id"], "verdict": "applied", "seq": result["seq"]}
    assert isinstance(result["seq"], int)


def test_what_a_change_leaves_out_of_a_name_is_derived_and_told(laptop: Caller) -> None:
    item = change(data={"name": "Ada Lovelace"})
    result = result_of(laptop.synced(item))
    assert (result["verdict"], result["record"]["family_name"]) == ("applied", "Lovelace")
    renamed = change("UPDATE", record_id=item["record_id"], base=result["seq"], data={"family_name": "King"})
    assert result_of(laptop.synced(renamed))["record"]["name"] == "Ada King"


def test_an_answer_names_the_book_and_nothing_that_was_not_asked_for(app: App, laptop: Caller) -> None:
    book = parts_of(app).accounts.book(book_id(app))
    assert laptop.synced().keys() == {"book", "results"}
    assert laptop.synced()["book"] == book.uuid


def test_seqs_of_a_batch_grow_in_its_order(laptop: Caller) -> None:
    seqs = [result["seq"] for result in laptop.synced(change(), change(), change())["results"]]
    assert seqs == sorted(set(seqs))


def test_a_merged_change_shows_the_record_as_it_is_now(laptop: Caller, phone: Caller) -> None:
    result = contested(laptop, phone, {"phone": "1", "company": "Mine"}, {"email": "a@b.c", "company": "Theirs"})
    assert (result["verdict"], result["seq"]) == ("merged", laptop.synced(since=None)["changes"][0]["seq"])
    shown = {name: result["record"][name] for name in ("phone", "email", "company")}
    assert shown == {"phone": "1", "email": "a@b.c", "company": "Theirs"}


def test_a_superseded_change_shows_what_stands(laptop: Caller, phone: Caller) -> None:
    first = change()
    base = result_of(laptop.synced(first))["seq"]
    edit = {"record_id": first["record_id"], "base": base}
    stands = result_of(laptop.synced(change("UPDATE", **edit, data={"phone": "1"}, timestamp=PHONE_LATER)))
    result = result_of(phone.synced(change("UPDATE", **edit, data={"phone": "2"})))
    assert (result["verdict"], result["seq"], result["record"]["phone"]) == ("superseded", stands["seq"], "1")


def test_a_conflict_leaves_what_stands_and_shows_it(app: App, laptop: Caller, phone: Caller) -> None:
    parts_of(app).accounts.set_policy(book_id(app), "ask")
    result = contested(laptop, phone, {"phone": "1"}, {"phone": "2"})
    assert (result["verdict"], result["record"]["phone"]) == ("conflict", "1")


def test_a_rejected_change_says_why_and_its_neighbours_are_applied(laptop: Caller) -> None:
    answer = laptop.synced(change(), change(data={}), change())
    assert [one["verdict"] for one in answer["results"]] == ["applied", "rejected", "applied"]
    bad = answer["results"][1]
    assert (bad["code"], bad["record"]) == ("missing", None)
    assert "name" in bad["detail"]


def test_a_rejected_edit_shows_what_the_device_is_to_go_back_to(laptop: Caller) -> None:
    first = change()
    seq = result_of(laptop.synced(first))["seq"]
    bad = change("UPDATE", record_id=first["record_id"], base=seq, data={"details": {"k1": {"value": "no kind"}}})
    result = result_of(laptop.synced(bad))
    assert (result["verdict"], result["record"]["name"], result["seq"]) == ("rejected", "Ada Lovelace", seq)


def test_a_record_that_is_not_there_is_null(laptop: Caller) -> None:
    result = result_of(laptop.synced(change("UPDATE", base=0, data={"phone": "1"})))
    assert (result["verdict"], result["code"], result["record"]) == ("rejected", "unknown_record", None)


def test_the_same_change_again_gets_the_same_verdict_and_the_record_as_it_is_now(laptop: Caller) -> None:
    first = change()
    base = result_of(laptop.synced(first))["seq"]
    later = result_of(laptop.synced(change("UPDATE", record_id=first["record_id"], base=base, data={"phone": "1"})))
    again = result_of(laptop.synced(first))
    assert (again["verdict"], again["seq"], again["record"]["phone"]) == ("applied", later["seq"], "1")


def test_a_retry_of_what_was_deleted_since_brings_nothing_back(laptop: Caller) -> None:
    first = change()
    base = result_of(laptop.synced(first))["seq"]
    laptop.synced(change("DELETE", record_id=first["record_id"], base=base))
    again = result_of(laptop.synced(first))
    assert (again["verdict"], again["record"]) == ("applied", None)
    assert laptop.synced(since=None)["changes"] == []


def test_a_row_has_every_field_and_the_times_that_the_server_made(laptop: Caller) -> None:
    data = {"name": "Ada", "notes": "", "starred": True, "created_at": "1900-01-01", "updated_at": None, "id": "mine"}
    entry = {"kind": "phone", "label": "boat", "value": "555-9"}
    item = change(data=data | {"details": {"k3": entry}})
    (row,) = laptop.synced(item, since=None)["changes"]
    seq = row["seq"]
    assert (row["table"], row["record_id"], row["operation"]) == ("contacts", item["record_id"], "INSERT")
    assert row["timestamp"] == row["data"]["created_at"] == row["data"]["updated_at"] == iso_micros(seq)
    assert (row["data"]["id"], row["data"]["starred"], row["data"]["notes"]) == (item["record_id"], True, None)
    assert row["data"]["details"] == {"k3": entry}


def test_a_plain_client_needs_no_replica(app: App, laptop: Caller, phone: Caller) -> None:
    """The device itself counts as one: it is never concurrent with itself, and is with others."""
    first = change()
    base = result_of(laptop.synced(first))["seq"]
    edit = {"record_id": first["record_id"], "base": base}
    assert laptop.verdicts(change("UPDATE", **edit, data={"phone": "1"}, timestamp=PHONE_LATER)) == ["applied"]
    assert laptop.verdicts(change("UPDATE", **edit, data={"phone": "2"})) == ["applied"]
    assert phone.verdicts(change("UPDATE", **edit, data={"phone": "3"})) == ["superseded"]


def test_a_device_tells_how_its_clock_stands_and_what_it_parked(app: App, laptop: Caller) -> None:
    ahead = iso_micros(parts_of(app).clock() + 3_600_000_000)
    laptop.synced(sent_at=ahead, parked={"missing": 2})
    owner = parts_of(app).accounts.user_named("ada")
    (device,) = parts_of(app).accounts.devices(owner.id)
    assert device.parked == {"missing": 2}
    assert device.clock_offset_ms is not None
    assert abs(device.clock_offset_ms - 3_600_000) < 60_000


def far(app: App) -> int | None:
    """The seq up to which the only device is noted to know the book."""
    owner = parts_of(app).accounts.user_named("ada")
    return parts_of(app).accounts.devices(owner.id)[0].cursor_seq


def test_an_answer_s_cursor_says_how_far_a_device_is(app: App, laptop: Caller) -> None:
    seqs = [one["seq"] for one in laptop.synced(change(), change(), since=None)["results"]]
    assert far(app) == seqs[-1]


def test_a_device_in_the_middle_of_a_snapshot_is_nowhere_yet(app: App, laptop: Caller) -> None:
    seqs = [one["seq"] for one in laptop.synced(change(), change())["results"]]
    cursor = laptop.get("/changes", limit=1).get_json()["cursor"]
    assert far(app) is None
    laptop.get("/changes", since=cursor, limit=1)
    assert far(app) == seqs[-1]


def test_a_change_by_itself_costs_no_commit_for_how_far_the_device_is(app: App, laptop: Caller) -> None:
    head = laptop.synced(change(), since=None)
    before = far(app)
    later = laptop.synced(change(), since=head["cursor"])
    assert far(app) == before
    laptop.synced(since=later["cursor"])
    assert far(app) == later["results"][0]["seq"]


# --- a pull ----------------------------------------------------------------------------------------------------------


def test_null_asks_for_a_snapshot_and_absence_for_no_pull(laptop: Caller) -> None:
    laptop.synced(change())
    assert "changes" not in laptop.synced()
    answer = laptop.synced(since=None)
    assert (answer["since"], len(answer["changes"]), answer["more"]) == (None, 1, False)


def test_a_push_and_its_pull_are_one_round_trip(laptop: Caller) -> None:
    cursor = laptop.synced(since=None)["cursor"]
    item = change()
    answer = laptop.synced(item, since=cursor)
    assert answer["since"] == cursor
    assert [row["record_id"] for row in answer["changes"]] == [item["record_id"]]
    assert laptop.synced(since=answer["cursor"])["changes"] == []


def test_the_cursor_goes_on_where_it_was_on_either_address(laptop: Caller) -> None:
    cursor = laptop.synced(change(), since=None)["cursor"]
    item = change()
    laptop.synced(item)
    pulled = laptop.get("/changes", since=cursor).get_json()
    assert pulled.keys() == {"book", "since", "changes", "cursor", "more"}
    assert (pulled["since"], [row["record_id"] for row in pulled["changes"]]) == (cursor, [item["record_id"]])


def test_pages_are_as_long_as_asked_and_miss_nothing(laptop: Caller) -> None:
    items = [change() for _ in range(7)]
    laptop.synced(*items)
    found: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    lengths = []
    while True:
        page = laptop.get("/changes", **query).get_json()
        assert page["since"] == query.get("since")
        found += [row["record_id"] for row in page["changes"]]
        lengths.append(len(page["changes"]))
        query["since"] = page["cursor"]
        if not page["more"]:
            break
    assert lengths == [3, 3, 1]
    assert found == [item["record_id"] for item in items]


def test_a_limit_above_the_most_is_the_most(laptop: Caller) -> None:
    laptop.synced(change())
    assert len(laptop.get("/changes", limit=999_999_999).get_json()["changes"]) == 1


def test_a_pull_serves_state_and_not_the_log(laptop: Caller) -> None:
    cursor = laptop.synced(since=None)["cursor"]
    item = change()
    seq = result_of(laptop.synced(item))["seq"]
    laptop.synced(change("UPDATE", record_id=item["record_id"], base=seq, data={"phone": "1"}))
    (row,) = laptop.synced(since=cursor)["changes"]
    assert (row["operation"], row["data"]["phone"]) == ("UPDATE", "1")


def test_a_tombstone_is_told_to_who_knew_the_record_and_left_out_of_a_snapshot(laptop: Caller) -> None:
    item = change()
    answer = laptop.synced(item, since=None)
    laptop.synced(change("DELETE", record_id=item["record_id"], base=result_of(answer)["seq"]))
    (row,) = laptop.synced(since=answer["cursor"])["changes"]
    assert (row["operation"], row["data"]) == ("DELETE", None)
    assert laptop.get("/changes").get_json()["changes"] == []


# --- a cursor that can't be served -----------------------------------------------------------------------------------


def refused(answer: TestResponse) -> dict[str, Any]:
    assert (answer.status_code, answer.mimetype) == (410, "application/problem+json")
    found: dict[str, Any] = answer.get_json()
    assert found["code"] == "cursor_gone"
    return {name: found[name] for name in ("reason", "kept", "book")}


def test_a_cursor_of_another_epoch_is_gone(app: App, laptop: Caller) -> None:
    laptop.synced(change())
    before = typed(app)
    answer = laptop.sync(change(), since=f"{new_id()}.1")
    book = parts_of(app).accounts.book(book_id(app)).uuid
    assert refused(answer) == {"reason": "epoch", "kept": 0, "book": book}
    assert typed(app) == before


def test_a_cursor_below_the_prune_line_is_gone_and_says_how_much_was_kept(app: App, laptop: Caller) -> None:
    old = laptop.synced(change(), since=None)["cursor"]
    head = result_of(laptop.synced(change()))["seq"]
    prune(parts_of(app).store, book_id(app), RetentionLimits(head, head))
    before = typed(app)
    answer = refused(laptop.sync(change(), since=old))
    assert (answer["reason"], answer["kept"]) == ("pruned", head)
    assert typed(app) == before


def test_a_cursor_that_the_log_does_not_know_is_gone(app: App, laptop: Caller) -> None:
    """What a database file looks like that was put back by hand: the epoch is right, and the seq was never given."""
    cursor = laptop.synced(change(), since=None)["cursor"]
    epoch, _, seq = cursor.partition(".")
    before = typed(app)
    for unknown in (f"{epoch}.{int(seq) + 1}", f"{epoch}.{int(seq) - 1}"):
        assert refused(laptop.sync(change(), since=unknown))["reason"] == "unknown"
        assert refused(laptop.get("/changes", since=unknown))["reason"] == "unknown"
    assert typed(app) == before


def test_after_a_410_a_snapshot_is_served(app: App, laptop: Caller) -> None:
    laptop.synced(change())
    books = Base.metadata.tables["books"]
    with app.extensions["database"].write() as connection:
        connection.execute(update(books).values(epoch=new_id()))
    answer = laptop.synced(since=None)
    assert len(answer["changes"]) == 1
    assert laptop.synced(since=answer["cursor"])["changes"] == []


# --- who may --------------------------------------------------------------------------------------------------------


def test_the_token_may_be_the_password_of_basic(app: App, laptop: Caller) -> None:
    pair = b64encode(f"whoever:{laptop.token}".encode()).decode()
    answer = app.test_client().get("/changes", headers={"Authorization": f"Basic {pair}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer a=b",
        "Bearer ob_" + "0" * 32 + "_" + "A" * 43,
        "Bearer \udcff\udcfe",
        "Basic",
        "Basic !!!",
        "Basic " + b64encode(b"no colon").decode(),
        "Basic " + b64encode(b"ada:wrong").decode(),
        "Basic " + b64encode(b"\xff:\xff").decode(),
        'Digest username="ada", realm="offbook"',
        "Negotiate abc",
        "x" * 10_000,
    ],
)
def test_without_a_good_token_nothing_is_told(app: App, laptop: Caller, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header.encode("utf-8", "surrogateescape").decode("latin-1")}
    for method, path in (("POST", "/sync"), ("GET", "/changes"), ("GET", "/contacts"), ("GET", "/users")):
        answer = app.test_client().open(path, method=method, headers=headers, json={} if method == "POST" else None)
        assert (answer.status_code, answer.get_json()["code"]) == (401, "not_authorized")
        assert answer.headers["WWW-Authenticate"].split()[0] in ("Bearer", "Basic")


def test_a_token_of_a_revoked_device_opens_nothing(app: App, laptop: Caller) -> None:
    parts = parts_of(app)
    owner = parts.accounts.user_named("ada")
    device, token = add_device(app, "ada", "lost")
    lost = Caller(app, token)
    assert lost.sync(change()).status_code == 200
    parts.accounts.revoke_device(owner.id, device.uuid, parts.clock())
    before = typed(app)
    assert [lost.sync(change()).status_code, lost.get("/changes").status_code] == [401, 401]
    assert typed(app) == before


# --- headers and packing ---------------------------------------------------------------------------------------------


def test_the_protocol_is_told_in_good_answers_and_in_bad_ones(app: App, laptop: Caller) -> None:
    answers = [
        laptop.sync(),
        laptop.get("/changes"),
        laptop.get("/contacts"),
        laptop.get("/changes", since="bad"),
        app.test_client().get("/changes"),
        laptop.get("/contacts/none"),
        laptop.ask("PUT", "/sync"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 401, 404, 405]
    assert {answer.headers["Offbook-Protocol"] for answer in answers} == {"1"}


def test_a_later_protocol_is_refused_and_not_half_understood(app: App, laptop: Caller) -> None:
    before = typed(app)
    answer = laptop.ask("POST", "/sync", {"Offbook-Protocol": "2"}, json={"changes": [change()]})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "unknown_protocol")
    assert laptop.ask("POST", "/sync", {"Offbook-Protocol": "1"}, json={}).status_code == 200
    assert typed(app) == before


def test_a_packed_push_is_read_like_a_plain_one(laptop: Caller) -> None:
    body = gzip.compress(json.dumps({"changes": [change()]}).encode())
    answer = laptop.ask("POST", "/sync", {"Content-Encoding": "gzip"}, data=body)
    assert answer.get_json()["results"][0]["verdict"] == "applied"


def test_an_answer_is_packed_for_who_can_unpack_it(laptop: Caller) -> None:
    laptop.synced(*[change(data={"name": "Ada", "notes": "x" * 100}) for _ in range(20)])
    plain = laptop.get("/changes")
    packed = laptop.get("/changes", {"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data


def test_the_type_that_a_client_forgot_to_name_does_not_matter(laptop: Caller) -> None:
    """`curl -d` says that it sends a form. What counts is the body."""
    body = json.dumps({"changes": [change()]})
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", ""):
        answer = laptop.ask("POST", "/sync", {"Content-Type": kind}, data=body)
        assert (answer.status_code, len(answer.get_json()["results"])) == (200, 1)


# --- through the real server -----------------------------------------------------------------------------------------


def test_the_real_server_takes_a_push_and_a_packed_pull(app: App, laptop: Caller) -> None:
    with serving(app) as url, requests.Session() as session:
        session.auth = ("laptop", laptop.token)
        pushed = session.post(f"{url}/sync", json={"changes": [change() for _ in range(50)], "since": None}, timeout=10)
        pulled = session.get(f"{url}/changes", timeout=10)
    assert {one["verdict"] for one in pushed.json()["results"]} == {"applied"}
    assert pulled.headers["Content-Encoding"] == "gzip"
    assert pulled.json()["changes"] == pushed.json()["changes"]
    assert (pushed.headers["Offbook-Protocol"], pulled.headers["Offbook-Protocol"]) == ("1", "1")


def test_the_real_server_takes_a_chunked_and_packed_body(app: App, laptop: Caller) -> None:
    body = gzip.compress(json.dumps({"changes": [change(timestamp=NOON)]}).encode())
    headers = {"Authorization": f"Bearer {laptop.token}", "Content-Encoding": "gzip"}
    with serving(app) as url:
        answer = requests.post(f"{url}/sync", data=iter([body[:50], body[50:]]), headers=headers, timeout=10)
    assert answer.json()["results"][0]["verdict"] == "applied"


def test_the_real_server_tells_a_410_as_a_problem(app: App, laptop: Caller) -> None:
    headers = {"Authorization": f"Bearer {laptop.token}"}
    with serving(app) as url:
        answer = requests.get(f"{url}/changes", params={"since": "other.5"}, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["reason"]) == (410, "epoch")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_new_user_begins_with_an_empty_book(app: App, laptop: Caller) -> None:
    laptop.synced(change())
    answer = caller(app, "bob").synced(since=None)
    assert (answer["changes"], answer["more"]) == ([], False)
    assert answer["book"] != laptop.synced()["book"]
