"""What lies between a device and the server of a simulated world, and all that can happen to a message there.

Whatever goes wrong is drawn from the world's own randomness, so that it goes wrong alike when the world is played
again. When the world is calm, nothing does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from offbook import Offline, Response
from tests.worlds.server import Server


class Crash(BaseException):
    """The process of a device is killed. Not an Exception: nothing is to catch it but the world."""


class Network:
    """One device's way to the server.

    ``old_requests`` are shared by all devices: any of them may arrive once more, at any time. ``meanwhile`` is what the
    device's user does while a request is on its way.
    """

    def __init__(
        self,
        server: Server,
        random: Random,
        old_requests: list[bytes],
        meanwhile: Callable[[], None],
        has_book: Callable[[], bool],
        say: Callable[[str], None],
    ) -> None:
        self.calm = False
        self._server = server
        self._random = random
        self._old_requests = old_requests
        self._old_answers: list[Response] = []
        self._meanwhile = meanwhile
        self._has_book = has_book
        self._say = say

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        self._server.headers = headers
        if (method, path) == ("GET", "/tables"):
            return self._ask_for_tables()
        assert body is not None
        assert (method, path) == ("POST", "/sync")
        self._server.now += self._random.randrange(1, 5_000_000)
        if self.calm:
            return self._server.answer(body)
        fate = self._random.choices(list(FATES), [weight for weight, _ in FATES.values()])[0]
        self._say(f"    request of {len(body)} bytes: {fate}")
        response = FATES[fate][1](self, body)
        self._say(f"    answer: {response.status} {response.body[:200].decode()}")
        self._old_requests.append(body)
        self._keep(response)
        return response

    def _ask_for_tables(self) -> Response:
        if not self.calm and self._random.random() < 0.2:
            raise Offline("The question about tables was lost.")
        return self._server.tell_tables()

    def _keep(self, response: Response) -> None:
        """Refusals don't come again: "too large", said of a single change that is not, would park it."""
        if response.status in (200, 410):
            self._old_answers.append(response)

    def forget(self) -> None:
        self._old_answers.clear()

    # --- what becomes of a request ---

    def _arrives(self, body: bytes) -> Response:
        return self._server.answer(body)

    def _is_lost(self, body: bytes) -> Response:
        self._old_requests.append(body)
        raise Offline("The request was lost.")

    def _answer_is_lost(self, body: bytes) -> Response:
        self._old_requests.append(body)
        self._keep(self._server.answer(body))
        raise Offline("The answer was lost.")

    def _arrives_twice(self, body: bytes) -> Response:
        return self._random.choice([self._server.answer(body), self._server.answer(body)])

    def _comes_after_an_old_one(self, body: bytes) -> Response:
        if self._old_requests:
            self._server.answer(self._random.choice(self._old_requests))
        return self._server.answer(body)

    def _comes_before_an_old_one(self, body: bytes) -> Response:
        response = self._server.answer(body)
        if self._old_requests:
            self._server.answer(self._random.choice(self._old_requests))
        return response

    def _is_answered_by_an_old_answer(self, body: bytes) -> Response:
        return self._random.choice(self._old_answers) if self._old_answers else self._server.answer(body)

    def _user_types_before_it_arrives(self, body: bytes) -> Response:
        self._meanwhile()
        return self._server.answer(body)

    def _user_types_before_the_answer(self, body: bytes) -> Response:
        response = self._server.answer(body)
        self._meanwhile()
        return response

    def _crash_before(self, body: bytes) -> Response:
        raise Crash

    def _crash_after(self, body: bytes) -> Response:
        self._server.answer(body)
        raise Crash

    def _server_is_busy(self, body: bytes) -> Response:
        return self._server.busy()

    def _other_book(self, body: bytes) -> Response:
        """The token was swapped by mistake. A replica without a book can't tell, so it happens to others only."""
        return self._server.answer(body, self._server.other_id if self._has_book() else None)


FATES: Mapping[str, tuple[int, Callable[[Network, bytes], Response]]] = {
    "arrives": (40, Network._arrives),
    "is lost": (8, Network._is_lost),
    "its answer is lost": (12, Network._answer_is_lost),
    "arrives twice": (5, Network._arrives_twice),
    "comes after an old one": (5, Network._comes_after_an_old_one),
    "comes before an old one": (5, Network._comes_before_an_old_one),
    "is answered by an old answer": (5, Network._is_answered_by_an_old_answer),
    "the user types before it arrives": (6, Network._user_types_before_it_arrives),
    "the user types before the answer": (6, Network._user_types_before_the_answer),
    "the device crashes before": (4, Network._crash_before),
    "the device crashes after": (4, Network._crash_after),
    "the server is busy": (2, Network._server_is_busy),
    "reaches another book": (2, Network._other_book),
}
"""What can become of a request, and how often each does."""
