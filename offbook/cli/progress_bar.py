"""A progress bar for syncs that take a while: on a terminal's standard error, and nowhere else.

rich is loaded when the bar is drawn for the first time. It leaves colours out where NO_COLOR is set.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from offbook.sync.session import SyncReport

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SECONDS_MIN = 0.5
"""A sync that is done sooner shows no bar."""


class ProgressBar:
    """Call update() after each answer of the server."""

    def __init__(self, stream: TextIO, seconds_min: float = SECONDS_MIN) -> None:
        self._stream = stream
        self._from = time.monotonic() + seconds_min
        self._drawn: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn is not None:
            self._drawn[0].stop()

    def update(self, report: SyncReport, left: int) -> None:
        """``left`` changes are still to be sent; how much is still to come, only the server knows."""
        if time.monotonic() < self._from or not self._stream.isatty():
            return
        if self._drawn is None:
            self._drawn = self._draw()
        progress, task = self._drawn
        total = report.pushed + left if left else None
        words = f"{report.pushed:,} sent, {report.pulled:,} received"
        progress.update(task, completed=report.pushed, total=total, words=words)

    def _draw(self) -> tuple[Progress, TaskID]:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("Syncing"), BarColumn(), TextColumn("{task.fields[words]}"), TimeElapsedColumn())
        progress = Progress(*columns, console=Console(file=self._stream), transient=True)
        progress.start()
        return progress, progress.add_task("", total=None, words="")
