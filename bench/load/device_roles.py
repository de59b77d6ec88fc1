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
    await work_online(device, shift, LISTENER_THINKS, float("inf"))


async def editor(device: Device, shift: Shift) -> None:
    await work_online(device, shift, EDITOR_THINKS, float("inf"))


async def wanderer(device: Device, shift: Shift) -> None:
    """Works online for a while and offline for a while; what it did there waits in its queue."""
    goes_on = True
    while goes_on:
        device.switch_host()
        goes_on = await work_online(device, shift, EDITOR_THINKS, device.random.uniform(*STAYS))
        returns_at = time.monotonic() + device.random.uniform(*IS_AWAY)
        while goes_on and time.monotonic() < returns_at:
            device.queue.append(device.editor.edit(device.rows))
            goes_on = await shift.pause(device.random.expovariate(1 / EDITOR_THINKS))


async def work_online(device: Device, shift: Shift, thinks: float, stays: float) -> bool:
    """Listen, and now and then do something. Whether there is time left after ``stays``."""
    await device.listen()
    leaves, goes_on = time.monotonic() + stays, True
    while goes_on and time.monotonic() < leaves:
        goes_on = await shift.pause(min(device.random.expovariate(1 / thinks), leaves - time.monotonic()))
        if goes_on and time.monotonic() < leaves:
            await act_once(device)
    await device.close_live()
    return goes_on


async def act_once(device: Device) -> None:
    """One edit mostly; a few at once; the same again; what must be rejected; hundreds at once, which go by HTTP."""
    chance = device.random.random()
    if chance < 0.75:
        await device.push([device.editor.edit(device.rows)])
    elif chance < 0.90:
        await device.push([device.editor.edit(device.rows) for _ in range(device.random.randint(2, 20))])
    elif chance < 0.96:
        change = device.editor.edit(device.rows)
        await device.push([change])
        await device.resend([change])
    elif chance < 0.99:
        await device.push([device.editor.edit_unknown()])
    else:
        await device.close_live()
        device.queue += [device.editor.insert() for _ in range(device.random.randint(200, 500))]
        await device.listen()


async def poller(device: Device, shift: Shift) -> None:
    """No live channel: asks, and pushes what there is."""
    while True:
        if device.random.random() < 0.3:
            device.queue.append(device.editor.edit(device.rows))
        await device.sync()
        if not await shift.pause(device.random.uniform(0.5, 1.5) * POLLER_WAITS):
            return


async def newcomer(device: Device, shift: Shift) -> None:
    """Takes a snapshot, and a pull later begins with nothing again."""
    while True:
        device.reset()
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
        await (use_rest(device) if device.random.random() < 0.6 else read_pages(device, browser))
    browser.close()


async def use_rest(device: Device) -> None:
    """Read a list, read one of it twice, and write it: first with an ETag that is stale, then with the right one."""
    contacts = orjson.loads((await device.request("REST, a list of 50", "GET", "/contacts?limit=50")).body)["contacts"]
    if not contacts:
        return
    path = f"/contacts/{device.random.choice(contacts)['id']}"
    contact = await device.request("REST, one contact", "GET", path, expected=(200, 404))
    if contact.status == 404:  # somebody deleted it since
        return
    await device.request(
        "REST, one contact", "GET", path, expected=(200, 304, 404), If_None_Match=contact.headers["etag"]
    )
    data = {"nickname": device.editor.value()}
    body = orjson.dumps(data)
    await device.request("REST, a write refused", "PATCH", path, body, expected=(412, 404), If_Match='"1"')
    kind, match = "REST, a write", contact.headers["etag"]
    done = await device.request(kind, "PATCH", path, body, expected=(200, 412, 404), If_Match=match)
    if done.status == 200:
        write = Write(int(done.headers["etag"].strip('"')), True, "UPDATE", data)
        device.book.expected.plain.append((path.rpartition("/")[2], write))


async def sign_in(device: Device, browser: Http) -> None:
    form = CSRF.search((await browser.send("GET", "/login")).body)
    assert form is not None
    body = f"name=user+{device.book.number}&password={PASSWORD.replace(' ', '+')}&csrf_token={form[1].decode()}"
    content = "application/x-www-form-urlencoded"
    answer = await browser.send("POST", "/login", body.encode(), Content_Type=content)
    device.counters.check(answer.status == 302, "A person could not sign in.")


async def read_pages(device: Device, browser: Http) -> None:
    for path in ("/", "/activity", "/devices"):
        with device.counters.timed(f"page {path}"):
            answer = await browser.send("GET", path)
        device.counters.statuses[answer.status] += 1
        device.counters.check(answer.status == 200, f"The page {path} was answered with {answer.status}.")


ROLES: Mapping[str, Callable[[Device, Shift], Awaitable[object]]] = {
    role.__name__: role for role in (listener, editor, wanderer, poller, newcomer, rest)
}
