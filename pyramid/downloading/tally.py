"""The counts of a download, and its progress as callbacks and displays receive it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pyramid.feedback.progress import Snapshot
from pyramid.tables import format_count

# Objects that are there already, for each call of the progress callback: they are found faster than it can show.
REPORT_EVERY = 1000


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """The progress of a download, as given to the progress callback.

    Parameters
    ----------
    done_objects, total_objects
        Chunks or shards and single files: finished, and all. Those of an image are known from the start. Those of a
        plate or a collection are estimated: its metadata says how many images it has, and some of them are counted.
    done_bytes
        Bytes that were fetched.
    missing
        Objects that the source does not have.
    kept
        Objects that were there already.
    seconds
        Time since the download began.
    is_total_final
        False while the total is an estimate: not all images of a plate or a collection are counted yet.
    """

    done_objects: int
    total_objects: int
    done_bytes: int
    missing: int
    kept: int
    seconds: float
    is_total_final: bool = True

    def snapshot(self) -> Snapshot:
        """Return the progress as displays show it."""
        among = "" if self.is_total_final else "about "
        amount = f"{self.done_objects} of {among}{format_count(self.total_objects, 'object')}"
        done_bytes, seconds = self.done_bytes, self.seconds
        return Snapshot(
            self.done_objects, self.total_objects, amount, done_bytes, seconds, is_total_final=self.is_total_final
        )


@dataclass
class DownloadTally:
    """Counts of the objects of a download so far.

    Parameters
    ----------
    progress
        The progress callback, if any.
    started_s
        When the download began.
    objects, bytes, missing, kept
        As in `Download`.
    total
        The objects that were counted so far.
    counted_share
        The share of the images, by the metadata that names them, whose objects were counted: from 0 to 1.
    is_total_final
        Whether all objects were counted.
    """

    progress: Callable[[DownloadProgress], object] | None
    started_s: float = field(default_factory=time.perf_counter)
    objects: int = 0
    total: int = 0
    bytes: int = 0
    missing: int = 0
    kept: int = 0
    counted_share: float = 0.0
    is_total_final: bool = False

    def fetched(self, size: int | None) -> None:
        """Count an object that was asked for."""
        if size is None:
            self.missing += 1
        else:
            self.objects += 1
            self.bytes += size
        self.report()

    def found(self) -> None:
        """Count an object that was there already."""
        self.kept += 1
        if self.kept % REPORT_EVERY == 0:
            self.report()

    def report(self) -> None:
        """Call the progress callback, once there is a total."""
        if self.progress is not None and (self.is_total_final or self.counted_share > 0):
            done = self.objects + self.missing + self.kept
            seconds = time.perf_counter() - self.started_s
            total = self.total if self.is_total_final else round(self.total / min(self.counted_share, 1.0))
            counts = (done, total, self.bytes, self.missing, self.kept)
            self.progress(DownloadProgress(*counts, seconds, self.is_total_final))
