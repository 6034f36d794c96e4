"""The record of one block: that it is done, and what was seen of it. Small, frozen, and never a pixel."""

from __future__ import annotations

from dataclasses import dataclass

from pyramid.errors import Failure
from pyramid.writing.extremes import Extremes


@dataclass(frozen=True, slots=True)
class Receipt:
    """One block of one pass, done or failed for good.

    Parameters
    ----------
    block
        Index of the block in its pass, in C order of the grid.
    source_bytes
        How many bytes of pixels it read.
    extremes
        By channel index, what level 0 holds in this block; empty in later passes.
    failure
        Why the block cannot be done, where no repetition would mend it.
    attempts
        How often it was tried, the last time included.
    requests_again
        How many requests to stores were made again for it.
    """

    block: int
    source_bytes: int
    extremes: tuple[tuple[int, Extremes], ...] = ()
    failure: Failure | None = None
    attempts: int = 1
    requests_again: int = 0
