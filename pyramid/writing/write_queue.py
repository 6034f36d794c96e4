"""Write encoded bytes in other threads while a thread encodes the next.

Each block has one queue: a ring of memory, bounded by the plan, whose bytes are free again once they are written. It
ends with its block, so that a receipt is given only for what is stored.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from pyramid.concurrency.cancelling import cancel_when
from pyramid.writing.direct_io import ALIGN_BYTES
from pyramid.writing.errors import wrap_errors

if TYPE_CHECKING:
    from types import TracebackType

    from pyramid.block import Buffers

# Takes bytes that are ready, or None where they are not to be written since the block has failed.
WriteJob: TypeAlias = Callable[[memoryview | None], None]


class ObjectInProgress(Protocol):
    """An object whose bytes come one piece after the other."""

    def reserve(self, size: int) -> memoryview:
        """Return memory for the next `size` bytes, valid until the next call."""
        ...

    def advance(self, size: int) -> None:
        """Make the first `size` bytes of the memory reserved last the object's next."""
        ...

    def suspend(self) -> None:
        """Leave the queue to other objects until the next call."""
        ...

    def flush(self) -> None:
        """Send the object on its way: it has all its bytes. One without any is not written."""
        ...

    def discard(self) -> None:
        """Remove whatever was written of the object."""
        ...


class WriteQueue:
    """The bytes of one block on their way to the store.

    Parameters
    ----------
    url
        The target, for errors.
    buffers
        Where the memory comes from.
    capacity_bytes
        How much of it.
    max_concurrent_writes
        Writes at once; with one, they happen in the order in which they were sent.

    Notes
    -----
    Used by one thread, as a context: its end waits for every write, and raises the TargetError of one that failed.
    """

    def __init__(self, url: str, buffers: Buffers, capacity_bytes: int, max_concurrent_writes: int) -> None:
        self._url = url
        self.buffers = buffers
        self.capacity_bytes = align(capacity_bytes)
        memory = buffers.take("write queue", (self.capacity_bytes + ALIGN_BYTES,), np.dtype(np.uint8))
        first = -memory.ctypes.data % ALIGN_BYTES
        self._memory = memory[first : first + self.capacity_bytes].data
        self._head = 0
        self._sent: deque[tuple[int, int, Future[None]]] = deque()
        self._failed = False
        self._threads = ThreadPoolExecutor(max_concurrent_writes, thread_name_prefix="pyramid-write")

    def reserve(self, size: int) -> memoryview:
        """Return memory for `size` bytes at an aligned address, valid until the next call; wait until it is free."""
        if self._head + size > self.capacity_bytes:
            self._head = 0
        start, stop = self._head, self._head + size
        while any(a < stop and b > start for a, b, _ in self._sent):
            self._sent.popleft()[2].result()
        return self._memory[start:stop]

    def send(self, size: int, job: WriteJob, key: str) -> None:
        """Have `job` take the first `size` bytes of the memory reserved last, in another thread.

        Parameters
        ----------
        size
            Bytes, which may be 0.
        job
            Writes them.
        key
            The object that they belong to, for errors.
        """
        start, stop = self._head, self._head + size
        future = self._threads.submit(copy_context().run, self._do, job, self._memory[start:stop], key)
        self._sent.append((start, stop, future))
        self._head = align(stop)

    def _do(self, job: WriteJob, body: memoryview, key: str) -> None:
        try:
            with cancel_when(self._is_over), wrap_errors(self._url, f"object {key}"):
                job(None if self._failed else body)
        except BaseException:
            if self._failed:
                return  # what failed first is raised, and this may have failed because of it
            self._failed = True
            raise

    def _is_over(self) -> bool:
        return self._failed or self.buffers.is_stopped()

    def __enter__(self) -> WriteQueue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._failed = self._failed or error is not None
        self._threads.shutdown(wait=True)
        if error is None:
            for _, _, future in self._sent:
                future.result()


def align(size: int) -> int:
    """The next multiple of what disks take.

    Examples
    --------
    >>> align(4097)
    8192
    """
    return -(-size // ALIGN_BYTES) * ALIGN_BYTES
