"""A ticker calls until it is stopped."""

from __future__ import annotations

import threading

from pyramid.concurrency.ticking import Ticker


def test_it_calls_again_and_again_and_then_no_more() -> None:
    calls = threading.Semaphore(0)
    ticker = Ticker(calls.release, 0.001)
    for _ in range(3):
        assert calls.acquire(timeout=60)
    ticker.stop()
    while calls.acquire(blocking=False):
        pass
    assert not calls.acquire(timeout=0.05)


def test_a_long_time_between_calls_delays_no_stop() -> None:
    Ticker(lambda: None, 3600).stop()
