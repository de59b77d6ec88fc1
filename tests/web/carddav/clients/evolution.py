"""Evolution's data server on a bus of its own, without a keyring and a screen, which a test tells what to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.web.carddav.clients.programs import SECONDS_MAX, Account

PYTHON = "/usr/bin/python3"
"""The system's, which has the bindings."""

SERVICES = Path("/usr/share/dbus-1/services")
NEEDED = ("Sources5", "AddressBook10")

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <servicedir>{folder}/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""

SOURCE = """[Data Source]
DisplayName=offbook
Parent=webdav-stub
[Authentication]
Host={host}
Port={port}
User={user}
Method=plain/password
RememberPassword=false
[Security]
Method=none
[WebDAV Backend]
ResourcePath=/dav/{user}/contacts/
[Address Book]
BackendName=carddav
[Refresh]
Enabled=false
"""

Do = Callable[..., Any]


@contextmanager
def evolution(account: Account, folder: Path) -> Iterator[Do]:
    """A data server with the account's book. Skips the test where it is not installed."""
    files = [SERVICES / f"org.gnome.evolution.dataserver.{name}.service" for name in NEEDED]
    if not all(file.exists() for file in files):
        pytest.skip("Evolution's data server is not installed (evolution-data-server, gir1.2-ebook-1.2, python3-gi)")
    _write_settings(account, folder, files)
    places = {"HOME": folder, **{f"XDG_{name}_HOME": folder / name for name in ("CONFIG", "DATA", "CACHE")}}
    environ = os.environ | {name: str(place) for name, place in places.items()} | {
        "XDG_RUNTIME_DIR": str(folder), "GIO_USE_VFS": "local", "GSETTINGS_BACKEND": "memory",
        "DAV_USER": account.user, "DAV_TOKEN": account.token,
    }  # fmt: skip
    calls = Path(__file__).with_name("evolution_calls.py")
    command = ["dbus-run-session", f"--config-file={folder / 'bus.conf'}", "--", PYTHON, "-I", str(calls)]
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        timer = Timer(SECONDS_MAX, os.killpg, [child.pid, signal.SIGKILL])
        timer.start()
        try:
            yield _caller(child)
        finally:
            timer.cancel()
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)


def _write_settings(account: Account, folder: Path, services: list[Path]) -> None:
    (folder / "services").mkdir()
    for file in services:
        (folder / "services" / file.name).symlink_to(file)
    (folder / "bus.conf").write_text(BUS.format(folder=folder))
    sources = folder / "CONFIG" / "evolution" / "sources"
    sources.mkdir(parents=True)
    url = urlsplit(account.url)
    (sources / "offbook.source").write_text(SOURCE.format(host=url.hostname, port=url.port, user=account.user))


def _caller(child: subprocess.Popen[str]) -> Do:
    def read() -> Any:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line, "the data server's client ended: what it says is on standard error"
        return json.loads(line)

    def do(method: str, argument: Any = None) -> Any:
        assert child.stdin is not None
        child.stdin.write(json.dumps([method, argument]) + "\n")
        child.stdin.flush()
        return read()

    assert read() == "ready"
    return do
