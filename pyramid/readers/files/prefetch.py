"""Bytes of a remote file that are on their way before they are read.

A read tells beforehand what it will need. Several requests are in flight at once, so that their journeys overlap,
and what has come is held until the read is past it: never more than `FLIGHT_BYTES` and one request.
"""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Self

from pyramid.readers.files.byte_ranges import Span, requests

FLIGHT_BYTES = 1 << 24  # for each thread that reads
FLIGHT_REQUESTS = 16  # for each thread that reads: where all are small
THREADS = 32  # for all of them: they wait for answers, and take no core


@functools.cache
def threads(process: int) -> ThreadPoolExecutor:
    """The threads that fetch in a process, which is named so that a fork does not take its parent's for its own."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix=f"fetch-{process}")


class Ahead:
    """A file of which the bytes in `spans` are fetched ahead.

    Parameters
    ----------
    fetch
        Gives the bytes of a span, all of them or an error; called from several threads at once.
    size_bytes
        Of the file.
    spans
        What will be read, in that order. What is read beside it is fetched when it is.

    Examples
    --------
    >>> data = bytes(range(100))
    >>> with Ahead(lambda span: data[span.start : span.stop], 100, [Span(10, 20), Span(50, 60)]) as file:
    ...     buffer = bytearray(4)
    ...     file.seek(50), file.readinto(buffer), buffer.hex()
    (50, 4, '32333435')
    """

    def __init__(self, fetch: Callable[[Span], bytes], size_bytes: int, spans: Iterable[Span]) -> None:
        self._fetch = fetch
        self._size_bytes = size_bytes
        # what a damaged file claims to hold past its end is not asked for
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
        """Go to a byte, counted from the start or (``os.SEEK_END``) the end of the file."""
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
        """Hold the answer that the first wanted byte is in."""
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
        """The request that was sent first, which is in flight no longer."""
        span, future = self._flying.popleft()
        self._flying_bytes -= span.stop - span.start
        return span, future

    def _ask(self) -> None:
        """Send as many requests as may be in flight."""
        while (span := self._next) is not None:
            size_bytes = span.stop - span.start
            full = len(self._flying) >= FLIGHT_REQUESTS or self._flying_bytes + size_bytes > FLIGHT_BYTES
            if self._flying and full:
                return
            self._flying.append((span, threads(os.getpid()).submit(copy_context().run, self._fetch, span)))
            self._flying_bytes += size_bytes
            self._next = next(self._coming, None)
