"""vdirsyncer, tsdav and a replica on one book, editing by turns and at the same time: in the end all hold the same,
nothing is lost, nothing is doubled, and no card was sent that nobody had edited.

What they do comes from a seed, save for the order of requests of those that sync at the same time. A walk that fails
prints what happened in it. There are more of them with OFFBOOK_WORLDS.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from offbook import Replica
from offbook.core.history.entry import HistoryEntry
from tests.support.phone import PROPERTIES, card, with_line
from tests.web.carddav.clients.programs import Account, Server, Vdirsyncer
from tests.web.carddav.clients.tsdav import Call, CallFailed, tsdav, with_changes

pytestmark = pytest.mark.processes

WALKS = int(os.environ.get("OFFBOOK_WORLDS") or 0) // 250 or 1
STEPS = 200
FIRST_CONTACTS = 10
CALM_ROUNDS = 3
SECONDS_MAX = 600

TYPED = re.compile(r"t\d+x")


class Program:
    """A program that keeps cards, by their UIDs, and sends those that were edited."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.edited: set[str] = set()
        self.deleted: set[str] = set()

    def texts(self) -> dict[str, str]:
        """The cards that it has."""
        raise NotImplementedError

    def write(self, uid: str, text: str | None) -> None:
        """Let this be the text of a card; None: it is deleted."""
        raise NotImplementedError

    def exchange(self) -> bool:
        """Send what was edited, and take what has changed; whether the program did all of it."""
        raise NotImplementedError

    def edit(self) -> str:
        random, texts = self.walk.random, self.texts()
        uid = random.choice([*sorted(texts), ""])
        if not uid:
            uid, text = self.walk.new_id(), card(self.walk.typed())
            text = text.replace("END:VCARD", f"UID:{uid}\r\nEND:VCARD")
        elif random.random() < 0.1:
            self.write(uid, None)
            self.edited.discard(uid)
            self.deleted.add(uid)
            return f"deletes {uid}"
        elif random.random() < 0.2:
            text = texts[uid].replace("END:VCARD", f"TEL;TYPE=WORK:{self.walk.typed()}\r\nEND:VCARD")
        else:
            text = with_line(texts[uid], random.choice(PROPERTIES), self.walk.typed())
        self.write(uid, text)
        self.edited.add(uid)
        return f"has of {uid} {text!r}"

    def sync(self) -> None:
        self.walk.sent += [text for uid, text in self.texts().items() if uid in self.edited]
        if self.exchange():
            self.edited, self.deleted = set(), set()


class Files(Program):
    """vdirsyncer in this process. Where both sides have changed a card it takes its own one."""

    def __init__(self, walk: Walk, account: Account, folder: Path) -> None:
        super().__init__(walk)
        self.program = Vdirsyncer(account, folder, '"a wins"')
        self.program.discover()

    def texts(self) -> dict[str, str]:
        return {_uid(text): text for text in self.program.texts().values()}

    def write(self, uid: str, text: str | None) -> None:
        names = {_uid(text): name for name, text in self.program.texts().items()}
        path = self.program.cards / names.get(uid, f"{uid}.vcf")
        if text is None:
            path.unlink()
        else:
            path.write_bytes(text.encode())

    def exchange(self) -> bool:
        is_done = self.program.sync_here()
        assert is_done or self.walk.is_crowded  # it gives up, and forgets what it has sent, where a card goes meanwhile
        return is_done


class Script(Program):
    """tsdav, and the app around it: it keeps the cards with their ETags, and sends those that were edited."""

    def __init__(self, walk: Walk, call: Call) -> None:
        super().__init__(walk)
        self.call = call
        (book,) = call("fetchAddressBooks", None)
        self.book: dict[str, Any] = book | {"objects": [], "syncToken": ""}
        self.trash: list[dict[str, Any]] = []

    def texts(self) -> dict[str, str]:
        return {_uid(each["data"]): each["data"] for each in self.book["objects"]}

    def write(self, uid: str, text: str | None) -> None:
        others = [each for each in self.book["objects"] if _uid(each["data"]) != uid]
        (held,) = [each for each in self.book["objects"] if each not in others] or [
            {"url": f"{self.book['url']}{quote(uid)}.vcf", "etag": ""}
        ]
        if text is None:
            self.trash += [held] if held["etag"] else []
            self.book["objects"] = others
        else:
            self.book["objects"] = [*others, held | {"data": text}]

    def exchange(self) -> bool:
        for each in self.book["objects"]:
            if _uid(each["data"]) in self.edited:
                each["etag"] = self._send(each)
        for each in self.trash:
            assert self.call("deleteVCard", {"vCard": each})["status"] in (204, 404, 412)
        self.trash = []
        self._take()
        return True

    def _take(self) -> None:
        """A card that is deleted while they are read is a failure to tsdav: an app begins again."""
        while True:
            try:
                self.book, _ = with_changes(self.call, self.book)
                return
            except CallFailed:
                assert self.walk.is_crowded

    def _send(self, each: dict[str, Any]) -> str:
        if each["etag"]:
            answer = self.call("updateVCard", {"vCard": each})
        else:
            name = each["url"].rpartition("/")[2]
            answer = self.call("createVCard", {"addressBook": self.book, "filename": name, "vCardString": each["data"]})
        assert answer["status"] in (201, 204), answer
        return answer["etag"] or "not told"


