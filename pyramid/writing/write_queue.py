"""Write encoded bytes in other threads while one thread encodes the next.

Each block has one queue: a ring of memory whose size the plan bounds. Its bytes are free again once they are written.
A queue ends with its block, so that a receipt is given only for blocks that are stored.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from pyramid.concurrency.cancelling import cancel_when
from pyramid.planning.encoding import ALIGN_BYTES
from pyramid.writing.errors import wrap_errors

if TYPE_CHECKING:
    from types import TracebackType

    from pyramid.block import Buffers

# Writes the bytes that it is given. It is given None if the block has failed, so that nothing is to be written.
WriteJob: TypeAlias = Callable[[memoryview | None], None]


class ObjectInProgress(Protocol):
    """An object whose bytes are added piece by piece."""

    def reserve(self, size: int) -> memoryview:
        """Return memory for the next `size` bytes, valid until the next call."""
        ...

    def advance(self, size: int) -> None:
        """Add the first `size` bytes of the memory reserved last to the object."""
        ...

    def suspend(self) -> None:
        """Release the queue to other objects until the next call."""
        ...

    def flush(self) -> None:
        """Send the object, which has all its bytes.

        An object without any bytes is not written.
        """
        ...

    def discard(self) -> None:
        """Remove everything that was written of the object."""
        ...


class WriteQueue:
    """The bytes of one block on their way to the store.

    Parameters
    ----------
    url
        URL of the target, for errors.
    buffers
        Source of the memory.
    capacity_bytes
        Size of the memory.
    max_concurrent_writes
        Number of writes at once. If it is 1, writes happen in the order in which they were sent.

    Notes
    -----
    One thread uses it, as a context manager. Its end waits for every write, and raises the
    TargetError of one that failed.

    Attributes
    ----------
    encoder_wait_s, end_wait_s
        Seconds that the thread waited for writes: for memory, and at the end.
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
        self._write_s: list[float] = []  # appended to from many threads, which is safe
        self.encoder_wait_s = self.end_wait_s = 0.0
        self._threads = ThreadPoolExecutor(max_concurrent_writes, thread_name_prefix="pyramid-write")

    def reserve(self, size: int) -> memoryview:
        """Return memory for `size` bytes at an aligned address, once it is free.

        The memory is valid until the next call.
        """
        if self._head + size > self.capacity_bytes:
            self._head = 0
        start, stop = self._head, self._head + size
        while any(a < stop and b > start for a, b, _ in self._sent):
            began_s = time.perf_counter()
            self._sent.popleft()[2].result()
            self.encoder_wait_s += time.perf_counter() - began_s
        return self._memory[start:stop]

    def send(self, size: int, job: WriteJob, key: str) -> None:
        """Run `job` on the first bytes of the memory reserved last, in another thread.

        Parameters
        ----------
        size
            Number of bytes, which may be 0.
        job
            Writes the bytes.
        key
            Key of the object that the bytes belong to, for errors.
        """
        start, stop = self._head, self._head + size
        future = self._threads.submit(copy_context().run, self._do, job, self._memory[start:stop], key)
        self._sent.append((start, stop, future))
        self._head = align(stop)

    def _do(self, job: WriteJob, body: memoryview, key: str) -> None:
        began_s = time.perf_counter()
        try:
            with cancel_when(self._is_over), wrap_errors(self._url, f"object {key}"):
                job(None if self._failed else body)
            self._write_s.append(time.perf_counter() - began_s)
        except BaseException:
            if self._failed:
                return  # only the first failure is raised, which may have caused this one
            self._failed = True
            raise

    @property
    def write_s(self) -> float:
        """Seconds of all writes that have ended, summed over threads."""
        return sum(self._write_s)

    def _is_over(self) -> bool:
        return self._failed or self.buffers.is_stopped()

    def __enter__(self) -> WriteQueue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._failed = self._failed or error is not None
        began_s = time.perf_counter()
        self._threads.shutdown(wait=True)
        self.end_wait_s = time.perf_counter() - began_s
        if error is None:
            for _, _, future in self._sent:
                future.result()


def align(size: int) -> int:
    """Round a size up to a multiple of `ALIGN_BYTES`.

    Examples
    --------
    >>> align(4097)
    8192
    """
    return -(-size // ALIGN_BYTES) * ALIGN_BYTES
