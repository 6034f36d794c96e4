"""Progress of a manifest, as its callback receives it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pyramid.feedback.progress import DisplayCallback, Snapshot
from pyramid.manifests.entry import Entry
from pyramid.tables import format_count

# Objects for each call of the callback while keys are listed, and while objects are read: both come by the thousand.
REPORT_EVERY = 1000
# Seconds between two calls at most, for objects that take long.
REPORT_S = 0.1


@dataclass(frozen=True, slots=True)
class ManifestProgress:
    """The progress of a manifest.

    Parameters
    ----------
    done_objects, total_objects
        Objects that were read, and all that were found so far.
    done_bytes
        Their bytes.
    seconds
        Time since the work began.
    is_total_final
        False while keys are still listed.
    """

    done_objects: int
    total_objects: int
    done_bytes: int
    seconds: float
    is_total_final: bool = True

    def snapshot(self) -> Snapshot:
        """Return the progress as displays show it."""
        total = format_count(self.total_objects, "object")
        amount = f"{self.done_objects} of {total}" if self.is_total_final else f"{total} found so far"
        return Snapshot(
            self.done_objects,
            self.total_objects,
            amount,
            self.done_bytes,
            self.seconds,
            is_total_final=self.is_total_final,
        )


@dataclass
class ManifestTally:
    """Counts of a manifest so far."""

    progress: Callable[[ManifestProgress], object] | None
    started_s: float = field(default_factory=time.perf_counter)
    found: int = 0
    read: int = 0
    objects: int = 0
    bytes: int = 0
    is_total_final: bool = False
    _reported_s: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds since the work began."""
        return time.perf_counter() - self.started_s

    def finding(self, keys: Iterable[str]) -> Iterator[str]:
        """Count keys that are found."""
        for key in keys:
            self.found += 1
            if self.found % REPORT_EVERY == 0:
                self._report()
            yield key
        self.is_total_final = True
        if isinstance(self.progress, DisplayCallback):
            self._report()  # so that the total is shown from the start

    def reading(self, entries: Iterable[Entry | None]) -> Iterator[Entry]:
        """Count objects that are read, and leave out those that are missing."""
        for entry in entries:
            self.read += 1
            if entry is not None:
                self.objects += 1
                self.bytes += entry.size or 0
            if self.read % REPORT_EVERY == 0 or time.perf_counter() - self._reported_s >= REPORT_S:
                self._report()
            if entry is not None:
                yield entry
        self._report()

    def _report(self) -> None:
        self._reported_s = time.perf_counter()
        if self.progress is not None:
            counts = (self.read, self.found, self.bytes, self.seconds)
            self.progress(ManifestProgress(*counts, self.is_total_final))
