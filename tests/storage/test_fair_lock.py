"""The lock in front of SQLite's writers."""

from __future__ import annotations

from threading import Thread

from storage.engines.fair_lock import FairLock
from tests.support.polling import wait_until


def test_the_lock_is_given_in_order_of_arrival() -> None:
    lock, order, threads = FairLock(), [], []
    with lock:
        for number in range(5):
            thread = Thread(target=lambda number=number: take(lock, order, number))
            thread.start()
            threads.append(thread)
            wait_until(lambda number=number: len(lock._waiting) == number + 1)
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4]


def take(lock: FairLock, order: list[int], number: int) -> None:
    with lock:
        order.append(number)


def test_who_waits_no_longer_is_passed_over() -> None:
    lock, order = FairLock(), []
    with lock:
        impatient = Thread(target=lambda: order.append(lock.acquire(0.01)))
        impatient.start()
        wait_until(lambda: len(lock._waiting) == 1)
        patient = Thread(target=lambda: take(lock, order, 2))
        patient.start()
        impatient.join(10)
        wait_until(lambda: len(lock._waiting) == 1)
    patient.join(10)
    assert order == [False, 2]
    assert lock.acquire(0)
    lock.release()
