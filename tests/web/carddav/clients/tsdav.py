"""tsdav in a node process, which a test tells what to call."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests.support.live_server import ROOT
from tests.web.carddav.clients.programs import SECONDS_MAX, Account

FOLDER = ROOT / ".venv" / "tsdav"

Call = Callable[[str, Any], Any]


class CallFailed(Exception):
    """tsdav gave up, as it says."""


@contextmanager
def tsdav(account: Account, seconds_max: int = SECONDS_MAX) -> Iterator[Call]:
    """A client of the account, which it finds from the server's address. Skips the test without node or tsdav."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules").exists():
        pytest.skip("node or tsdav is not installed (make install-dev where npm is)")
    command = [node, str(Path(__file__).with_name("tsdav.mjs")), str(FOLDER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        timer = Timer(seconds_max, child.kill)
        timer.start()

        def call(method: str, argument: Any) -> Any:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(json.dumps([method, argument]) + "\n")
            child.stdin.flush()
            line = child.stdout.readline()
            assert line, "tsdav ended: what it says is on standard error"
            result = json.loads(line)
            if isinstance(result, dict) and "failure" in result:
                raise CallFailed(result["failure"])
            return result

        call("createDAVClient", {
            "serverUrl": account.url,
            "credentials": {"username": account.user, "password": account.token},
            "authMethod": "Basic",
            "defaultAccountType": "carddav",
        })  # fmt: skip
        try:
            yield call
            assert child.stdin is not None
            child.stdin.close()
            assert child.wait(SECONDS_MAX) == 0
        finally:
            timer.cancel()
            child.kill()


def with_changes(call: Call, book: dict[str, Any]) -> tuple[dict[str, Any], dict[str, list[dict[str, Any]]]]:
    """The book as the client has it after a sync-collection, and the cards that were created, updated and deleted."""
    synced = call("smartCollectionSync", {"collection": book, "method": "webdav", "detailedResult": True})
    told = synced.pop("objects")
    changed = {card["url"]: card for card in told["created"] + told["updated"]}
    gone = {card["url"] for card in told["deleted"]}
    held = {card["url"]: card for card in book["objects"] if card["url"] not in gone} | changed
    return synced | {"objects": list(held.values())}, told
