"""Concurrent requests, whose waiting times overlap."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextvars import copy_context
from typing import TypeVar

from pyramid.concurrency.cancelling import cancel_when
from pyramid.concurrency.signals import leave_signals

T = TypeVar("T")
R = TypeVar("R")


def map_concurrently(do: Callable[[T], R], items: Iterable[T], most: int) -> Iterator[R]:
    """Yield the results of `do` for all items, in the order in which the calls end.

    The first call that fails ends the others: their requests are not repeated. Its exception is raised here when no
    call is under way.

    Parameters
    ----------
    do
        A function that makes requests. It is called in other threads, or in this one if `most` is 1.
    items
        The arguments of the calls, taken one at a time as calls end.
    most
        The largest number of concurrent calls.

    Examples
    --------
    >>> sorted(map_concurrently(str.upper, "abc", 2)), list(map_concurrently(str.upper, "abc", 1))
    (['A', 'B', 'C'], ['A', 'B', 'C'])
    """
    if most == 1:
        yield from map(do, items)
        return
    over = threading.Event()

    def call(item: T) -> R:
        with cancel_when(over.is_set):
            return do(item)

    flying: set[Future[R]] = set()
    with ThreadPoolExecutor(most, thread_name_prefix="pyramid-request", initializer=leave_signals) as threads:
        try:
            for item in items:
                if len(flying) == most:
                    ended, flying = wait(flying, return_when=FIRST_COMPLETED)
                    yield from (one.result() for one in ended)
                flying.add(threads.submit(copy_context().run, call, item))
            yield from (one.result() for one in as_completed(flying))
        finally:
            over.set()
