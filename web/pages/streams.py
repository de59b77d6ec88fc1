"""Streams: the files of `offbook ingest` that this server may read, for admins. Their rates, gaps and latest messages.

A file is another program's. Where it can't be read that is told in its place, and the rest of the page stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from shlex import quote
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from offbook.core.stream_format import SECOND_US
from offbook.core.text import without_control_characters
from storage.base import StreamFile
from storage.errors import StreamFault
from storage.values import StreamGap, StreamMessage, StreamSource, StreamSummary
from web.auth import admin_required
from web.current import services
from web.presenters.bar_chart import Band, Chart, Series, bands, stacked
from web.request_values import query
from web.sessions import is_signed_in, signed_in_user

streams = Blueprint("streams", __name__)

MESSAGES = 50
GAPS_SHOWN = 10
HEX_BYTES = 32
NEWEST = 2**63 - 1
"""Below this is every id."""

COLOUR = "hue-5 deep"


@dataclass(frozen=True, slots=True)
class Span:
    """How far the chart reaches back: bars of so many seconds, with the time below every ``mark_every`` of them."""

    name: str
    per: str
    seconds: int
    bars: int
    mark_every: int
    label: str = "%H:%M"
    mark: str = "%H:%M"


SPANS = {
    "hour": Span("Hour", "minute", 60, 60, 10),
    "day": Span("Day", "half hour", 1800, 48, 8),
    "week": Span("Week", "3 hours", 10_800, 56, 8, "%a %H:%M", "%a"),
}


@dataclass(frozen=True, slots=True)
class Rates:
    """What is drawn: the bars' times as people and machines read them, the counts, and where the stream was away."""

    span: Span
    chart: Chart
    series: list[Series]
    spans: list[tuple[str, str]]
    away: list[Band]


@dataclass(frozen=True, slots=True)
class StreamRow:
    """A line of the list: a stream with its last hour, or why it can't be read."""

    source: StreamSource
    summary: StreamSummary | None = None
    rates: Rates | None = None
    fault: str = ""


@streams.get("/streams")
@admin_required
def index() -> ResponseReturnValue:
    now = services().clock()
    return render_template(
        "streams/index.html", rows=[row(source, now) for source in services().streams.all()], now=now
    )


@streams.get("/streams/<uuid:stream_id>")
@admin_required
def show(stream_id: UUID) -> ResponseReturnValue:
    source, now = services().streams.source(str(stream_id)), services().clock()
    span = SPANS.get(query.text("span", ""), SPANS["hour"])
    before = query.number("before", NEWEST, most=NEWEST)
    try:
        with services().streams.reading(source) as file:
            found = {
                "summary": file.summary(now),
                "rates": rates(file, span, now),
                "gaps": file.gaps()[:GAPS_SHOWN],
                **page(file.messages(before, MESSAGES + 1)),
            }
    except StreamFault as fault:
        return render_template("streams/fault.html", source=source, fault=fault, quoted=quote(str(source.path)))
    older = before < NEWEST
    return render_template("streams/stream.html", source=source, now=now, spans=SPANS, older=older, **found)


def page(messages: list[StreamMessage]) -> dict[str, Any]:
    """One more than is shown was asked for: it tells whether there are older ones."""
    shown = messages[:MESSAGES]
    return {"messages": shown, "next": shown[-1].id if len(messages) > len(shown) else None}


def row(source: StreamSource, now: int) -> StreamRow:
    try:
        with services().streams.reading(source) as file:
            return StreamRow(source, file.summary(now), rates(file, SPANS["hour"], now))
    except StreamFault as fault:
        return StreamRow(source, fault=str(fault))


def rates(file: StreamFile, span: Span, now: int) -> Rates:
    """The last bar is of now, and still grows."""
    start = (now // SECOND_US // span.seconds - span.bars + 1) * span.seconds
    end = start + span.bars * span.seconds
    series = [Series("Messages", COLOUR, file.rates(start, span.seconds, span.bars))]
    times = [datetime.fromtimestamp(start + number * span.seconds, UTC) for number in range(span.bars)]
    labels = [at.strftime(span.label) for at in times]
    marks = [at.strftime(span.mark) for at in times]
    return Rates(
        span=span,
        chart=stacked(labels, series, nothing="No messages", marks=marks, mark_every=span.mark_every),
        series=series,
        spans=[(f"{at:%Y-%m-%dT%H:%MZ}", label) for at, label in zip(times, labels, strict=True)],
        away=bands(stretches(file.gaps(), now), start * SECOND_US, end * SECOND_US),
    )


def stretches(gaps: list[StreamGap], now: int) -> list[tuple[int, int]]:
    return [(gap.began_at, now if gap.ended_at is None else gap.ended_at) for gap in gaps]


@streams.app_template_filter()
def payload(message: StreamMessage) -> str:
    """How a message begins, as text that does nothing to the page around it; what is binary in hexadecimal."""
    if isinstance(message.head, bytes):
        return message.head[:HEX_BYTES].hex(" ")
    return "\n".join(without_control_characters(line) for line in (message.head or "").split("\n"))


@streams.app_context_processor
def navigation() -> dict[str, Callable[[], bool]]:
    return {"has_streams": lambda: is_signed_in() and signed_in_user().admin and services().streams.any()}
