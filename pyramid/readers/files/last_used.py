"""The values that a process used last, such as the layouts of files."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LastUsed(Generic[K, V]):
    """The values that were used last, by key; any thread may use it.

    Parameters
    ----------
    most
        The most values that are kept.

    Examples
    --------
    >>> squares = LastUsed(most=2)
    >>> [squares.find(n, lambda n=n: n * n) for n in (3, 4, 3)]
    [9, 16, 9]
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, Future[V]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of a key, which `make` makes unless it is kept.

        Threads that need the same value wait for the one that makes it. A failure is raised in all of them, and is not
        kept.
        """
        with self._lock:
            kept = self._kept.get(key)
            made = self._kept[key] = Future() if kept is None else kept
            self._kept.move_to_end(key)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        if kept is None:
            try:
                made.set_result(make())
            except BaseException as error:
                with self._lock:
                    self._kept.pop(key, None)
                made.set_exception(error)
        return made.result()
