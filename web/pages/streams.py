"""Streams: the files of `offbook ingest` that this server may read, for admins. Their rates, gaps and latest messages.

A file is another program's. Where it can't be read, its place says so, and the rest of the page stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from shlex import quote
from uuid import UUID

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from offbook.core.stream_format import SECOND_US
from offbook.core.text import without_control_characters
from services.streams import Bars, StreamContents, read_stream
from storage.errors import UnreadableStream
from storage.values.streams import StreamGap, StreamMessage, StreamSource, StreamSummary
from web.auth import admin_required
from web.current import services
from web.presenters.bar_chart import Band, Chart, Series, bands, stacked
from web.request_values import query

streams = Blueprint("streams", __name__)

MESSAGES = 50
GAPS_SHOWN = 10
HEX_BYTES = 32
NEWEST = 2**63 - 1
"""Below this is every id."""

COLOUR = "hue-5 deep"


@dataclass(frozen=True, slots=True)
class ChartSpan:
    """How far the chart reaches back: bars of so many seconds, with the time below every ``mark_every`` of them."""

    name: str
    per: str
    seconds: int
    bars: int
    mark_every: int
    label: str = "%H:%M"
    mark: str = "%H:%M"

    def bars_until(self, now_us: int) -> Bars:
        """The bars that the chart has now. The last of them is of now, and still grows."""
        return Bars((now_us // SECOND_US // self.seconds - self.bars + 1) * self.seconds, self.seconds, self.bars)


SPANS = {
    "hour": ChartSpan("Hour", "minute", 60, 60, 10),
    "day": ChartSpan("Day", "half hour", 1800, 48, 8),
    "week": ChartSpan("Week", "3 hours", 10_800, 56, 8, "%a %H:%M", "%a"),
}


@dataclass(frozen=True, slots=True)
class Rates:
    """What is drawn: the bars' times as people and machines read them, the counts, and where the stream was away."""

    span: ChartSpan
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
    """The list of streams, each with its last hour."""
    now_us = services().clock()
    rows = [row_of(source, now_us) for source in services().streams.all()]
    return render_template("streams/index.html", rows=rows, now=now_us)


@streams.get("/streams/<uuid:stream_id>")
@admin_required
def show(stream_id: UUID) -> ResponseReturnValue:
    """One stream: its rates, gaps and latest messages."""
    source, now_us = services().streams.source(str(stream_id)), services().clock()
    span = SPANS.get(query.text("span", ""), SPANS["hour"])
    before = query.number("before", NEWEST, most=NEWEST)
    try:
        stream = read_stream(source.path, span.bars_until(now_us), now_us, before, MESSAGES + 1)
    except UnreadableStream as fault:
        return render_template("streams/fault.html", source=source, fault=fault, quoted=quote(str(source.path)))
    messages = stream.messages[:MESSAGES]
    return render_template(
        "streams/stream.html",
        source=source,
        now=now_us,
        spans=SPANS,
        older=before < NEWEST,
        summary=stream.summary,
        rates=rates_of(stream, span, now_us),
        gaps=stream.gaps[:GAPS_SHOWN],
        messages=messages,
        next=messages[-1].id if len(stream.messages) > MESSAGES else None,
    )


def row_of(source: StreamSource, now_us: int) -> StreamRow:
    """The line of a stream, with its last hour or the fault of its file."""
    span = SPANS["hour"]
    try:
        stream = read_stream(source.path, span.bars_until(now_us), now_us)
    except UnreadableStream as fault:
        return StreamRow(source, fault=str(fault))
    return StreamRow(source, stream.summary, rates_of(stream, span, now_us))


def rates_of(stream: StreamContents, span: ChartSpan, now_us: int) -> Rates:
    """The bars of the span that ends now, as a chart."""
    bars = span.bars_until(now_us)
    end = bars.start + bars.number * bars.seconds
    series = [Series("Messages", COLOUR, stream.counts)]
    times = [datetime.fromtimestamp(bars.start + place * bars.seconds, UTC) for place in range(bars.number)]
    labels = [at.strftime(span.label) for at in times]
    marks = [at.strftime(span.mark) for at in times]
    return Rates(
        span=span,
        chart=stacked(labels, series, nothing="No messages", marks=marks, mark_every=span.mark_every),
        series=series,
        spans=[(f"{at:%Y-%m-%dT%H:%MZ}", label) for at, label in zip(times, labels, strict=True)],
        away=bands(spans_away(stream.gaps, now_us), bars.start * SECOND_US, end * SECOND_US),
    )


def spans_away(gaps: list[StreamGap], now_us: int) -> list[tuple[int, int]]:
    """From when to when the stream was away; a gap that lasts reaches until now."""
    return [(gap.began_at, now_us if gap.ended_at is None else gap.ended_at) for gap in gaps]


@streams.app_template_filter()
def payload(message: StreamMessage) -> str:
    """How a message begins, as text that does nothing to the page around it; what is binary in hexadecimal."""
    if isinstance(message.head, bytes):
        return message.head[:HEX_BYTES].hex(" ")
    return "\n".join(without_control_characters(line) for line in (message.head or "").split("\n"))
