"""Syncs that die before their n-th statement, each in a process of its own.

``python -m tests.device.process_killer`` is a process that holds little but offbook, and forks for each of them:
pytest's own is ten times as large, and to fork that takes longer than the sync. The server stays with the test, behind
a socket.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

from offbook import Replica, Response
from tests.device.instant_turns import hasty

ROOT = Path(__file__).parents[2]
ASKED, ENDED = b"?", b"."
Answer = Callable[[bytes], Response]


@contextmanager
def killing(*, is_hasty: bool = False) -> Iterator[Killing]:
    """``is_hasty``: each transaction of a sync ends wherever it may (tests.device.instant_turns)."""
    ours, theirs = socket.socketpair()
    with theirs:
        handle = theirs.fileno()
        command = [sys.executable, "-m", "tests.device.process_killer", str(handle), *["hasty"] * is_hasty]
        process = subprocess.Popen(command, cwd=ROOT, pass_fds=[handle])
    with process, ours:  # it ends when the socket is closed
        yield Killing(ours)


class Killing:
    def __init__(self, pipe: socket.socket) -> None:
        self._pipe = pipe

    def sync_and_die(self, path: Path, count: int, answer: Answer) -> bool:
        """Sync in a process that kills itself before its ``count``-th statement; False where it got to the end."""
        send(self._pipe, f"{count} {path}".encode())
        while (message := receive(self._pipe)).startswith(ASKED):
            told = answer(message.removeprefix(ASKED))
            send(self._pipe, struct.pack("!H", told.status) + told.body)
        status = int(message.removeprefix(ENDED))
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the sync failed"
        return os.WIFSIGNALED(status)


# --- in the other process ------------------------------------------------------------------------------------------


def main(pipe: socket.socket) -> None:
    while message := receive(pipe):
        count, path = message.decode().split(" ", 1)
        child = os.fork()
        if child == 0:
            os._exit(sync(Path(path), int(count), pipe))
        _, status = os.waitpid(child, 0)
        send(pipe, ENDED + str(status).encode())


def sync(path: Path, count: int, pipe: socket.socket) -> int:
    left = count

    def counts(statement: str) -> None:
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        replica = Replica(path, transport=Pipe(pipe))
        replica.connection.set_trace_callback(counts)
        replica.sync()
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


class Pipe:
    """The way to a server in another process, which outlives this one."""

    def __init__(self, pipe: socket.socket) -> None:
        self._pipe = pipe

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        send(self._pipe, ASKED + (body or b""))
        answer = receive(self._pipe)
        (status,) = struct.unpack("!H", answer[:2])
        return Response(status, {}, answer[2:])


# --- messages ------------------------------------------------------------------------------------------------------


def send(pipe: socket.socket, message: bytes) -> None:
    pipe.sendall(struct.pack("!I", len(message)) + message)


def receive(pipe: socket.socket) -> bytes:
    """Nothing where the other side is gone."""
    head = pipe.recv(4, socket.MSG_WAITALL)
    return pipe.recv(int.from_bytes(head), socket.MSG_WAITALL) if len(head) == 4 else b""


if __name__ == "__main__":
    with hasty() if "hasty" in sys.argv else nullcontext():
        main(socket.socket(fileno=int(sys.argv[1])))
