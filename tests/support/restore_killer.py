"""Restores that die by a signal that nothing can catch, each in a process of its own.

``python -m tests.support.restore_killer URL FILE POINT...`` restores once for each point, ``module:function:calls``:
the process kills itself when the function was called so often and is called once more. Prints the points come to.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from ops.backup import backup
from storage.engines.database import open_engines


def main(url: str, file: str, *points: str) -> None:
    for point in points:
        child = os.fork()
        if child == 0:
            try:
                restore(url, Path(file), point)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            print(point)


def restore(url: str, file: Path, point: str) -> None:
    module, function, calls = point.split(":")
    left = int(calls)

    def kill(frame: FrameType, event: str, _: object) -> None:
        nonlocal left
        code = frame.f_code
        if event == "call" and code.co_name == function and code.co_filename.endswith(f"/ops/backup/{module}.py"):
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    database = open_engines(url)
    checked = backup.check(database, file)
    sys.setprofile(kill)
    backup.restore(database, checked, file.parent / "backups", time.time_ns() // 1000, lambda: "new")


if __name__ == "__main__":
    main(*sys.argv[1:])
