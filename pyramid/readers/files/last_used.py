"""The values that a process used last, such as the layouts of files."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
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
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of a key, which `make` makes unless it is kept."""
        with self._lock:  # held while the value is made: threads that wait mostly need the same one
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
            return self._kept[key]
