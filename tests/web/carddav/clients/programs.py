"""Programs that sync contacts, as their makers ship them, each against a server that is a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from offbook.core.history.entry import HistoryEntry
from tests.support.browser import add_device, add_user, app_beside, bearer
from tests.support.live_server import ROOT, serving_process

DATA = ROOT.parent / "shared" / "data"
SCRAPER = "a token of whoever reads the meters"
ANSWERS = re.compile(r'^offbook_request_seconds_count\{method="(\w+)",route="/dav/[^"]*",status="(\d+)"\} (\d+)', re.M)
SECONDS_MAX = 60

needs_data = pytest.mark.skipif(not DATA.exists(), reason="the real contacts are not on this machine (../shared/data)")

CARD = """BEGIN:VCARD\r
VERSION:3.0\r
UID:uid-of-{name}\r
FN:{name}\r
N:;{name};;;\r
item1.TEL:+1 555 0100\r
item1.X-ABLabel:Boat\r
NOTE:old of {name}\r
X-UNKNOWN;X-KIND=odd:kept\r
END:VCARD\r
"""
"""A card as a Mac writes it."""


@dataclass(frozen=True)
class Server:
    """A running server, and the folder of its database."""

    url: str
    instance: Path

    def add_account(self, user: str) -> Account:
        """A new user, who has an empty book, a laptop and a phone."""
        with app_beside(self.instance) as app:
            add_user(app, user)
            return Account(self.url, user, add_device(app, user, "laptop")[1], add_device(app, user, "phone")[1])

    def with_another_phone(self, account: Account, name: str) -> Account:
        """The same user, with a further device as the phone."""
        with app_beside(self.instance) as app:
            return replace(account, token=add_device(app, account.user, name)[1])

    def log(self, account: Account) -> list[HistoryEntry]:
        """All changes of the user's book, in their order."""
        with app_beside(self.instance) as app:
            parts = app.extensions["offbook"]
            book_id = parts.accounts.user_named(account.user).book_id
            with parts.store.reading(book_id) as book:
                return list(book.log_page(0, 100_000).entries)


@contextmanager
def dav_server(instance: Path) -> Iterator[Server]:
    with serving_process(instance, METRICS_TOKEN=SCRAPER, LOG_LEVEL="warning") as process:
        yield Server(process.url, instance)


@dataclass(frozen=True)
class Account:
    """A user: what the laptop says by REST, and ``token``, by which a program is the phone."""

    url: str
    user: str
    laptop: str
    token: str

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of an answer to the laptop."""
        answer = requests.request(method, self.url + path, headers=bearer(self.laptop), timeout=30, **options)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def import_file(self, path: Path) -> int:
        """How many contacts a file adds."""
        return int(self.ask("POST", "/contacts/import", data=path.read_bytes())["added"])

    def contacts(self) -> list[dict[str, Any]]:
        return list(self.ask("GET", "/contacts?limit=1000")["contacts"])

    def history(self, contact_id: str) -> list[dict[str, Any]]:
        """The changes of a contact, the newest first."""
        return list(self.ask("GET", f"/history/{contact_id}")["changes"])

    def cells_of_last_change(self, contact_id: str, verdict: str = "applied") -> dict[str, Any]:
        """What the last change of a contact wrote. The phone made it, and ``verdict`` became of it."""
        last = self.history(contact_id)[0]
        assert (last["device"], last["verdict"]) == ("phone", verdict)
        return dict(last["data"])

    def writes(self) -> Counter[str]:
        """How many PUT and DELETE the server has answered by now, by method and status."""
        answer = requests.get(self.url + "/metrics", headers=bearer(SCRAPER), timeout=30)
        return Counter(
            {f"{method} {status}": int(number) for method, status, number in ANSWERS.findall(answer.text)
             if method in ("PUT", "DELETE")}
        )  # fmt: skip


def run(command: list[str], typed: str = "", code: int | None = 0, **environ: str) -> str:
    """What a program prints, on either channel. Its exit code must be ``code``, unless that is None."""
    ended = subprocess.run(
        command, input=typed, env=os.environ | environ, text=True, timeout=SECONDS_MAX, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert code in (None, ended.returncode), ended.stdout
    return ended.stdout


def program(name: str) -> str:
    """The path of a program of requirements-dev.txt. Skips the test where it is not installed."""
    path = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if path is None:
        pytest.skip(f"{name} is not installed (make install-dev)")
    return path


CONFIGURATION = """
[general]
status_path = "{folder}/status"
[pair book]
a = "files"
b = "server"
collections = ["from b"]
conflict_resolution = {resolution}
[storage files]
type = "filesystem"
path = "{folder}/files"
fileext = ".vcf"
[storage server]
type = "carddav"
url = "{url}"
username = "{user}"
password = "{token}"
"""


class Vdirsyncer:
    """vdirsyncer with a folder of cards, and the user's book; ``resolution`` is what it does in a conflict."""

    def __init__(self, account: Account, folder: Path, resolution: str = "null", path: str = "/dav/") -> None:
        self.account = account
        self.command = [program("vdirsyncer"), "-c", str(folder / "config")]
        self.cards = folder / "files" / "contacts"
        text = CONFIGURATION.format(
            folder=folder, url=account.url + path, user=account.user, token=account.token, resolution=resolution
        )
        (folder / "config").write_text(text)

    def discover(self) -> str:
        return run([*self.command, "discover"], "y\n" * 2)

    def sync(self, code: int | None = 0) -> Counter[str]:
        """Sync; what was written on the server thereby."""
        before = self.account.writes()
        run([*self.command, "sync"], code=code)
        return self.account.writes() - before

    def sync_here(self) -> bool:
        """Sync in this process, which a hundred times as often takes; whether the program did all that it was to do."""
        from vdirsyncer.cli import app  # noqa: PLC0415 - installed where ``program`` finds it

        try:
            app.main([*self.command[1:], "sync"], standalone_mode=False)
        except SystemExit as ended:
            return not ended.code
        return True

    def path_of(self, text: str) -> Path:
        """The file of the only card with this text."""
        (path,) = (path for path in self.cards.iterdir() if text in path.read_bytes().decode())
        return path

    def edit(self, old: str, new: str) -> Path:
        """Change a text in the only card that has it."""
        path = self.path_of(old)
        path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
        return path

    def text_of(self, name: str) -> str:
        return self.path_of(f"FN:{name}\r\n").read_bytes().decode()

    def texts(self) -> dict[str, str]:
        """All cards, by the names of their files."""
        return {path.name: path.read_bytes().decode() for path in self.cards.iterdir()}
