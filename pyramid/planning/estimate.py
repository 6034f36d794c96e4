"""An estimate of a planned run: compressed size, and time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyramid.planning.resources import show_bytes


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate of a whole run from a sample of its blocks and chunks.

    Parameters
    ----------
    stored_bytes
        Size of all levels in bytes after compression.
    seconds
        Time of the whole run; None if a sample on this machine does not show it.
    sampled_bytes
        Size in bytes of the part of the source that was read for the sample.
    why_no_time
        Why the time is not known; empty if it is.
    """

    stored_bytes: int
    seconds: float | None
    sampled_bytes: int
    why_no_time: str = ""

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield the estimates as pairs of a name and a value."""
        yield "after compression", f"about {show_bytes(self.stored_bytes)}"
        if self.seconds is None:
            yield "time", f"not estimated: {self.why_no_time}"
        else:
            yield "time", f"{show_seconds(self.seconds)} (from {show_bytes(self.sampled_bytes)} of the source)"


def show_seconds(seconds: float) -> str:
    """Format a duration that is roughly known.

    Examples
    --------
    >>> show_seconds(0.84), show_seconds(95), show_seconds(5400)
    ('about 0.8 s', 'about 95 s', 'about 90 min')
    """
    if seconds < 10:
        return f"about {max(seconds, 0.1):.1f} s"
    if seconds < 120:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 7200 else f"about {seconds / 3600:.1f} h"
