"""Writing beside encoding: what a thread has encoded goes to the store while it encodes the next.

A block of the plan has one outbox: a ring of memory, bounded by the plan, whose bytes are free again once they are
written. It ends with its block, so that a receipt is given for what is stored and for nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from pyramid.disk import ALIGN_BYTES
from pyramid.stores import giving_up_when

if TYPE_CHECKING:
    from types import TracebackType

    from pyramid.block import Buffers

# Takes bytes that are ready, or None where they are not to be written since the block has failed.
Job: TypeAlias = Callable[[memoryview | None], None]


class Body(Protocol):
    """An object while it is made."""

    def room(self, size: int) -> memoryview:
        """Memory for the next `size` bytes, valid until the next call."""
        ...

    def keep(self, size: int) -> None:
        """Make the first `size` bytes of the room given last the object's next."""
        ...

    def pause(self) -> None:
        """Leave the outbox to other objects until the next call."""
        ...

    def finish(self) -> None:
        """Send it on its way: it has all its bytes. One without any is not written."""
        ...

    def abandon(self) -> None:
        """Leave nothing of it behind."""
        ...


class Outbox:
    """The bytes of one block that are being written.

    Parameters
    ----------
    buffers
        Where the memory comes from.
    capacity_bytes
        How much of it.
    lanes
        How many writes are under way at once; with one, they happen in the order in which they were sent.

    Notes
    -----
    Used by one thread, as a context: its end waits for every write, and raises what one of them has raised.
    """

    def __init__(self, buffers: Buffers, capacity_bytes: int, lanes: int) -> None:
        self.buffers = buffers
        self.capacity_bytes = align(capacity_bytes)
        memory = buffers.take("outbox", (self.capacity_bytes + ALIGN_BYTES,), np.dtype(np.uint8))
        first = -memory.ctypes.data % ALIGN_BYTES
        self._memory = memory[first : first + self.capacity_bytes].data
        self._head = 0
        self._sent: deque[tuple[int, int, Future[None]]] = deque()
        self._failed = False
        self._threads = ThreadPoolExecutor(lanes, thread_name_prefix="pyramid-write")

    def room(self, size: int) -> memoryview:
        """Memory for `size` bytes at an aligned address, valid until the next call; waits until some is free."""
        if self._head + size > self.capacity_bytes:
            self._head = 0
        start, stop = self._head, self._head + size
        while any(a < stop and b > start for a, b, _ in self._sent):
            self._sent.popleft()[2].result()
        return self._memory[start:stop]

    def send(self, size: int, job: Job) -> None:
        """Have `job` take the first `size` bytes of the room given last, in another thread."""
        start, stop = self._head, self._head + size
        future = self._threads.submit(copy_context().run, self._do, job, self._memory[start:stop])
        self._sent.append((start, stop, future))
        self._head = align(stop)

    def _do(self, job: Job, body: memoryview) -> None:
        try:
            with giving_up_when(self._is_over):
                job(None if self._failed else body)
        except BaseException:
            if self._failed:
                return  # what failed first is raised, and this may have failed because of it
            self._failed = True
            raise

    def _is_over(self) -> bool:
        return self._failed or self.buffers.is_stopped()

    def __enter__(self) -> Outbox:
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
