"""The server's meters, for Prometheus: what it has done since it started, and how it stands.

They are this process's own, in a registry of their own: several processes are several targets. Labels take few values,
whatever is sent: routes and not paths, and methods that there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily

from offbook.core.model import Verdict
from web.telemetry.events import WAYS, Answered, Synced

if TYPE_CHECKING:
    from storage.values.databases import DeviceLag, Facts

METHODS = frozenset(
    {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "PROPFIND", "PROPPATCH", "REPORT", "MKCOL"}
)
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
LIVE_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)


class PrometheusSink:
    """Counts events. ``facts`` and ``lag`` are called when somebody reads the meters."""

    def __init__(self, facts: Callable[[], Facts], lag: Callable[[], DeviceLag]) -> None:
        self._registry = registry = CollectorRegistry()
        self._facts = facts
        self._answers = Histogram(
            "offbook_request_seconds",
            "From the whole request to the whole answer.",
            ("method", "route", "status"),
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        syncs = Counter("offbook_syncs", "Requests and commits that pushed or pulled.", ("way",), registry=registry)
        changes = Counter("offbook_changes", "Changes that were pushed.", ("verdict",), registry=registry)
        self._rows = Counter("offbook_rows", "Rows that syncs gave to devices.", registry=registry)
        self._listeners = Gauge("offbook_listeners", "Open sockets of the live channel.", registry=registry)
        self._lag = Histogram(
            "offbook_live_seconds",
            "From a commit to its page being sent to a listener that had all before.",
            buckets=LIVE_SECONDS,
            registry=registry,
        )
        self._database = Info("offbook_database", "What the books are kept in.", registry=registry)
        ProcessCollector(registry=registry)
        registry.register(DeviceCollector(lag))
        self._is_database_known = False
        # Looking a meter up by its labels takes longer than counting.
        self._syncs = {way: syncs.labels(way) for way in WAYS}
        self._changes = {verdict.value: changes.labels(verdict.value) for verdict in Verdict}
        self._known: dict[tuple[str, str, int], Histogram] = {}

    def read(self) -> bytes:
        """All of them, in Prometheus' text form."""
        if not self._is_database_known:
            facts = self._facts()
            self._database.info({name: str(facts[name]) for name in ("engine", "version", "driver") if name in facts})
            self._is_database_known = True
        return generate_latest(self._registry)

    # --- events ---

    def answered(self, request: Answered) -> None:
        method = request.method if request.method in METHODS else "other"
        key = method, request.note.route, request.status
        meter = self._known.get(key)
        if meter is None:
            meter = self._known[key] = self._answers.labels(method, request.note.route, str(request.status))
        meter.observe(request.seconds)

    def synced(self, sync: Synced) -> None:
        self._syncs[sync.way].inc()
        for verdict, count in sync.verdicts.items():
            self._changes[verdict].inc(count)
        if sync.rows:
            self._rows.inc(sync.rows)

    def socket_opened(self, book: int, kind: str, number: int | None) -> None:
        self._listeners.inc()

    def socket_closed(self, book: int, kind: str, number: int | None, code: int | None, seconds: float) -> None:
        self._listeners.dec()

    def page_sent(self, seconds: float) -> None:
        self._lag.observe(seconds)


class DeviceCollector:
    """How far devices are, read from the database each time."""

    def __init__(self, lag: Callable[[], DeviceLag]) -> None:
        self._lag = lag

    def collect(self) -> Iterator[GaugeMetricFamily]:
        lag = self._lag()
        for name, meaning, value in (
            ("offbook_devices", "Devices that may come in.", lag.devices),
            ("offbook_devices_behind", "Devices that lack something, as far as is known.", lag.behind),
            ("offbook_devices_behind_seconds", "Since when the one furthest behind has all there was.", lag.seconds),
        ):
            yield GaugeMetricFamily(name, meaning, value=value)
