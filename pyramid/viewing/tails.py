"""Indexes of shards that are kept for a while."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from pyramid.stores.objects import RangeReader

# Indexes that are kept for a level, and the largest that is: together at most 16 MiB.
MAX_KEPT, MAX_TAIL_BYTES = 256, 2**16
# Time after which an index is read again, since the store may be written while it is seen.
LASTS_S = 10.0


class KeptTails:
    """A reader of parts of objects that keeps the ends of those read last.

    Parameters
    ----------
    parts
        The reader of the objects.
    """

    def __init__(self, parts: RangeReader) -> None:
        self._parts = parts
        self._kept: OrderedDict[tuple[str, int], tuple[float, bytes | None]] = OrderedDict()
        self._changing = threading.Lock()

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to `stop`, as `RangeReader.get_range` does."""
        return self._parts.get_range(key, start, stop)

    def get_tail(self, key: str, size: int) -> bytes | None:
        """Return the last bytes of an object; they may be 10 s old."""
        now_s = time.monotonic()
        with self._changing:
            read_s, known = self._kept.get((key, size), (-LASTS_S, None))
        if now_s - read_s < LASTS_S:
            return known
        tail = self._parts.get_tail(key, size)
        if size <= MAX_TAIL_BYTES:
            with self._changing:
                self._kept[key, size] = (now_s, tail)
                self._kept.move_to_end((key, size))
                while len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
        return tail
