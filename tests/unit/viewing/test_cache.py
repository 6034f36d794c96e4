"""The memory of decoded chunks: bounded, read once for all who wait, and forgotten on demand."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pyramid.viewing.cache import ChunkCache


def _bytes(size: int) -> NDArray[np.uint8]:
    return np.zeros(size, np.uint8)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), max_size=60))
def test_what_is_kept_never_exceeds_the_bound(asked: list[tuple[int, int]]) -> None:
    cache, sizes = ChunkCache(100), dict[int, int]()
    for name, size in asked:
        sizes.setdefault(name, size)
        assert cache.get(("image", name), partial(_bytes, sizes[name])).size == sizes[name]
        assert cache.held_bytes <= 100


def test_the_one_used_last_stays() -> None:
    cache, loads = ChunkCache(100), list[str]()

    def load(name: str) -> NDArray[np.uint8]:
        loads.append(name)
        return _bytes(40)

    for name in "abacab":  # c takes the place of b, since a was used after it
        cache.get(("image", name), partial(load, name))
    assert loads == ["a", "b", "c", "b"]


def test_what_is_larger_than_the_bound_is_given_and_not_kept() -> None:
    cache = ChunkCache(10)
    assert cache.get(("image", 0), lambda: _bytes(50)).size == 50
    assert cache.held_bytes == 0


def test_threads_that_ask_at_once_share_one_load() -> None:
    cache, loads, begun = ChunkCache(100), list[int](), threading.Event()

    def load() -> NDArray[np.uint8]:
        loads.append(1)
        begun.set()
        time.sleep(0.05)
        return _bytes(8)

    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(cache.get, ("image", 0), load)
        begun.wait(10)
        others = [threads.submit(cache.get, ("image", 0), load) for _ in range(3)]
        assert all(one.result() is first.result() for one in others)
    assert len(loads) == 1


def test_a_failure_is_raised_to_each_and_the_next_one_tries_again() -> None:
    cache = ChunkCache(100)

    def fail() -> NDArray[np.uint8]:
        raise ValueError("damaged")

    for _ in range(2):
        with pytest.raises(ValueError, match="damaged"):
            cache.get(("image", 0), fail)
    assert cache.get(("image", 0), lambda: _bytes(3)).size == 3


def test_only_the_chunks_of_one_image_are_forgotten() -> None:
    cache = ChunkCache(100)
    for owner in "ab":
        cache.get((owner, 0), lambda: _bytes(30))
    cache.forget("a")
    assert cache.held_bytes == 30
    assert cache.get(("b", 0), lambda: _bytes(1)).size == 30
