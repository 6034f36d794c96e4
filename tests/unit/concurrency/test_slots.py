"""Slots are given in turn, never more than there are, and a wait for them can be cancelled."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pyramid.concurrency.cancelling import cancel_when
from pyramid.concurrency.slots import Slots
from pyramid.errors import StoppedError


def test_no_more_slots_are_held_than_there_are() -> None:
    slots, changing, held, most = Slots(3), threading.Lock(), [0], [0]

    def work(count: int) -> None:
        with slots.held(count):
            with changing:
                held[0] += min(count, 3)
                most[0] = max(most[0], held[0])
            with changing:
                held[0] -= min(count, 3)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, [1, 2, 3, 5] * 50))
    assert 0 < most[0] <= 3
    assert slots.free == 3


def test_one_that_needs_many_is_not_overtaken() -> None:
    slots, order = Slots(2), list[str]()
    begun = threading.Event()

    def large() -> None:
        begun.set()
        with slots.held(2):
            order.append("large")

    def small() -> None:
        with slots.held(1):
            order.append("small")

    with ThreadPoolExecutor(2) as threads:
        with slots.held(1):
            first = threads.submit(large)
            begun.wait(5)
            while not slots._waiting:  # until it is in the queue
                pass
            second = threads.submit(small)
            while len(slots._waiting) < 2:
                pass
            assert order == []
        first.result(5)
        second.result(5)
    assert order == ["large", "small"]


def test_a_wait_is_cancelled_and_takes_nothing() -> None:
    slots = Slots(1)
    with slots.held(1), cancel_when(lambda: True), pytest.raises(StoppedError), slots.held(1):
        pass
    assert slots.free == 1
