"""What the app that answers the present request is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app

from services.container import Services

if TYPE_CHECKING:
    from web.telemetry.prometheus import PrometheusSink


def services() -> Services:
    """The parts that views work with."""
    return cast(Services, current_app.extensions["offbook"])


def meters() -> PrometheusSink | None:
    """What ``GET /metrics`` reads; None where nobody may."""
    return cast("PrometheusSink | None", current_app.extensions["meters"])
