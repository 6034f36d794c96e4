"""The progress of a verification."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pyramid.feedback.progress import Snapshot, format_part
from pyramid.model import Shape
from pyramid.tables import format_count


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """The progress of a verification, as given to the progress callback.

    Parameters
    ----------
    done_bytes, total_bytes
        Bytes of pixels that were checked, and all. The total grows with each image of a collection.
    doubtful
        Objects that cannot be read or do not fit, so far. Which of them are wrong is judged at the end.
    seconds
        Time since it began.
    is_total_final
        False while further images are to come.
    """

    done_bytes: int
    total_bytes: int
    doubtful: int
    seconds: float
    is_total_final: bool = True

    def snapshot(self) -> Snapshot:
        """Return the progress as displays show it."""
        amount = format_part(self.done_bytes, self.total_bytes)
        if self.doubtful:
            amount += f", {format_count(self.doubtful, 'object')} in doubt"
        done, total = self.done_bytes, self.total_bytes
        return Snapshot(done, total, amount, done, self.seconds, is_total_final=self.is_total_final)


@dataclass
class VerifyTally:
    """The counts of a verification so far.

    Parameters
    ----------
    progress
        The progress callback, if any.
    done_bytes, total_bytes, is_total_final
        As in `VerifyProgress`.
    doubtful
        The objects in doubt: path of the image, number of the level, and index.
    """

    progress: Callable[[VerifyProgress], object] | None
    done_bytes: int = 0
    total_bytes: int = 0
    doubtful: set[tuple[str, int, Shape]] = field(default_factory=set)
    is_total_final: bool = False
    started_s: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Time since it began."""
        return time.perf_counter() - self.started_s

    def report(self) -> None:
        """Call the progress callback."""
        if self.progress is not None and self.total_bytes:
            counts = self.done_bytes, self.total_bytes, len(self.doubtful)
            self.progress(VerifyProgress(*counts, self.seconds, self.is_total_final))
