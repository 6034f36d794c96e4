"""Decoded chunks that are kept as long as a bound of memory allows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeAlias

from numpy.typing import NDArray

from pyramid.viewing.memory import ChunkMemory

# What an array is kept by: first the image that it belongs to, then its place there.
Key: TypeAlias = tuple[Hashable, ...]


class ChunkCache:
    """Arrays that were read last, within a bound of memory, for many threads.

    Parameters
    ----------
    most_bytes
        Memory of the arrays that are kept. A larger array is read, but not kept.

    Attributes
    ----------
    memory
        Gives the memory of arrays, and takes that of those that are dropped.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.memory = ChunkMemory()
        self._kept: OrderedDict[Key, NDArray[Any]] = OrderedDict()
        self._coming: dict[Key, Future[NDArray[Any]]] = {}
        self._held_bytes = 0
        self._changing = threading.Lock()

    @property
    def held_bytes(self) -> int:
        """Memory of the arrays that are kept."""
        return self._held_bytes

    def get(self, key: Key, load: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return the array of a key, loaded once for all threads that ask for it.

        Parameters
        ----------
        key
            The image and the place in it.
        load
            Reads the array; what it raises is raised to each thread that waits.
        """
        with self._changing:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
            coming, is_first = self._coming.get(key), key not in self._coming
            if coming is None:
                coming = self._coming[key] = Future()
        if is_first:
            self._load(key, load, coming)
        return coming.result()

    def forget(self, owner: Hashable) -> None:
        """Drop the arrays of an image, as it may have changed."""
        with self._changing:
            for key in [key for key in self._kept if key[0] == owner]:
                self._held_bytes -= self._kept.pop(key).nbytes

    def _load(self, key: Key, load: Callable[[], NDArray[Any]], coming: Future[NDArray[Any]]) -> None:
        """Load an array, give it to all who wait, and keep it if there is room."""
        try:
            found = load()
        except BaseException as error:
            with self._changing:
                del self._coming[key]
            coming.set_exception(error)
            return
        self.memory.note_read(found.nbytes)
        with self._changing:
            del self._coming[key]
            if found.nbytes <= self.most_bytes:
                self._kept[key] = found
                self._held_bytes += found.nbytes
            while self._held_bytes > self.most_bytes:
                self._held_bytes -= self._kept.popitem(last=False)[1].nbytes
        coming.set_result(found)
