"""The lock in front of SQLite's writers."""

from __future__ import annotations

from functools import partial
from threading import Thread

from storage.engines.fair_lock import FairLock
from tests.support.polling import wait_until


def test_the_lock_is_given_in_order_of_arrival() -> None:
    lock, order, threads = FairLock(), list[int](), list[Thread]()
    with lock:
        for number in range(5):
            thread = Thread(target=take, args=(lock, order, number))
            thread.start()
            threads.append(thread)
            wait_until(partial(is_awaited_by, lock, number + 1))
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 2, 3, 4]


def is_awaited_by(lock: FairLock, count: int) -> bool:
    return len(lock._waiting) == count


def take(lock: FairLock, order: list[int], number: int) -> None:
    with lock:
        order.append(number)


def test_who_waits_no_longer_is_passed_over() -> None:
    lock, order = FairLock(), list[int]()
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
