"""A started device in a process of its own: it adds contacts when ordered to, and notes when others' contacts are here.

Run by bench/live.py: the replica's file, the server's address and a token as arguments, then a line per order. Times
are nanoseconds of the clock that all processes share.
"""

from __future__ import annotations

import json
import sys
import time
from threading import Condition

from offbook import Replica, Status
from offbook.database.connection import connect

GAP_SECONDS = 0.02
"""Between two commits: each is measured by itself."""

WAIT_SECONDS_MAX = 60.0


class Arrivals:
    """When each contact that came from the server was committed here."""

    def __init__(self) -> None:
        self.times: dict[str, int] = {}
        self.link = ""
        self.moved = Condition()

    def change(self, ids: list[str]) -> None:
        now_ns = time.monotonic_ns()
        with self.moved:
            self.times.update(dict.fromkeys(ids, now_ns))
            self.moved.notify_all()

    def status(self, status: Status) -> None:
        with self.moved:
            self.link = status.link
            self.moved.notify_all()

    def wait_for(self, count: int) -> dict[str, int]:
        with self.moved:
            self.moved.wait_for(lambda: len(self.times) >= count, WAIT_SECONDS_MAX)
            times, self.times = self.times, {}
        return times

    def wait_until_live(self) -> None:
        with self.moved:
            self.moved.wait_for(lambda: self.link == "live", WAIT_SECONDS_MAX)


def add(book: Replica, count: int) -> dict[str, int]:
    """Commit contacts by this process, and tell when each commit was done."""
    times: dict[str, int] = {}
    for number in range(count):
        record_id = book.contacts.add(name=f"Ada {number}", phone="555-1234")
        times[record_id] = time.monotonic_ns()
        time.sleep(GAP_SECONDS)
    return times


def insert(book: Replica, count: int) -> dict[str, int]:
    """The same as any tool would: by plain SQL, and a connection that nobody knows of."""
    times: dict[str, int] = {}
    connection = connect(book.path)
    for number in range(count):
        cursor = connection.execute("INSERT INTO contacts (name) VALUES (?) RETURNING id", (f"Bob {number}",))
        ((record_id,),) = cursor.fetchall()
        times[record_id] = time.monotonic_ns()
        time.sleep(GAP_SECONDS)
    connection.close()
    return times


def main() -> None:
    arrivals = Arrivals()
    with Replica(*sys.argv[1:]) as book:
        book.start(on_change=arrivals.change, on_status=arrivals.status)
        arrivals.wait_until_live()
        print("ready", flush=True)
        for line in sys.stdin:
            order, count = line.split()
            times = {"add": add, "insert": insert}[order](book, int(count)) if order != "wait" else None
            print(json.dumps(arrivals.wait_for(int(count)) if times is None else times), flush=True)


if __name__ == "__main__":
    main()
