"""One task: read a block, make its part of every level, write each part as soon as it is made."""

from __future__ import annotations

import errno
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyramid.block import Buffers, Build, Read
from pyramid.errors import PyramidError, StoppedError, StorageError, TargetError
from pyramid.model import Box, Source
from pyramid.planning import Pass, Plan
from pyramid.receipt import Extremes, Receipt, join, measure
from pyramid.reduce import load_method
from pyramid.sink import Sink
from pyramid.stores import giving_up_when, take_retries

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
    one: Pass
    sink: Sink
    source: Source | None
    buffers: Buffers

    def __call__(self, index: int, pixels: NDArray[Any] | None = None) -> Receipt:
        """Do block `index`.

        Raises what a repetition may mend; what it cannot is told by the receipt.
        """
        box = self.one.box(index)
        dtype = np.dtype(self.plan.spec.dtype)
        source_bytes = box.size_px * dtype.itemsize
        build = Build(self.plan.levels, self.one, dtype, load_method(self.plan.method), self.buffers)
        extremes: dict[int, Extremes] = {}
        try:
            with (
                giving_up_when(self.buffers.is_stopped),
                self.sink.write_block(self.buffers) as writing,
                self.buffers.working,
            ):
                for part in build.parts(box, self._reader(box, pixels)):
                    if part.level == 0:
                        join(extremes, measure(part.pixels, part.box, self.plan.spec.axes))
                    writing.add(part)
        except PyramidError as error:
            if may_mend(error):
                raise
            return Receipt(index, source_bytes, failure=error)
        except MemoryError as error:
            raise StoppedError(
                f"block {index} at {box.start}: there is no memory left; give a smaller --memory"
            ) from error
        return Receipt(index, source_bytes, tuple(extremes.items()), requests_again=take_retries())

    def _reader(self, box: Box, handed: NDArray[Any] | None) -> Read:
        """What fills an array with the pixels of a slab of the block at `box`."""
        if self.one.source is not None:
            return functools.partial(self.sink.read, self.one.source)
        if handed is None:
            assert self.source is not None  # which a task without pixels has
            return self.source.read

        def copy(slab: Box, out: NDArray[Any]) -> None:
            start = tuple(a - b for a, b in zip(slab.start, box.start, strict=True))
            out[...] = handed[Box(start, slab.shape).slices]

        return copy


def may_mend(error: PyramidError) -> bool:
    """Whether doing the block again may go well: what the system or a store said, not what the source holds."""
    cause = error.__cause__
    if isinstance(cause, StorageError):  # whose requests were made again for as long as was wanted
        return False
    if isinstance(cause, OSError) and cause.errno in _FINAL:
        return False
    return isinstance(error, TargetError) or isinstance(cause, OSError)
