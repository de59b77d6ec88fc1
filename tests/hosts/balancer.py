"""nginx in front of processes of the app, with the configuration that deploy/ has for it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

CONFIGURATION = Path(__file__).parent.parent.parent / "deploy" / "nginx.conf"
AROUND = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    include {folder}/offbook.conf;
}}
"""


@dataclass(frozen=True)
class Balancer:
    """``log`` has a line for each request that ended, a socket's too, with the address of the process at its end."""

    url: str
    certificate: Path
    log: Path
    master: int

    def pids(self) -> list[int]:
        """Its processes."""
        children = Path(f"/proc/{self.master}/task/{self.master}/children").read_text().split()
        return [self.master, *map(int, children)]


@contextmanager
def balancing(folder: Path, *ports: int, changes: Mapping[str, str] | None = None) -> Iterator[Balancer]:
    """Serve HTTPS on a free port, by processes on these ports. ``changes`` is made in the configuration, too."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if nginx is None:
        pytest.skip("there is no nginx here: install the package nginx-light")
    certificate, key = self_signed(folder)
    port = free_port()
    text = CONFIGURATION.read_text()
    for old, new in {
        "10.0.0.11:5000": f"127.0.0.1:{ports[0]}",
        "10.0.0.12:5000": f"127.0.0.1:{ports[1]}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "contacts.example.org": "localhost",
        "/etc/ssl/offbook/fullchain.pem": str(certificate),
        "/etc/ssl/offbook/privkey.pem": str(key),
        "/var/log/nginx/offbook.log": str(folder / "access.log"),
        **(changes or {}),
    }.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "offbook.conf").write_text(text)
    (folder / "nginx.conf").write_text(AROUND.format(folder=folder, user=user_line()))
    command = [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    child = subprocess.Popen(command)
    try:
        wait_for(port, child)
        yield Balancer(f"https://localhost:{port}", certificate, folder / "access.log", child.pid)
    finally:
        child.terminate()
        child.wait(20)


def user_line() -> str:
    """Root's nginx works as somebody else, who could not write into the folder of a test."""
    return "user root;" if os.getuid() == 0 else ""


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", *subject]
    command = ["openssl", "req", *made, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        return port


def wait_for(port: int, child: subprocess.Popen[bytes]) -> None:
    """Until something listens there."""
    while True:
        assert child.poll() is None, "nginx ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            continue
        return
