"""Which bytes to ask a server for: what a read needs, in the order in which it needs it, in few requests.

A request costs a journey there and back whatever it asks for, so that bytes nobody needs are cheaper than another
request as long as they are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

REQUEST_BYTES = 1 << 22  # bytes flow for as long as a journey takes, and a failure repeats little
GAP_BYTES = 1 << 17  # they come in less time than another answer


class Span(NamedTuple):
    """Bytes of a file from `start` up to `stop`."""

    start: int
    stop: int


def requests(spans: Iterable[Span]) -> Iterator[Span]:
    """Join and cut what is needed into what is asked for.

    Parameters
    ----------
    spans
        What is needed, in the order of reading; looked at no further ahead than the next request.

    Yields
    ------
    Span
        At most `REQUEST_BYTES` long. A span that starts at or little behind the one before is joined to it; each span
        lies in one request, or is cut where it is longer than that.

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
