"""The record of one block, done or failed. It is small and holds no pixels."""

from __future__ import annotations

from dataclasses import dataclass

from pyramid.engine.failure import Failure
from pyramid.engine.stages import StageTimes
from pyramid.engine.timeline import Span
from pyramid.manifests.entry import Entry
from pyramid.writing.block_writer import StoredCount
from pyramid.writing.extremes import Extremes


@dataclass(frozen=True, slots=True)
class Receipt:
    """The record of one block of one pass, done or finally failed.

    Parameters
    ----------
    block
        Index of the block in its pass, in C order of the grid.
    source_bytes
        Size in bytes of the pixels that were read.
    extremes
        The least and the greatest value of level 0 in this block, by channel index; empty in passes that do not have
        its pixels.
    failure
        Why the block cannot be done; None if it is done.
    attempts
        Number of times that the block was tried, the last one included.
    requests_again
        Number of requests to stores that were repeated for this block.
    times
        Seconds of each stage of the last attempt.
    stored
        Number and size in bytes of the objects that were written, by level.
    entries
        Their keys, sizes and digests; empty unless the run has a manifest.
    span
        When and where it was done, with all attempts; None if it is not known.
    """

    block: int
    source_bytes: int
    extremes: tuple[tuple[int, Extremes], ...] = ()
    failure: Failure | None = None
    attempts: int = 1
    requests_again: int = 0
    times: StageTimes | None = None
    stored: tuple[tuple[int, StoredCount], ...] = ()
    entries: tuple[Entry, ...] = ()
    span: Span | None = None
