"""What each kind of device does until the end: one coroutine each. Times are seconds, drawn anew each time."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping

import orjson

from bench.load.device import Device
from bench.load.expected_state import Write
from bench.load.wire import Http

LISTENER_THINKS, EDITOR_THINKS, POLLER_WAITS, NEWCOMER_WAITS, REST_THINKS = 90, 4, 5, 15, 3
STAYS, IS_AWAY = (15, 60), (10, 60)
PASSWORD = "only for the load"
CSRF = re.compile(rb'name="csrf_token" value="([^"]+)"')


class Shift:
    """The time that there is to work."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    async def pause(self, seconds: float) -> bool:
        """Wait, at most until the end. Whether it goes on."""
        await asyncio.sleep(max(0.0, min(seconds, self._end - time.monotonic())))
        return time.monotonic() < self._end


async def listener(device: Device, shift: Shift) -> None:
    await online(device, shift, LISTENER_THINKS, float("inf"))


async def editor(device: Device, shift: Shift) -> None:
    await online(device, shift, EDITOR_THINKS, float("inf"))


async def wanderer(device: Device, shift: Shift) -> None:
    """Works online for a while and offline for a while; what it did there waits in its queue."""
    goes_on = True
    while goes_on:
        device.move()
        goes_on = await online(device, shift, EDITOR_THINKS, device.random.uniform(*STAYS))
        back = time.monotonic() + device.random.uniform(*IS_AWAY)
        while goes_on and time.monotonic() < back:
            device.queue.append(device.hand.edit(device.rows))
            goes_on = await shift.pause(device.random.expovariate(1 / EDITOR_THINKS))


async def online(device: Device, shift: Shift, thinks: float, stays: float) -> bool:
    """Listen, and now and then do something. Whether there is time left after ``stays``."""
    await device.listen()
    leaves, goes_on = time.monotonic() + stays, True
    while goes_on and time.monotonic() < leaves:
        goes_on = await shift.pause(min(device.random.expovariate(1 / thinks), leaves - time.monotonic()))
        if goes_on and time.monotonic() < leaves:
            await something(device)
    await device.leave()
    return goes_on


async def something(device: Device) -> None:
    """One edit mostly; a few at once; the same again; what must be rejected; hundreds at once, which go by HTTP."""
    chance = device.random.random()
    if chance < 0.75:
        await device.push([device.hand.edit(device.rows)])
    elif chance < 0.90:
        await device.push([device.hand.edit(device.rows) for _ in range(device.random.randint(2, 20))])
    elif chance < 0.96:
        change = device.hand.edit(device.rows)
        await device.push([change])
        await device.again([change])
    elif chance < 0.99:
        await device.push([device.hand.of_nothing()])
    else:
        await device.leave()
        device.queue += [device.hand.insert() for _ in range(device.random.randint(200, 500))]
        await device.listen()


async def poller(device: Device, shift: Shift) -> None:
    """No live channel: asks, and pushes what there is."""
    while True:
        if device.random.random() < 0.3:
            device.queue.append(device.hand.edit(device.rows))
        await device.sync()
        if not await shift.pause(device.random.uniform(0.5, 1.5) * POLLER_WAITS):
            return


async def newcomer(device: Device, shift: Shift) -> None:
    """Takes a snapshot, and a pull later begins with nothing again."""
    while True:
        device.forget()
        await device.sync()
        goes_on = await shift.pause(device.random.uniform(0.5, 1.5) * NEWCOMER_WAITS)
        await device.sync()
        if not goes_on:
            return


async def rest(device: Device, shift: Shift) -> None:
    """A script that knows contacts as JSON, and a person who reads pages."""
    browser = Http(device.hosts[0])
    await sign_in(device, browser)
    while await shift.pause(device.random.expovariate(1 / REST_THINKS)):
        await (by_rest(device) if device.random.random() < 0.6 else read_pages(device, browser))
    browser.close()


async def by_rest(device: Device) -> None:
    """Read a list, read one of it twice, and write it: first with an ETag that is stale, then with the right one."""
    found = orjson.loads((await device.ask("REST, a list of 50", "GET", "/contacts?limit=50")).body)["contacts"]
    if not found:
        return
    path = f"/contacts/{device.random.choice(found)['id']}"
    one = await device.ask("REST, one contact", "GET", path, expected=(200, 404))
    if one.status == 404:  # somebody deleted it since
        return
    await device.ask("REST, one contact", "GET", path, expected=(200, 304, 404), If_None_Match=one.headers["etag"])
    data = {"nickname": device.hand.value()}
    body = orjson.dumps(data)
    await device.ask("REST, a write refused", "PATCH", path, body, expected=(412, 404), If_Match='"1"')
    kind, match = "REST, a write", one.headers["etag"]
    done = await device.ask(kind, "PATCH", path, body, expected=(200, 412, 404), If_Match=match)
    if done.status == 200:
        write = Write(int(done.headers["etag"].strip('"')), True, "UPDATE", data)
        device.book.ledger.plain.append((path.rpartition("/")[2], write))


async def sign_in(device: Device, browser: Http) -> None:
    form = CSRF.search((await browser.send("GET", "/login")).body)
    assert form is not None
    body = f"name=user+{device.book.number}&password={PASSWORD.replace(' ', '+')}&csrf_token={form[1].decode()}"
    content = "application/x-www-form-urlencoded"
    answer = await browser.send("POST", "/login", body.encode(), Content_Type=content)
    device.tally.check(answer.status == 302, "A person could not sign in.")


async def read_pages(device: Device, browser: Http) -> None:
    for path in ("/", "/activity", "/devices"):
        with device.tally.timed(f"page {path}"):
            answer = await browser.send("GET", path)
        device.tally.statuses[answer.status] += 1
        device.tally.check(answer.status == 200, f"The page {path} was answered with {answer.status}.")


ROLES: Mapping[str, Callable[[Device, Shift], Awaitable[object]]] = {
    role.__name__: role for role in (listener, editor, wanderer, poller, newcomer, rest)
}
