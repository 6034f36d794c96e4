from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pyramid.readers.files.last_used import LastUsed


def test_the_value_that_was_used_longest_ago_is_dropped_first() -> None:
    made: list[str] = []
    values: LastUsed[str, str] = LastUsed(most=2)

    def find(key: str) -> str:
        def make() -> str:
            made.append(key)
            return key.upper()

        return values.find(key, make)

    assert [find(key) for key in "abacab"] == list("ABACAB")
    assert made == ["a", "b", "c", "b"]


def test_threads_that_want_one_value_make_it_once() -> None:
    made: list[int] = []
    values: LastUsed[str, int] = LastUsed(most=2)

    def make() -> int:
        time.sleep(0.05)
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: values.find("a", make), range(8))) == [1] * 8


def test_a_value_that_cannot_be_made_is_not_kept() -> None:
    values: LastUsed[str, int] = LastUsed(most=1)

    def fail() -> int:
        raise OSError("out of reach")

    with pytest.raises(OSError, match="out of reach"):
        values.find("a", fail)
    assert values.find("a", lambda: 5) == 5


def test_threads_that_need_different_values_do_not_wait() -> None:
    kept, both = LastUsed[str, int](most=2), threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(lambda key: kept.find(key, lambda: both.wait(timeout=30) * 0 + len(key)), ["a", "bb"])
        assert list(made) == [1, 2]


def test_a_failure_is_not_kept() -> None:
    kept = LastUsed[str, float](most=2)
    with pytest.raises(ZeroDivisionError):
        kept.find("a", lambda: 1 / 0)
    assert kept.find("a", lambda: 3.0) == 3.0
