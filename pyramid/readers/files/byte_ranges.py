"""Ranges of bytes to ask a server for, in the order of a read and in few requests.

A request costs a round trip, however little it asks for. So a few bytes that nobody needs are cheaper than another
request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

# The longest request: its bytes take about as long as a round trip, and a retry repeats little.
REQUEST_BYTES = 1 << 22
# The longest gap that is read along with its neighbours: its bytes take less time than another answer.
GAP_BYTES = 1 << 17


class Span(NamedTuple):
    """Bytes of a file from `start` to `stop`, without the last."""

    start: int
    stop: int


# A function that returns all bytes of a span, or raises an error. It is called from several threads at once.
Fetch: TypeAlias = Callable[[Span], bytes]


def requests(spans: Iterable[Span]) -> Iterator[Span]:
    """Join and cut the spans that are needed into requests.

    Parameters
    ----------
    spans
        The bytes that are needed, in the order of reading. They are taken from the iterable one request ahead.

    Yields
    ------
    Span
        A request, at most `REQUEST_BYTES` long. A span that begins in the one before, or at most `GAP_BYTES` after it,
        is joined to it. Each span is in one request, or is cut if it is longer than that.

    Examples
    --------
    >>> list(requests([Span(500, 510), Span(510, 530), Span(531, 540), Span(0, 9), Span(10**6, 10**6 + 5)]))
    [Span(start=500, stop=540), Span(start=0, stop=9), Span(start=1000000, stop=1000005)]
    """
    start = stop = 0
    for span in spans:
        if span.stop <= span.start:
            continue
        end = max(stop, span.stop)
        if stop > start and start <= span.start <= stop + GAP_BYTES and end - start <= REQUEST_BYTES:
            stop = end
            continue
        if stop > start:
            yield Span(start, stop)
        start, stop = span
        while stop - start > REQUEST_BYTES:
            yield Span(start, start + REQUEST_BYTES)
            start += REQUEST_BYTES
    if stop > start:
        yield Span(start, stop)