class Laptop:
    """A replica."""

    edited: frozenset[str] = frozenset()
    deleted: frozenset[str] = frozenset()

    def __init__(self, walk: Walk, replica: Replica) -> None:
        self.walk, self.replica = walk, replica

    def edit(self) -> str:
        row: dict[str, Any] = self.walk.random.choice([*self.replica.contacts.list(), {}])
        if not row:
            self.walk.added += 1
            self.walk.sent.append(self.walk.typed())
            return f"adds {self.replica.contacts.add(name=self.walk.sent[-1])}"
        if self.walk.random.random() < 0.1:
            self.replica.contacts.delete(row["id"])
            return f"deletes {row['id']}"
        values = {self.walk.random.choice(["phone", "email", "notes", "title"]): self.walk.typed()}
        self.replica.contacts.update(row["id"], **values)
        self.walk.sent += values.values()
        return f"has of {row['id']} {values}"

    def sync(self) -> None:
        self.replica.sync()


class Walk:
    """All that happens, from a seed."""

    def __init__(self, seed: int, account: Account) -> None:
        self.random = Random(f"walk {seed}")
        self.account = account
        self.devices: list[Program | Laptop] = []
        self.texts = 0
        self.sent: list[str] = []
        """What was sent: cards, and what the replica was told."""
        self.written: Counter[str] = Counter()
        self.log: list[str] = []
        self.is_crowded = False
        self.added = FIRST_CONTACTS

    def typed(self) -> str:
        """A text that nobody typed before."""
        self.texts += 1
        return f"t{self.texts}x"

    def new_id(self) -> str:
        self.added += 1
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def run(self) -> None:
        for _ in range(STEPS):
            device = self.random.choice(self.devices)
            kind = self.random.random()
            if kind < 0.75:
                self.log.append(f"{type(device).__name__} {device.edit()}")
            else:
                self.sync(*([device] if kind < 0.93 else self.devices))
        for _ in range(CALM_ROUNDS):
            for device in self.devices:
                self.sync(device)

    def sync(self, *devices: Program | Laptop) -> None:
        """Let these sync, at the same time: no more is written than was edited."""
        due = sum(len(device.edited) for device in devices), sum(len(device.deleted) for device in devices)
        self.is_crowded = len(devices) > 1
        with ThreadPoolExecutor(len(devices)) as pool:
            list(pool.map(lambda device: device.sync(), devices))
        before, self.written = self.written, self.account.writes()
        written = self.written - before
        self.log.append(f"{[type(device).__name__ for device in devices]} sync: {dict(written)}, {due} due")
        puts = sum(number for answer, number in written.items() if answer.startswith("PUT"))
        assert puts <= due[0]
        assert sum(written.values()) - puts <= due[1]

    def check(self, served: dict[str, str], entries: list[HistoryEntry]) -> None:
        """``served`` are the cards as a program has them that came last, ``entries`` all that was ever changed."""
        files, script, laptop = self.devices
        assert isinstance(files, Files)
        assert isinstance(script, Script)
        assert isinstance(laptop, Laptop)
        assert script.texts() == served
        assert {uid: _lines(text) for uid, text in files.texts().items()} == {
            uid: _lines(text) for uid, text in served.items()
        }
        rows = {row["id"]: row for row in self.account.contacts()}
        assert served.keys() == rows.keys()
        shown = {row["id"]: row for row in laptop.replica.contacts.list()}
        for field in ("name", "phone", "email", "notes", "title"):
            assert {id_: row[field] for id_, row in shown.items()} == {id_: row[field] for id_, row in rows.items()}

        assert len({entry.key for entry in entries}) <= self.added
        told = json.dumps([[entry.data, entry.before, [lost.value for lost in entry.beaten]] for entry in entries])
        assert set(TYPED.findall("".join(self.sent))) - set(TYPED.findall(told)) == set()
        values = [line.rpartition(":")[2] for text in served.values() for line in text.splitlines() if line[:2] != "N:"]
        assert [value for value, times in Counter(values).items() if times > 1 and TYPED.fullmatch(value)] == []


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(WALKS))
def test_programs_and_a_replica_end_with_the_same(server: Server, tmp_path: Path, seed: int) -> None:
    account = server.add_account(f"walker{seed}")
    walk = Walk(seed, account)
    with (
        tsdav(server.with_another_phone(account, "script"), SECONDS_MAX) as call,
        Replica(tmp_path / "laptop.db", account.url, account.laptop) as replica,
    ):
        for _ in range(FIRST_CONTACTS):
            replica.contacts.add(name=walk.typed(), phone=walk.typed(), notes=walk.typed())
        replica.sync()
        walk.devices = [Files(walk, account, tmp_path), Script(walk, call), Laptop(walk, replica)]
        try:
            walk.written = account.writes()
            for device in walk.devices:
                walk.sync(device)
            walk.run()
            served = call("fetchVCards", {"addressBook": call("fetchAddressBooks", None)[0]})
            walk.check({_uid(each["data"]): each["data"] for each in served}, server.log(account))
        except BaseException:
            print("\n".join(walk.log))
            raise


def _uid(text: str) -> str:
    (uid,) = (line.partition(":")[2] for line in text.splitlines() if line.startswith("UID"))
    return uid


def _lines(text: str) -> list[str]:
    """A card as vdirsyncer compares it: the order is nothing to it."""
    return sorted(text.splitlines())
