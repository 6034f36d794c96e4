"""Progress of `pack` and of `unpack`, as their callback receives it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pyramid.feedback.progress import Snapshot, format_bytes, format_part

# Seconds between two calls of the callback at the least: pieces of small objects come by the thousand.
REPORT_S = 0.1


@dataclass(frozen=True, slots=True)
class PackProgress:
    """The progress of `pack` or `unpack`.

    Parameters
    ----------
    done_bytes, total_bytes
        Bytes of objects that were copied, and of all.
    seconds
        Time since the copying began.
    is_total_final
        False where the store does not say the size of every object.
    """

    done_bytes: int
    total_bytes: int
    seconds: float
    is_total_final: bool = True

    def snapshot(self) -> Snapshot:
        """Return the progress as displays show it."""
        done, total = self.done_bytes, self.total_bytes
        amount = format_part(done, total) if self.is_total_final else format_bytes(done)
        return Snapshot(done, total, amount, done, self.seconds, is_total_final=self.is_total_final)


@dataclass
class PackTally:
    """Bytes that were copied so far, counted by any thread.

    Parameters
    ----------
    progress
        The progress callback, if any.
    sizes
        The size of each object; -1 where it is not known.
    """

    progress: Callable[[PackProgress], object] | None
    sizes: Sequence[int]
    done_bytes: int = 0
    started_s: float = field(default_factory=time.perf_counter)
    _reported_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._total_bytes = sum(max(size, 0) for size in self.sizes)
        self._is_total_final = min(self.sizes, default=0) >= 0

    def add(self, size: int) -> None:
        """Count bytes that were copied, or take back what is copied again."""
        with self._lock:
            self.done_bytes += size
            now_s = time.perf_counter()
            if self.done_bytes == self._total_bytes or now_s - self._reported_s >= REPORT_S:
                self._reported_s = now_s
                self._report(now_s)

    def restart(self) -> None:
        """Begin to count anew, as all objects are copied again."""
        with self._lock:
            self.done_bytes = 0

    def _report(self, now_s: float) -> None:
        if self.progress is not None:
            counts = (self.done_bytes, self._total_bytes, now_s - self.started_s)
            self.progress(PackProgress(*counts, self._is_total_final))
