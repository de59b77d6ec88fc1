"""The activity page: changes per day and device, totals, how far the devices are, and what waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from offbook.core.formatting import format_count
from offbook.core.merge.retention import DAY_US
from storage.values import DayCount, DeviceState
from web.auth import session_required
from web.current import services
from web.presenters.bar_chart import Series, stacked
from web.presenters.rejection_reasons import waiting
from web.sessions import signed_in_user

activity = Blueprint("activity", __name__)

DAYS = 30

COLOURS = ("hue-5 pale", "hue-1 deep", "hue-7 pale", "hue-6 deep", "hue-2 pale", "hue-4 pale")
"""Of the devices with the most changes: most neighbours differ in lightness too, for those who see few colours."""

OF_BROWSER = "hue-3 deep"
OF_REST = "of-rest"


@activity.get("/activity")
@session_required
def index() -> ResponseReturnValue:
    now = services().clock()
    days = range(now // DAY_US - DAYS + 1, now // DAY_US + 1)
    found = services().activity.overview(signed_in_user().book_id, days[0], days[-1])
    series = series_of(found.days, days)
    return render_template(
        "activity/index.html",
        found=found,
        now=now,
        series=series,
        dates=[date_of(day) for day in days],
        days=[(day.isoformat(), f"{day.day} {day:%B}") for day in map(date_of, days)],
        chart=stacked([label(date_of(day)) for day in days], series) if series else None,
        waiting=waiting_on(found.devices),
    )


def series_of(counts: Sequence[DayCount], days: range) -> list[Series]:
    """What was made on the pages, then the busiest devices, the oldest first, then all others as one."""
    names, by_source = named(counts), defaultdict[int | None, dict[int, int]](dict)
    for one in counts:
        by_source[one.device_id][one.day] = one.changes
    devices = sorted((key for key in by_source if key is not None), key=lambda key: -sum(by_source[key].values()))
    shown, rest = sorted(devices[: len(COLOURS)]), devices[len(COLOURS) :]
    found = [Series("In the browser", OF_BROWSER, values([by_source[None]], days))] if None in by_source else []
    found += [
        Series(names[key], colour, values([by_source[key]], days)) for key, colour in zip(shown, COLOURS, strict=False)
    ]
    if rest:
        found.append(
            Series(format_count(len(rest), "other device"), OF_REST, values([by_source[key] for key in rest], days))
        )
    return found


def named(counts: Sequence[DayCount]) -> Mapping[int | None, str]:
    return {one.device_id: one.device or "A device that is gone" for one in counts}


def values(sources: Sequence[Mapping[int, int]], days: range) -> list[int]:
    return [sum(source.get(day, 0) for source in sources) for day in days]


def date_of(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)


def label(day: date) -> str:
    return f"{day.day} {day:%b}"


def waiting_on(devices: Sequence[DeviceState]) -> list[str]:
    return [waiting(one.name, code, number) for one in devices for code, number in sorted(one.parked.items())]
