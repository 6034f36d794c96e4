"""The memory that the blocks of a run work in, found again in every process that does some of them."""

from __future__ import annotations

import math
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Semaphore
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from pyramid.errors import StoppedError
from pyramid.model import Shape

# Passes that have ended and are remembered, so that a block that comes too late is not begun.
MAX_ENDED = 1000


class Buffers:
    """Memory that a thread keeps from block to block: fresh arrays cost more in page faults than the codec does.

    A pass of a run has its own. They pickle as their key: in another process, all blocks of the pass share one.

    Parameters
    ----------
    workers
        How many blocks may be `working` at once; as many as there are threads where it is None.
    key
        The name of the pass in all processes; a new one by default.

    Attributes
    ----------
    working
        What a block is in, as a context, until nothing but its last writes is left to do.
    """

    def __init__(self, workers: int | None = None, key: str | None = None) -> None:
        self.key = key or uuid.uuid4().hex
        self.working: AbstractContextManager[object] = nullcontext() if workers is None else Semaphore(workers)
        self._kept: dict[tuple[int, Hashable], NDArray[np.uint8]] = {}
        self._stopped = False
        self._changed = threading.Condition()
        self._under_way = 0
        if key is None:
            _process.add(self)

    def take(self, key: Hashable, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
        """An array of C order whose content is whatever was there; in a thread the same key gives the same memory.

        Raises StoppedError once the run is stopped.
        """
        if self._stopped:
            raise StoppedError("the run was stopped while this block was under way")
        size = math.prod(shape) * dtype.itemsize
        place = (threading.get_ident(), key)
        kept = self._kept.get(place)
        if kept is None or kept.size < size:
            self._kept.pop(place, None)
            kept = self._kept[place] = np.empty(size, np.uint8)
        return kept[:size].view(dtype).reshape(shape)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Count a block as under way."""
        with self._changed:
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def wait_until_idle(self, seconds: float | None = None) -> bool:
        """Wait until no block is under way in this process, for `seconds` at most; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, seconds)

    def stop(self) -> None:
        """Let blocks under way end at their next chunk."""
        self._stopped = True

    def is_stopped(self) -> bool:
        """Whether blocks under way are to end."""
        return self._stopped

    def release(self) -> None:
        """Give back the memory of every thread; arrays in use stay until their user lets go."""
        self._kept.clear()

    def __reduce__(self) -> tuple[Callable[[str], Buffers], tuple[str]]:
        return find_buffers, (self.key,)


class _Process:
    """The buffers of all passes of which this process does blocks.

    They are kept as long as a task has them. Those of the pass that was last are kept until another comes, since
    between two blocks there may be no task.
    """

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._live: WeakValueDictionary[str, Buffers] = WeakValueDictionary()
        self._last: Buffers | None = None
        self._ended: OrderedDict[str, None] = OrderedDict()

    def add(self, buffers: Buffers) -> None:
        with self._changing:
            self._live[buffers.key] = buffers

    def find(self, key: str) -> Buffers:
        with self._changing:
            found = self._live.get(key)
            if found is None:
                found = self._live[key] = Buffers(key=key)
            if key in self._ended:
                found.stop()
            else:
                self._last = found
            return found

    def end(self, key: str) -> Buffers | None:
        with self._changing:
            self._ended[key] = None
            if len(self._ended) > MAX_ENDED:
                self._ended.popitem(last=False)
            found = self._live.get(key)
            if found is not None:
                found.stop()
            if self._last is found:
                self._last = None
            return found


_process = _Process()


def find_buffers(key: str) -> Buffers:
    """Return the buffers of a pass in this process."""
    return _process.find(key)


def end_buffers(key: str) -> Buffers | None:
    """Let the blocks of a pass in this process end at their next chunk, and keep none of its memory.

    Returns
    -------
    Buffers
        As long as a block has them; None where none does.
    """
    return _process.end(key)
