"""The filters and globals that every template may use."""

from __future__ import annotations

from flask import Flask

from offbook.contacts.card_words import property_words
from offbook.contacts.links import linked, map_address
from offbook.core.accounts.users import kept_until
from offbook.core.formatting import (
    format_ago,
    format_count,
    format_date,
    format_iso,
    format_moment,
    format_rate,
    format_size,
    format_time,
)
from offbook.core.pictures import photo_name
from offbook.core.text import clock_advice, describe_clock_offset, fold_key, without_control_characters
from web.current import services
from web.presenters import formatting
from web.presenters.record_words import record_name, table_heading
from web.presenters.user_agents import program_of


def register(app: Flask) -> None:
    """Add them to the app's templates."""
    app.jinja_env.filters |= {
        "ago": format_ago,
        "birthday": formatting.format_birthday,
        "birthday_note": formatting.birthday_note,
        "clean": without_control_characters,
        "clock_advice": clock_advice,
        "clock_offset": describe_clock_offset,
        "clock_time": format_time,
        "count": format_count,
        "date": format_date,
        "hue": formatting.hue,
        "initials": formatting.initials,
        "iso": format_iso,
        "key": fold_key,
        "linked": linked,
        "kept_until": kept_until,
        "moment": format_moment,
        "photo_name": photo_name,
        "program": program_of,
        "rate": format_rate,
        "record_name": record_name,
        "size": format_size,
        "table_heading": table_heading,
    }
    app.jinja_env.globals["card_words"] = property_words
    app.jinja_env.globals["now_us"] = lambda: services().clock()
    app.jinja_env.globals["map_address"] = map_address
    app.jinja_env.globals["quick_links"] = formatting.quick_links
    app.jinja_env.globals["href_of"] = formatting.href
    app.jinja_env.globals["name_tells_parts"] = formatting.name_tells_parts
