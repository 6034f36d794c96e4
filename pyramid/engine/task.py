"""One task: read a block, make its part of every level, write each part as soon as it is made."""

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
from pyramid.engine.receipt import Receipt
from pyramid.errors import (
    Failure,
    PyramidError,
    SourceError,
    StoppedError,
    StorageError,
    TargetError,
    explaining,
)
from pyramid.model import Box, Source
from pyramid.planning import Pass, Plan
from pyramid.reduce import load_method
from pyramid.stores import counting_retries
from pyramid.writing.extremes import Extremes, join, measure
from pyramid.writing.target import Target

# How often a block is tried, and the pause after the first time, which doubles.
ATTEMPTS = 4
FIRST_PAUSE_S = 0.1

# What the system says of a target that no repetition mends.
_FINAL = frozenset(
    {
        *(errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EISDIR, errno.ENAMETOOLONG),
        *(errno.ENOSPC, errno.ENOTDIR, errno.EPERM, errno.EROFS),
    }
)


@dataclass(frozen=True, slots=True)
class BlockTask:
    """What is done with each block of one pass; it pickles small and may be repeated at will.

    Parameters
    ----------
    plan, one
        The plan, and the pass of it.
    sink
        Where the levels are written.
    source
        Where the first pass reads; None where a Dask array hands the pixels over, and in later passes, which read
        from the sink.
    buffers
        The memory that it works in.
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
            Whatever went wrong.
        """
        box = self.pass_.box(index)
        dtype = np.dtype(self.plan.spec.dtype)
        build = Build(self.plan.levels, self.pass_, dtype, load_method(self.plan.method), self.buffers)
        extremes: dict[int, Extremes] = {}
        with (
            explaining(StoppedError, f"levels {self.pass_.first} to {self.pass_.last}: a block failed"),
            self.buffers.under_way(),
            cancel_when(self.buffers.is_stopped),
            self.target.write_block(self.buffers) as writer,
            self.buffers.working,
        ):
            for part in build.parts(box, self._reader(box, pixels)):
                if part.level == 0:
                    join(extremes, measure(part.pixels, part.box, self.plan.spec.axes))
                writer.add(part)
        return Receipt(index, box.size_px * dtype.itemsize, tuple(extremes.items()))

    def _reader(self, box: Box, handed: NDArray[Any] | None) -> Read:
        """What fills an array with the pixels of a slab of the block at `box`."""
        if self.pass_.source is not None:
            return functools.partial(self.target.read, self.pass_.source)
        if handed is None:
            return self._read

        def copy(slab: Box, out: NDArray[Any]) -> None:
            start = tuple(a - b for a, b in zip(slab.start, box.start, strict=True))
            out[...] = handed[Box(start, slab.shape).slices]

        return copy

    def _read(self, slab: Box, out: NDArray[Any]) -> None:
        """Read a slab of the source, whose plug-in may raise anything."""
        assert self.source is not None  # which a task without pixels has
        with explaining(SourceError, f"the source cannot be read at {slab.start}"):
            self.source.read(slab, out)


def do_block(index: int, task: BlockTask, pixels: NDArray[Any] | None = None) -> Receipt:
    """Do a block, and do it again after a pause where that may help.

    Parameters
    ----------
    index, task
        The block, and what is done with it.
    pixels
        The block's pixels, where a Dask array hands them over.

    Returns
    -------
    Receipt
        With the failure, where it failed each time: what a worker raised might not pickle.
    """
    for attempt in range(1, ATTEMPTS + 1):
        with counting_retries() as again:
            receipt, may_help = _try(index, task, pixels)
        receipt = replace(receipt, attempts=attempt, requests_again=again.count)
        if not may_help or attempt == ATTEMPTS:
            break
        time.sleep(FIRST_PAUSE_S * 2**attempt)
    return receipt


def _try(index: int, task: BlockTask, pixels: NDArray[Any] | None) -> tuple[Receipt, bool]:
    """Do a block once; return its receipt, and whether doing it again may help."""
    try:
        return task(index, pixels), False
    except PyramidError as error:
        return Receipt(index, 0, failure=Failure(error)), may_mend(error)


def may_mend(error: PyramidError) -> bool:
    """Whether doing the block again may go well: what the system or a store said, not what the source holds."""
    cause = error.__cause__
    if isinstance(cause, StorageError):  # whose requests were made again for as long as was wanted
        return False
    if isinstance(cause, OSError) and cause.errno in _FINAL:
        return False
    return isinstance(error, TargetError) or isinstance(cause, OSError)
