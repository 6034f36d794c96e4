"""The task for one block: read it, compute its part of each level, write them."""

from __future__ import annotations

import errno
import functools
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.block import Build, Read
from pyramid.concurrency.buffers import Buffers
from pyramid.concurrency.cancelling import cancel_when
from pyramid.engine.failure import Failure
from pyramid.engine.receipt import Receipt
from pyramid.engine.stages import BlockClock
from pyramid.engine.timeline import measure_span
from pyramid.errors import (
    PyramidError,
    SourceError,
    StoppedError,
    StorageError,
    TargetError,
    explaining,
)
from pyramid.model import Box, Source
from pyramid.planning import Pass, Plan
from pyramid.reduce import leave_out, load_method
from pyramid.stores import counting_retries
from pyramid.writing.extremes import Extremes, join, measure
from pyramid.writing.target import Target

# Attempts at a block. With the pauses between them they outlast troubles of 1.4 s, as of a network disk that
# reconnects. Stores repeat their requests for longer themselves.
ATTEMPTS = 4
# Pause after the first attempt, in seconds; each further pause is twice as long. A round number between a request's
# round trip (a repeated block must not meet the same trouble) and the time that most blocks take.
FIRST_PAUSE_S = 0.2

# Errors of the system that repeating a block cannot fix: permissions, a full disk, a path that cannot exist.
_FINAL = frozenset(
    {
        *(errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EISDIR, errno.ENAMETOOLONG),
        *(errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS),
    }
)


@dataclass(frozen=True, slots=True)
class BlockTask:
    """The work on each block of one pass. It pickles small and may be repeated.

    Parameters
    ----------
    plan, pass_
        The plan, and one pass of it.
    target
        Where the levels are written.
    source
        The image that the first pass reads. None if a Dask array hands over the pixels, and in later passes, which
        read from the target.
    buffers
        The memory for the pixels.
    """

    plan: Plan
    pass_: Pass
    target: Target
    source: Source | None
    buffers: Buffers

    def __call__(self, index: int, pixels: NDArray[Any] | None = None) -> Receipt:
        """Do block `index`.

        Raises
        ------
        PyramidError
            For every kind of failure.
        """
        box = self.pass_.box(index)
        dtype = np.dtype(self.plan.spec.dtype)
        method = leave_out(load_method(self.plan.method), self.plan.nodata)
        build = Build(self.plan.levels, self.pass_, dtype, method, self.buffers)
        extremes: dict[int, Extremes] = {}
        with (
            explaining(StoppedError, f"levels {self.pass_.first} to {self.pass_.last}: a block failed"),
            self.buffers.under_way(),
            cancel_when(self.buffers.is_stopped),
            self.target.write_block(self.buffers, self.pass_.queue_bytes) as writer,
            self.buffers.working,
        ):
            clock = BlockClock()
            read = self._reader(box, pixels)
            if self.pass_.source == 0 and self.plan.keeps_base:
                read = self._measuring(read, extremes)
            for part in build.parts(box, clock.reading(read)):
                if part.level == 0:
                    self._measure(part.pixels, part.box, extremes)
                with clock.adding():
                    writer.add(part)
            clock.stop()
        times, stored = clock.times(writer), tuple(writer.stored.items())
        seen, entries = tuple(extremes.items()), tuple(writer.entries)
        return Receipt(index, box.size_px * dtype.itemsize, seen, times=times, stored=stored, entries=entries)

    def _measure(self, pixels: NDArray[Any], box: Box, extremes: dict[int, Extremes]) -> None:
        """Add the least and the greatest value of pixels of level 0."""
        join(extremes, measure(pixels, box, self.plan.spec.axes, self.plan.nodata))

    def _measuring(self, read: Read, extremes: dict[int, Extremes]) -> Read:
        """Return `read` for a level 0 that is kept, which is measured as it is read."""

        def measured(slab: Box, out: NDArray[Any]) -> None:
            read(slab, out)
            self._measure(out, slab, extremes)

        return measured

    def _reader(self, box: Box, pixels: NDArray[Any] | None) -> Read:
        """Return a function that reads a slab of the block at `box` into an array."""
        if self.pass_.source is not None:
            return functools.partial(self.target.read, self.pass_.source)
        if pixels is None:
            return self._read

        def copy(slab: Box, out: NDArray[Any]) -> None:
            start = tuple(a - b for a, b in zip(slab.start, box.start, strict=True))
            out[...] = pixels[Box(start, slab.shape).slices]

        return copy

    def _read(self, slab: Box, out: NDArray[Any]) -> None:
        """Read a slab of the source.

        A reader plug-in may raise any exception, which is raised again as SourceError.
        """
        assert self.source is not None  # a task without pixels has a source
        with explaining(SourceError, f"the source cannot be read at {slab.start}"):
            self.source.read(slab, out)


def do_block(index: int, task: BlockTask, pixels: NDArray[Any] | None = None) -> Receipt:
    """Do a block, and repeat it after a pause if that may help.

    Parameters
    ----------
    index, task
        Index of the block, and the work on it.
    pixels
        The block's pixels, if a Dask array hands them over.

    Returns
    -------
    Receipt
        It holds the failure if every attempt failed. The error is not raised, since it might not pickle.
    """
    began_s = time.time()
    for attempt in range(1, ATTEMPTS + 1):
        with counting_retries() as again:
            receipt, may_help = _try(index, task, pixels)
        receipt = replace(receipt, attempts=attempt, requests_again=again.count)
        if not may_help or attempt == ATTEMPTS:
            break
        time.sleep(FIRST_PAUSE_S * 2 ** (attempt - 1))
    return replace(receipt, span=measure_span(began_s))


def _try(index: int, task: BlockTask, pixels: NDArray[Any] | None) -> tuple[Receipt, bool]:
    """Do a block once, and return its receipt and whether a retry may help."""
    try:
        return task(index, pixels), False
    except PyramidError as error:
        return Receipt(index, 0, failure=Failure(error)), may_pass(error)


def may_pass(error: PyramidError) -> bool:
    """Return whether a block that failed with `error` may succeed when it is repeated.

    Errors of the system or of a store may pass. Errors in the source's data do not.
    """
    cause = error.__cause__
    if isinstance(cause, StorageError):  # the store has already repeated its requests
        return False
    if isinstance(cause, OSError) and cause.errno in _FINAL:
        return False
    return isinstance(error, TargetError) or isinstance(cause, OSError)
