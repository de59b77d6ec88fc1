"""The activity page: changes per day and device, totals, how far the devices are, and what waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from offbook.core.formatting import format_count
from offbook.core.merge.retention import DAY_US
from storage.values.activity import DayCount, DeviceState
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
    """What happened in the last 30 days."""
    now_us = services().clock()
    days = range(now_us // DAY_US - DAYS + 1, now_us // DAY_US + 1)
    overview = services().activity.overview(signed_in_user().book_id, days[0], days[-1])
    series = stack_series(overview.days, days)
    dates = [date(1970, 1, 1) + timedelta(days=day) for day in days]
    return render_template(
        "activity/index.html",
        overview=overview,
        now=now_us,
        series=series,
        dates=dates,
        days=[(day.isoformat(), f"{day.day} {day:%B}") for day in dates],
        chart=stacked([f"{day.day} {day:%b}" for day in dates], series) if series else None,
        waiting=waiting_on(overview.devices),
    )


def stack_series(counts: Sequence[DayCount], days: range) -> list[Series]:
    """What was made on the pages, then the busiest devices, the oldest first, then all others as one."""
    names = {count.device_id: count.device or "A device that is gone" for count in counts}
    by_source = defaultdict[int | None, dict[int, int]](dict)
    for count in counts:
        by_source[count.device_id][count.day] = count.changes
    devices = sorted((key for key in by_source if key is not None), key=lambda key: -sum(by_source[key].values()))
    shown, rest = sorted(devices[: len(COLOURS)]), devices[len(COLOURS) :]
    series = [Series("In the browser", OF_BROWSER, sum_by_day([by_source[None]], days))] if None in by_source else []
    series += [
        Series(names[key], colour, sum_by_day([by_source[key]], days))
        for key, colour in zip(shown, COLOURS, strict=False)
    ]
    if rest:
        name = format_count(len(rest), "other device")
        series.append(Series(name, OF_REST, sum_by_day([by_source[key] for key in rest], days)))
    return series


def sum_by_day(sources: Sequence[Mapping[int, int]], days: range) -> list[int]:
    """The changes of these sources together, on each of the days."""
    return [sum(source.get(day, 0) for source in sources) for day in days]


def waiting_on(devices: Sequence[DeviceState]) -> list[str]:
    """A sentence for each kind of change that a device can't send."""
    return [waiting(device.name, code, number) for device in devices for code, number in sorted(device.parked.items())]
