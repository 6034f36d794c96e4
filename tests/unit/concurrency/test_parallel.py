"""Calls side by side: each item once, as many at once as may be, and none outlives the first that fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyramid.concurrency.cancelling import cancel_when
from pyramid.concurrency.parallel import map_concurrently
from pyramid.errors import StoppedError
from pyramid.stores.retry import AttemptFailure, RetryPolicy, call_with_retries

WITHIN_S = 60
FOR_EVER = RetryPolicy(retries=10**6, retry_seconds=10**6)


def ask_for_ever(asked: threading.Event) -> None:
    """A request that never goes well."""

    def attempt() -> None:
        asked.set()
        raise OSError

    call_with_retries(attempt, "GET a", FOR_EVER, lambda _: AttemptFailure("busy", again=True))


@given(st.lists(st.integers()), st.integers(1, 5))
def test_each_item_has_its_call(items: list[int], most: int) -> None:
    assert sorted(map_concurrently(lambda item: -item, items, most)) == sorted(-item for item in items)


def test_as_many_are_under_way_as_may_be() -> None:
    together = threading.Barrier(3, timeout=WITHIN_S)
    counting, counts = threading.Lock(), {"now": 0, "most": 0}

    def call(_: int) -> int:
        with counting:
            counts["now"] += 1
            counts["most"] = max(counts.values())
        met = together.wait()
        with counting:
            counts["now"] -= 1
        return met

    assert sorted(map_concurrently(call, range(9), 3)) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert counts["most"] == 3


def test_one_at_a_time_is_in_order_and_in_this_thread() -> None:
    calls = map_concurrently(lambda item: (item, threading.current_thread()), "abc", 1)
    assert list(calls) == [(letter, threading.current_thread()) for letter in "abc"]


def test_the_first_that_fails_ends_the_others_and_is_raised() -> None:
    asked, taken = threading.Event(), []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    def call(number: int) -> None:
        if number == 1:
            assert asked.wait(WITHIN_S)
            raise ZeroDivisionError
        ask_for_ever(asked)

    with pytest.raises(ZeroDivisionError):
        list(map_concurrently(call, items(), 3))
    assert len(taken) <= 4
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pyramid-request")]


def test_calls_end_with_what_holds_them() -> None:
    asked = threading.Event()
    with cancel_when(asked.is_set), pytest.raises(StoppedError, match=r"GET a is not made again|was given up"):
        list(map_concurrently(lambda _: ask_for_ever(asked), range(3), 3))


def test_calls_end_where_nobody_takes_their_results() -> None:
    asked = threading.Event()
    calls = map_concurrently(lambda number: ask_for_ever(asked) if number else asked.wait(WITHIN_S), range(2), 2)
    assert next(calls)
    calls.close()  # type: ignore[attr-defined]  # it is a generator
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pyramid-request")]
