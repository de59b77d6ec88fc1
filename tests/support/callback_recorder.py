"""What started replicas tell, as it happens, and a way to wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Condition
from typing import Any

from offbook import Replica, Status

SECONDS_MAX = 60.0
"""How long something may take that should take no time."""

LOOK_SECONDS = 0.05


@dataclass
class Witness:
    """Hears any number of replicas: ``told`` is what they told, in order, each with the replica's file name."""

    told: list[tuple[str, str, Any]] = field(default_factory=list)
    moved: Condition = field(default_factory=Condition)

    def start(self, *replicas: Replica) -> None:
        for replica in replicas:
            name = replica.path.stem
            replica.start(
                on_change=self._hearing(name, "change"),
                on_rows=self._hearing(name, "rows"),
                on_status=self._hearing(name, "status"),
                on_error=self._hearing(name, "error"),
            )

    def _hearing(self, name: str, kind: str) -> Callable[[Any], None]:
        def hear(what: Any) -> None:
            with self.moved:
                self.told.append((name, kind, what))
                self.moved.notify_all()

        return hear

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds. It is looked at whenever something is told, and now and then for what nobody tells."""
        deadline = time.monotonic() + SECONDS_MAX
        while not holds():
            assert time.monotonic() < deadline, self.told[-10:]
            with self.moved:
                self.moved.wait(LOOK_SECONDS)

    def until_link(self, link: str, *replicas: Replica) -> None:
        """Wait until they have told that their link is this."""
        self.until(lambda: all([status.link for status in self.statuses(one)][-1:] == [link] for one in replicas))

    # --- what was told ---

    def of(self, replica: Replica, kind: str) -> list[Any]:
        return [what for name, found, what in list(self.told) if (name, found) == (replica.path.stem, kind)]

    def links(self, replica: Replica) -> list[str]:
        """Each link that was told, without what stayed the same."""
        found = [status.link for status in self.statuses(replica)]
        return [link for link, before in zip(found, [None, *found], strict=False) if link != before]

    def statuses(self, replica: Replica) -> list[Status]:
        return self.of(replica, "status")

    def errors(self, replica: Replica) -> list[Exception]:
        return self.of(replica, "error")

    def changed(self, replica: Replica) -> list[str]:
        return [record_id for ids in self.of(replica, "change") for record_id in ids]


def names(replica: Replica) -> list[str]:
    return sorted(contact["name"] for contact in replica.contacts.list())


def equal(*replicas: Replica) -> bool:
    """Nothing waits anywhere, and all hold the same."""
    first, *others = [replica.contacts.list() for replica in replicas]
    return all(other == first for other in others) and not any(replica.status().pending for replica in replicas)
