"""A pool of threads that does not delay the end of an interrupted process.

A request may be repeated for minutes, so the process must be able to end without waiting for it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from types import TracebackType
from typing import Any, TypeVar

from pyramid.concurrency.cancelling import cancel_when
from pyramid.concurrency.signals import leave_signals

T = TypeVar("T")

# The longest wait for the threads of a pool. An interrupted command has two pools, and must end within two seconds.
PATIENCE_S = 0.6


class Pool:
    """Threads that run calls until its ``with`` block ends.

    Calls that have not begun by then never do.

    Parameters
    ----------
    workers
        The number of threads.

    Examples
    --------
    >>> with Pool(2) as pool:
    ...     pool.submit(pow, 2, 10).result()
    1024
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        self.stopped = False

    def __enter__(self) -> Pool:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stopped = True
        for _ in self._threads:
            self._calls.put(None)
        until_s = time.monotonic() + PATIENCE_S
        for thread in self._threads:
            thread.join(max(until_s - time.monotonic(), 0))

    def submit(self, function: Callable[..., T], *arguments: Any) -> Future[T]:
        """Call a function in one of the threads, in a copy of the caller's context."""
        future: Future[T] = Future()
        context = copy_context()

        def call() -> None:
            try:
                future.set_result(context.run(self._do, function, *arguments))
            except BaseException as error:  # it is raised when the result is read
                future.set_exception(error)

        self._calls.put(call)
        return future

    def _do(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function whose requests are cancelled when the pool ends."""
        with cancel_when(lambda: self.stopped):
            return function(*arguments)

    def _work(self) -> None:
        leave_signals()
        while (call := self._calls.get()) is not None:
            if not self.stopped:
                call()
