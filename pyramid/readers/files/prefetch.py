"""Bytes of a remote file that are requested before they are read.

A read announces the bytes that it will need. Several requests are in flight at once, so that their round trips overlap.
An answer is held until the read has passed it: at most `FLIGHT_BYTES` and one request are in memory.
"""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Self, TypeVar

from pyramid.readers.files.byte_ranges import Fetch, Span, requests

R = TypeVar("R")

# The most that a reading thread has in flight: four of the longest requests.
FLIGHT_BYTES = 1 << 24
# The most requests that a reading thread has in flight; it counts if all are small.
FLIGHT_REQUESTS = 16
# Threads of a process that fetch, for all that read: they wait for answers and take almost no processor time.
THREADS = 32


@functools.cache
def _threads(process: int) -> ThreadPoolExecutor:
    """Return the threads that fetch in a process.

    The process is an argument so that a fork does not use the threads of its parent, which it does not have.
    """
    return ThreadPoolExecutor(THREADS, thread_name_prefix=f"fetch-{process}")


def submit(call: Callable[..., R], *arguments: object) -> Future[R]:
    """Call a function in a thread that fetches, in a copy of the caller's context."""
    return _threads(os.getpid()).submit(copy_context().run, call, *arguments)


def fetch_all(fetch: Fetch, spans: Sequence[Span]) -> list[bytes]:
    """Fetch several spans at once, or raise the first error."""
    if len(spans) == 1:
        return [fetch(spans[0])]
    futures = [submit(fetch, span) for span in spans]
    try:
        return [future.result() for future in futures]
    finally:
        for future in futures:
            future.cancel()


class PrefetchedFile:
    """A file whose bytes in `spans` are fetched ahead.

    Parameters
    ----------
    fetch, size_bytes
        How its bytes are fetched, and its size.
    spans
        The bytes that will be read, in that order. Other bytes are fetched when they are read.

    Examples
    --------
    >>> data = bytes(range(100))
    >>> with PrefetchedFile(lambda span: data[span.start : span.stop], 100, [Span(10, 20), Span(50, 60)]) as file:
    ...     buffer = bytearray(4)
    ...     file.seek(50), file.readinto(buffer), buffer.hex()
    (50, 4, '32333435')
    """

    def __init__(self, fetch: Fetch, size_bytes: int, spans: Iterable[Span]) -> None:
        self._fetch = fetch
        self._size_bytes = size_bytes
        # a damaged file may claim bytes past its end, which no server has
        self._coming: Iterator[Span] = requests(Span(a, min(b, size_bytes)) for a, b in spans)
        self._next: Span | None = next(self._coming, None)
        self._flying: deque[tuple[Span, Future[bytes]]] = deque()
        self._flying_bytes = 0
        self._span, self._held = Span(0, 0), b""
        self._position = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for _, future in self._flying:
            future.cancel()
        self._flying.clear()
        self._held = b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a byte, counted from the start or (``os.SEEK_END``) the end of the file."""
        self._position = offset + (self._size_bytes if whence == os.SEEK_END else 0)
        return self._position

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401  (whatever has a buffer)
        """Fill as much of `buffer` as one answer holds; 0 at the end of the file."""
        view = memoryview(buffer).cast("B")
        wanted = Span(self._position, min(self._position + len(view), self._size_bytes))
        if wanted.stop <= wanted.start:
            return 0
        if not self._span.start <= wanted.start < self._span.stop:
            self._turn_to(wanted)
        begin = wanted.start - self._span.start
        count = min(wanted.stop, self._span.stop) - wanted.start
        view[:count] = memoryview(self._held)[begin : begin + count]
        self._position += count
        return count

    def _turn_to(self, wanted: Span) -> None:
        """Wait for the answer that contains the first wanted byte, and hold it."""
        self._span, self._held = Span(0, 0), b""
        self._ask()
        passed = next((i for i, (span, _) in enumerate(self._flying) if wanted.start in range(*span)), None)
        if passed is None:
            span = next(requests([wanted]))
            self._span, self._held = span, self._fetch(span)
            return
        for _ in range(passed):
            self._land()[1].cancel()
        span, future = self._land()
        self._ask()
        self._span, self._held = span, future.result()

    def _land(self) -> tuple[Span, Future[bytes]]:
        """Remove the oldest request from those in flight, and return it."""
        span, future = self._flying.popleft()
        self._flying_bytes -= span.stop - span.start
        return span, future

    def _ask(self) -> None:
        """Send requests until as many are in flight as may be."""
        while (span := self._next) is not None:
            size_bytes = span.stop - span.start
            full = len(self._flying) >= FLIGHT_REQUESTS or self._flying_bytes + size_bytes > FLIGHT_BYTES
            if self._flying and full:
                return
            self._flying.append((span, submit(self._fetch, span)))
            self._flying_bytes += size_bytes
            self._next = next(self._coming, None)
