"""Working memory for the blocks of a run, shared within each process."""

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

# Ended passes that a process remembers, so that a late block does not begin. The bound is for workers that live long.
MAX_ENDED = 1000


class Buffers:
    """Memory that each thread keeps from block to block of a pass.

    It is kept because fresh arrays cost more in page faults than the codec does. Each pass of a run has its
    own buffers. They pickle as their key, so that all blocks of a pass share one object in another process.

    Parameters
    ----------
    workers
        The number of blocks that may be `working` at once; None for no limit but the number of threads.
    key
        The name of the pass in all processes; a new one by default.

    Attributes
    ----------
    working
        The context in which a block works until only its last writes remain.
    """

    def __init__(self, workers: int | None = None, key: str | None = None) -> None:
        self.key = key or uuid.uuid4().hex
        self.working: AbstractContextManager[object] = nullcontext() if workers is None else Semaphore(workers)
        self._kept: dict[tuple[int, Hashable], NDArray[np.uint8]] = {}
        self._stopped = False
        self._changed = threading.Condition()
        self._under_way = 0
        if key is None:
            with _changing:
                _live[self.key] = self

    def take(self, key: Hashable, shape: Shape, dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return an array in C order with arbitrary content.

        In one thread, the same key gives the same memory.

        Raises StoppedError once the run is stopped.
        """
        self.check_going_on()
        size = math.prod(shape) * dtype.itemsize
        place = (threading.get_ident(), key)
        kept = self._kept.get(place)
        if kept is None or kept.size < size:
            self._kept.pop(place, None)
            kept = self._kept[place] = np.empty(size, np.uint8)
        return kept[:size].view(dtype).reshape(shape)

    def check_going_on(self) -> None:
        """Raise StoppedError once the run is stopped."""
        if self._stopped:
            raise StoppedError("the run was stopped while this block was under way")

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
        """Wait at most `seconds` until no block is under way in this process.

        Returns whether that is so.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, seconds)

    def stop(self) -> None:
        """Make blocks that are under way end at their next chunk."""
        self._stopped = True

    def is_stopped(self) -> bool:
        """Return whether blocks that are under way must end."""
        return self._stopped

    def release(self) -> None:
        """Release the memory of every thread; arrays in use remain valid."""
        self._kept.clear()

    def __reduce__(self) -> tuple[Callable[[str], Buffers], tuple[str]]:
        return find_buffers, (self.key,)


# The buffers of all passes of which this process runs blocks, kept as long as a task has them.
_live: WeakValueDictionary[str, Buffers] = WeakValueDictionary()
# The latest pass of another process, kept until the next begins: there may be no task between two of its blocks.
_latest: list[Buffers] = []
# Keys of passes that have ended, the oldest first.
_ended: OrderedDict[str, None] = OrderedDict()
_changing = threading.Lock()


def find_buffers(key: str) -> Buffers:
    """Return the buffers of a pass in this process."""
    with _changing:
        found = _live.get(key)
        if found is None:
            found = _live[key] = Buffers(key=key)
        if key in _ended:
            found.stop()
        else:
            _latest[:] = [found]
        return found


def end_buffers(key: str) -> Buffers | None:
    """Make the blocks of a pass end at their next chunk, and forget its memory.

    Returns
    -------
    Buffers
        The buffers of the pass in this process; None if no block has them.
    """
    with _changing:
        _ended[key] = None
        if len(_ended) > MAX_ENDED:
            _ended.popitem(last=False)
        found = _live.get(key)
        if found is not None:
            found.stop()
        if found in _latest:
            _latest.clear()
        return found
