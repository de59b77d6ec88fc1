"""What axe finds in a page as it looks on a wide, light screen and on a phone's, narrow and dark: it is loaded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.users import SIZES, Scheme

OPTIONS = '{"resultTypes": ["violations"], "preload": false}'
AXE = Axe()


@dataclass(frozen=True)
class Look:
    """A screen, by its name in SIZES, and whether it is light."""

    size: str
    scheme: Scheme

    @property
    def name(self) -> str:
        return f"{self.size}, {self.scheme}"


LOOKS = (Look("desktop", "light"), Look("phone", "dark"))
SCHEMES: Sequence[Scheme] = ("light", "dark")
ALL_LOOKS = tuple(Look(size, scheme) for size, scheme in product(SIZES, SCHEMES))


def flaws_of(page: Page, looks: Sequence[Look] = LOOKS) -> list[str]:
    """What is serious in each of these looks, and whether the page is wider than the screen there."""
    return [f"{look.name}: {flaw}" for look in each_look(page, looks) for flaw in flaws_seen(page)]


def flaws_as_it_looks(page: Page) -> list[str]:
    """The same as the page looks: where there is no network, another look would load what it has more."""
    inject_axe(page)
    return flaws_seen(page)


def inject_axe(page: Page) -> None:
    page.wait_for_load_state("load")
    page.evaluate(AXE.axe_script)


def each_look(page: Page, looks: Sequence[Look] = LOOKS) -> Iterator[Look]:
    """The looks, each as long as it is put on the page, which is on a desktop's light screen before and after."""
    inject_axe(page)
    session = page.context.new_cdp_session(page)

    def put_on(look: Look) -> None:
        size: dict[str, Any] = SIZES[look.size]
        width, height = size["viewport"]["width"], size["viewport"]["height"]
        metrics = {"width": width, "height": height, "screenWidth": width, "screenHeight": height}
        is_phone = size.get("is_mobile", False)
        session.send("Emulation.setDeviceMetricsOverride", {**metrics, "deviceScaleFactor": 1, "mobile": is_phone})
        session.send("Emulation.setTouchEmulationEnabled", {"enabled": is_phone})
        page.emulate_media(color_scheme=look.scheme, reduced_motion="reduce")  # or colours would still change

    for look in looks:
        put_on(look)
        yield look
    put_on(LOOKS[0])
    session.detach()


def flaws_seen(page: Page) -> list[str]:
    """The same in the look that is put on. axe is in the page already."""
    violations = page.evaluate(f"axe.run({OPTIONS}).then(results => results.violations)")
    flaws = [
        f"{violation['id']}: {node['html'][:120]} {node.get('failureSummary', '')[:300]}"
        for violation in violations
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"][:3]
    ]
    is_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return flaws + ["wider than the screen"] * is_wide
