"""The filters and globals that every template may use."""

from __future__ import annotations

from flask import Flask

from offbook.core.text import clock_advice, without_control_characters
from offbook.core.users import kept_until
from web.presenters import formatting


def register(app: Flask) -> None:
    """Add them to the app's templates."""
    app.jinja_env.filters |= {
        "ago": formatting.format_ago,
        "birthday": formatting.format_birthday,
        "clean": without_control_characters,
        "clock_advice": clock_advice,
        "clock_offset": formatting.format_clock_offset,
        "clock_time": formatting.format_time,
        "count": formatting.format_count,
        "date": formatting.format_date,
        "hue": formatting.hue,
        "initials": formatting.initials,
        "iso": formatting.format_iso,
        "kept_until": kept_until,
        "moment": formatting.format_moment,
        "rate": formatting.format_rate,
        "size": formatting.format_size,
    }
    app.jinja_env.globals["href_of"] = formatting.href
